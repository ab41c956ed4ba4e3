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
    case .part(_, let devices): devices
    }
  }

  /// 200 projects under 20 parents, each guaranteed the same; and one that uses nothing of 4,096 devices.
  private static func policy(_ shape: FleetShape, _ guaranteed: Double) -> Policy {
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

// MARK: The victims' loss against a bound

/// Drawn gangs, and what their victims lose more than the least that a fraction of victims could lose.
func victimsLoss(_ shape: FleetShape, cases: Int) {
  var over: [Double] = []
  for (number, most) in [2000.0, 300.0].enumerated() {
    guard let fleet = BusyFleet(shape, seed: 5 + UInt64(number), mostOfGang: most, guaranteed: 0) else {
      return print("\(shape.name): not a topology")
    }
    var dice = Dice(state: 77 + UInt64(number))
    var planner = Planner(topology: fleet.topology)
    var found = 0
    while found < cases / 2 {
      let segment: Int32 = [1, 2, 4, 16][dice.draw(4)]
      let drawn = Int32(dice.logUniform(64, Double(shape.total) / 2))
      let gang = fleet.important(nodes: (drawn + segment - 1) / segment * segment, segment: segment)
      let round = planner.plan(fleet.view, [gang])
      guard case .preempts(_, let place, let victims) = round.answer(0), case .whole(let places) = place else {
        continue
      }
      found += 1
      let cost = Double(victims.reduce(Int64(0)) { $0 + fleet.costs[Int($1.job.number - 1)] })
      let bound = fractionalBound(fleet, gang, places)
      guard bound > 0 else { continue }
      over.append((cost / bound - 1) * 100)
      print(
        "\(shape.name), \(fleet.view.running.count) running, gang of \(padded(Int(gang.nodes), 5)), segments of \(padded(Int(segment), 2)): \(padded(victims.count, 4)) victims, \(padded(over[over.count - 1], 5)) % over the bound"
      )
    }
  }
  let sorted = over.sorted()
  print(
    "\(shape.name): \(over.count) cases, over the bound: median \(padded(sorted[sorted.count / 2], 5)) %, mean \(padded(over.reduce(0, +) / Double(over.count), 5)) %, worst \(padded(sorted[sorted.count - 1], 5)) %"
  )
  fflush(nil)
}

/// The innermost domain around the answer's place: the gang needs its nodes there less all that are free, in whatever
/// leaves. They are bought from the gangs that run there, the least loss for a node in the domain first, of the last one
/// only the fraction that is needed. No choice of whole victims in that domain loses less.
private func fractionalBound(_ fleet: BusyFleet, _ gang: PendingGang, _ places: [LeafNodes]) -> Double {
  let perBlock = Int32(fleet.shape.leaves)
  let blocks = Set(places.map { $0.leaf / perBlock })
  let inside: (Int32) -> Bool =
    if places.count == 1 {
      { $0 == places[0].leaf }
    } else if blocks.count == 1 {
      { blocks.contains($0 / perBlock) }
    } else {
      { _ in true }
    }
  var needed = Double(gang.nodes)
  for (leaf, nodes) in BusyFleet.freeNodes(fleet.view).enumerated() where inside(Int32(leaf)) {
    needed -= Double(nodes)
  }
  var offers: [(nodes: Double, cost: Double)] = []
  var ofShared = [Double](repeating: 0, count: fleet.view.sharedNodes.count)
  for (i, gang) in fleet.view.running.enumerated() {
    switch gang.place {
    case .whole(let places):
      let nodes = places.reduce(0) { $0 + (inside($1.leaf) ? $1.nodes : 0) }
      if nodes > 0 { offers.append((Double(nodes), Double(fleet.costs[i]))) }
    case .part(let node, _): ofShared[Int(node)] += Double(fleet.costs[i])
    }
  }
  for (i, node) in fleet.view.sharedNodes.enumerated() where inside(node.leaf) { offers.append((1, ofShared[i])) }
  offers.sort { $0.cost / $0.nodes < $1.cost / $1.nodes }
  var cost = 0.0
  for offer in offers where needed > 0 {
    cost += offer.cost * min(1, needed / offer.nodes)
    needed -= offer.nodes
  }
  return cost
}
