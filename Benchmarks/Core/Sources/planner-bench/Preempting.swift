import Glibc
import MusterCore

/// A busy fleet of which everything that runs may be stopped, and what each would lose.
struct BusyFleet {
  let topology: Topology
  let shape: FleetShape
  var view: PlanningView
  let tree: ProjectTree
  /// By attempt number less 1: what is lost if that gang is stopped.
  var costs: [Int64] = []

  /// `mostOfGang`: devices of the largest gang; it says how many gangs fill the fleet. `guaranteed`: of the fleet to all
  /// projects together, which nobody may take from them. `isFull`: no node is free either.
  init?(_ shape: FleetShape, seed: UInt64, mostOfGang: Double, guaranteed: Double, isFull: Bool = false) {
    guard let topology = shape.topology() else { return nil }
    (self.topology, self.shape) = (topology, shape)
    var workload = Workload(seed: seed, shape)
    view = workload.busyView(topology, mostOfGang: mostOfGang)
    if isFull { Self.fillUp(&view) }
    tree = ProjectTree(Self.policy(shape, guaranteed), topology)
    var used = [[Int32]](repeating: [0], count: tree.count)
    let ends = view.running.indices
    for i in ends {
      let devices = Self.devices(of: view.running[i], shape)
      for at in tree.path(tree.number("p\(view.running[i].project)")) { used[Int(at)][0] += devices }
    }
    var table = VictimTable(tree, used: used)
    table.ofShared = view.sharedNodes.map { _ in [] }
    for i in ends {
      // A checkpoint up to an hour old, and two to twenty minutes to start again.
      let seconds = Double(workload.dice.draw(3600)) + workload.dice.logUniform(120, 1200)
      let cost = Int64(Self.devices(of: view.running[i], shape)) * Int64(seconds * 1000)
      costs.append(cost)
      table.add(
        Candidate(
          attempt: AttemptID(job: JobID(Int64(i + 1)), number: 1), priority: 0,
          owner: tree.number("p\(view.running[i].project)"), cost: cost, entries: i..<i + 1))
      if case .part(let node, _) = view.running[i].place { table.ofShared[Int(node)]?.append(Int32(i)) }
    }
    view.victims = table
    view.mode.preemptions = .max
  }

  static func devices(of gang: RunningGang, _ shape: FleetShape) -> Int32 {
    switch gang.place {
    case .whole(let places): places.reduce(0) { $0 + $1.nodes } * shape.devices
    case .part(_, let devices), .away(_, let devices): devices
    }
  }

  /// 200 projects under 20 parents, each guaranteed the same; and one that uses nothing of 4,096 devices.
  static func policy(_ shape: FleetShape, _ guaranteed: Double) -> Policy {
    var policy = Policy()
    let own = Int32(Double(shape.total) * Double(shape.devices) * guaranteed) / Int32(Workload.projects)
    for parent in 0..<20 {
      policy.projects.append(ProjectPolicy(name: "team\(parent)", quotas: [DeviceQuota(guaranteed: own * 10)]))
    }
    for i in 0..<Workload.projects {
      policy.projects.append(
        ProjectPolicy(name: "p\(i)", parent: "team\(i / 10)", quotas: [DeviceQuota(guaranteed: own)]))
    }
    policy.projects.append(ProjectPolicy(name: "idle", quotas: [DeviceQuota(guaranteed: 4096)]))
    return policy
  }

  /// What is free in a leaf is one more gang there.
  private static func fillUp(_ view: inout PlanningView) {
    let free = freeNodes(view)
    for (leaf, nodes) in free.enumerated() where nodes > 0 {
      view.running.append(
        RunningGang(
          project: Int32(leaf % Workload.projects), place: .whole([LeafNodes(leaf: Int32(leaf), nodes: nodes)]),
          end: view.now + .seconds(86_400)))
    }
  }

  /// By leaf.
  static func freeNodes(_ view: PlanningView) -> [Int32] {
    var free = view.nodesInService
    for node in view.sharedNodes { free[Int(node.leaf)] -= 1 }
    for gang in view.running {
      if case .whole(let places) = gang.place { for place in places { free[Int(place.leaf)] -= place.nodes } }
    }
    return free
  }

  /// A gang of higher priority that everything that runs may be stopped for.
  func important(nodes: Int32, segment: Int32) -> PendingGang {
    var gang = PendingGang(
      nodes: nodes, devicesPerNode: shape.devices, segment: segment, walltime: .seconds(3 * 86_400), project: -1)
    (gang.priority, gang.mayPreempt) = (10, true)
    return gang
  }
}

/// One gang that others are stopped for, planned from a view, with its nodes named by what will be free.
func preempting(_ shape: FleetShape, nodes: Int32, mostOfGang: Double) {
  guard let fleet = BusyFleet(shape, seed: 5, mostOfGang: mostOfGang, guaranteed: 0.1) else {
    return print("\(shape.name): not a topology")
  }
  report(fleet, fleet.important(nodes: nodes, segment: 16), "\(shape.name), gang of \(nodes) by preemption")
}

/// A project within its guarantee takes back 4,000 devices of others; no node is free.
func reclaiming(_ shape: FleetShape, mostOfGang: Double) {
  guard let fleet = BusyFleet(shape, seed: 5, mostOfGang: mostOfGang, guaranteed: 0.5, isFull: true) else {
    return print("\(shape.name): not a topology")
  }
  var gang = PendingGang(
    nodes: 4000 / shape.devices, devicesPerNode: shape.devices, walltime: .seconds(3 * 86_400), project: -1)
  gang.owner = fleet.tree.number("idle")
  report(fleet, gang, "\(shape.name), 4,000 devices reclaimed")
}

private func report(_ fleet: BusyFleet, _ gang: PendingGang, _ what: String) {
  var planner = Planner(topology: fleet.topology)
  var (whole, decision) = (Times(), Times())
  var answer = "no place"
  for _ in 0..<11 {
    whole.measure {
      planner.prepare(fleet.view)
      decision.measure {
        let round = planner.plan(prepared: fleet.view, [gang])
        guard case .preempts(_, _, let victims) = round.answer(0) else { return }
        let cost = victims.reduce(Int64(0)) { $0 + fleet.costs[Int($1.job.number - 1)] }
        answer = "\(victims.count) victims that lose \(cost / 3_600_000) device-hours"
      }
    }
  }
  print("\(what), \(fleet.view.running.count) running: \(answer); \(planner.bytesInUse >> 20) MB")
  print("  with the profile from the view \(whole.text)")
  print("  on a ready profile             \(decision.text)")
  fflush(nil)
}
