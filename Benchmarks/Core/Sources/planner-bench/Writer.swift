import Glibc
import MusterCore

/// A controller with 62,500 nodes in its racks and blocks, as its hosts tell it of them.
private func controller(isTree: Bool) -> Controller {
  let shape = FleetShape.large
  var limits = Limits()
  // Nobody beats here.
  (limits.silence, limits.firstWord, limits.lease) = (.seconds(1 << 30), .seconds(1 << 30), .seconds(1 << 30))
  limits.agentSilence = .seconds(1 << 20)
  var controller = Controller(cluster: Cluster(), limits: limits, now: Workload.now)
  _ = controller.handle(.start, now: Workload.now)
  var policy = isTree ? BusyFleet.policy(shape, 0.5) : Policy()
  policy.topology.levels = ["block", "rack"]
  _ = controller.handle(.applyPolicy(policy), now: Workload.now)
  for i in 0..<shape.total {
    let node = NodeID(Int32(i))
    let rack = i / Int(shape.nodes)
    let labels = [
      Label(key: "block", value: "b\(rack / shape.leaves)"), Label(key: "rack", value: "r\(rack)"),
    ]
    let joined = NodeJoined(node: node, name: "n\(i)", machine: "m\(i)", boot: "b", devices: shape.devices)
    _ = controller.handle(.agentHello(joined, labels: labels, pid: 1), now: Workload.now)
    _ = controller.handle(.agentReport(node: node, []), now: Workload.now)
  }
  return controller
}

private func spec(_ gang: PendingGang) -> JobSpec {
  let role = RoleSpec(
    nodes: gang.nodes, devicesPerNode: gang.devicesPerNode, ranksPerNode: 1, command: ["x"], workingDirectory: "/")
  var spec = JobSpec(name: "j", user: "u", priority: 0, role: role, walltime: gang.walltime)
  spec.project = "p\(gang.project)"
  return spec
}

/// The writer's part of a round: the list of jobs, with and without a tree of projects.
func takingInput(_ pending: Int) {
  for isTree in [false, true] {
    var controller = controller(isTree: isTree)
    var workload = Workload(seed: 5, .large)
    let specs = workload.gangs(pending).map(spec)
    _ = controller.handle(.submit(specs, key: "", requestHash: 0), now: Workload.now)
    var times = Times()
    var jobs = 0
    for i in 0..<6 {
      // One more job: the next round has something to look at.
      _ = controller.handle(.submit([specs[i]], key: "", requestHash: 0), now: Workload.now)
      if i == 0 {
        // The map of the fleet is made once.
        _ = controller.takePlanningInput()
        continue
      }
      times.measure { jobs = controller.takePlanningInput() == nil ? 0 : 1 }
    }
    print(
      "writer's list, 62,500 nodes, \(pending) pending, \(isTree ? "200 projects in a tree" : "no projects"): \(times.text)\(jobs == 0 ? " (nothing to plan)" : "")"
    )
    fflush(nil)
  }
}

/// Small jobs on half of a fleet: submitted, listed, planned, started, in memory.
func smallJobs() {
  for isTree in [false, true] {
    var controller = controller(isTree: isTree)
    var scheduler = Scheduler()
    var dice = Dice(state: 3)
    var (times, list, plan, commit) = (Times(), Times(), Times(), Times())
    let count = 10_000
    for round in 0..<7 {
      // Made durable, and told.
      _ = controller.takeFresh()
      _ = controller.takeDirty()
      let specs = (0..<count).map { _ in
        var gang = PendingGang(
          nodes: 1, devicesPerNode: Int32(dice.draw(8) + 1), walltime: .seconds(Int64(dice.logUniform(600, 86_400))))
        gang.project = Int32(dice.draw(Workload.projects))
        return spec(gang)
      }
      _ = controller.handle(.submit(specs, key: "", requestHash: 0), now: Workload.now)
      let before = controller.cluster.pending.count
      func once() {
        guard let input = list.measure({ controller.takePlanningInput() }) else { return }
        let planned = plan.measure { scheduler.plan(input) }
        _ = commit.measure { controller.handle(.commitPlan(planned), now: Workload.now) }
      }
      if round == 0 { once() } else { times.measure(once) }
      if round == 6 { print("  started in the last round: \(before - controller.cluster.pending.count) of \(before)") }
    }
    print("  listed \(list.text), planned \(plan.text), started \(commit.text)")
    let median = times.cpu.sorted()[times.cpu.count / 2]
    print(
      "small jobs, listed, planned and started, \(isTree ? "200 projects in a tree" : "no projects"): \(count) in \(times.text), \(Int(Double(count) / median * 1000)) a second"
    )
    fflush(nil)
  }
}

/// The writer's part of `GET /v1/map`: copying what a map of the fleet is drawn from.
func fleetPictures() {
  var controller = controller(isTree: false)
  var scheduler = Scheduler()
  let gang = PendingGang(nodes: 64, devicesPerNode: FleetShape.large.devices, walltime: .seconds(3600))
  for isBusy in [false, true] {
    if isBusy {
      _ = controller.handle(
        .submit(Array(repeating: spec(gang), count: 970), key: "", requestHash: 0), now: Workload.now)
      while let input = controller.takePlanningInput() {
        _ = controller.handle(.commitPlan(scheduler.plan(input)), now: Workload.now)
      }
    }
    var times = Times()
    var placements = 0
    for round in 0..<11 {
      // The map of the fleet is made once.
      if round == 0 { _ = controller.fleetPicture() }
      placements = times.measure { controller.fleetPicture() }.jobs.count
    }
    print("a picture of 62,500 nodes, \(placements) of them with a member: \(times.text)")
    fflush(nil)
  }
}
