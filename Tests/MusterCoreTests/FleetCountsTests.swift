import Testing

@testable import MusterCore

@Suite struct FleetCountsTests {
  /// Nodes of 8 devices: n0 to n4 in b1/r1, n5 in b1/r2, n6 and n7 in b1.x/r1, each by its labels.
  private static func desk() -> Desk {
    var desk = Desk()
    var policy = Policy()
    policy.topology = TopologyPolicy(levels: ["block", "rack"], places: [])
    desk.say(.applyPolicy(policy))
    for i in 0..<Int32(8) {
      let (block, rack) = i < 5 ? ("b1", "r1") : i < 6 ? ("b1", "r2") : ("b1/x", "r1")
      desk.say(
        .agentHello(
          NodeJoined(node: NodeID(i), name: "n\(i)", machine: "m\(i)", boot: "b", devices: 8),
          labels: [Label(key: "block", value: block), Label(key: "rack", value: rack)], pid: 1))
      desk.say(.agentReport(node: NodeID(i), []))
    }
    return desk
  }

  private static func start(
    _ desk: inout Desk, nodes: Int32, devicesPerNode: Int32, _ change: (inout Wishes) -> Void = { _ in }
  ) {
    var wishes = Wishes()
    change(&wishes)
    let role = RoleSpec(nodes: nodes, devicesPerNode: devicesPerNode, command: ["x"], workingDirectory: "/")
    desk.say(.submit([JobSpec(name: "j", user: "u", role: role, wishes: wishes)], key: "", requestHash: 0))
    var scheduler = Scheduler()
    while let input = desk.controller.takePlanningInput() { desk.say(.commitPlan(scheduler.plan(input))) }
  }

  /// `free/busy/out of nodes, devices in use of devices`.
  private static func shown(_ domain: FleetCounts.Domain) -> String {
    "\(domain.path) \(domain.free)/\(domain.busy)/\(domain.outOfService) of \(domain.nodes), "
      + "\(domain.devicesInUse) of \(domain.devices)"
  }

  @Test("each domain counts its own nodes, and is followed by those within it")
  func counts() {
    var desk = Self.desk()
    Self.start(&desk, nodes: 1, devicesPerNode: 2) {
      $0.constraint = [LabelRule(key: "block", value: "b1"), LabelRule(key: "rack", value: "r1")]
    }
    for name in ["n5", "n7"] { desk.say(.drain(node: name, reason: "fan")) }
    let counts = desk.controller.fleetCounts(sizes: [1, 2, 4])
    #expect(counts.levels == ["block", "rack"])
    #expect(counts.domains.map(\.path) == ["b1", "b1/r1", "b1/r2", "b1/x", "b1/x/r1"])
    #expect(counts.domains.map(\.level) == [0, 1, 1, 0, 1] && counts.domains.map(\.parent) == [-1, 0, 0, -1, 3])
    #expect(
      counts.domains.map(Self.shown) == [
        "b1 4/1/1 of 6, 2 of 48", "b1/r1 4/1/0 of 5, 2 of 40", "b1/r2 0/0/1 of 1, 0 of 8", "b1/x 1/0/1 of 2, 0 of 16",
        "b1/x/r1 1/0/1 of 2, 0 of 16",
      ])
    #expect(counts.places.map(\.count) == [5, 2, 1, 5, 2, 1])
    #expect(counts.places.map(\.level) == [0, 0, 0, 1, 1, 1] && counts.places.map(\.nodes) == [1, 2, 4, 1, 2, 4])
  }

  @Test("room is within one domain: two free nodes of two racks are none for a gang of two in one rack")
  func places() {
    var desk = Self.desk()
    for name in ["n0", "n1", "n2", "n3"] { desk.say(.drain(node: name, reason: "fan")) }
    let counts = desk.controller.fleetCounts(sizes: [2])
    #expect(counts.places.map(\.count) == [2, 1])
  }

  @Test("a busy node that is drained counts as both; one without an agent is out of service")
  func both() {
    var desk = Self.desk()
    Self.start(&desk, nodes: 8, devicesPerNode: 8)
    desk.say(.drain(node: "n5", reason: "fan"))
    desk.say(.agentGone(node: NodeID(6)))
    let counts = desk.controller.fleetCounts(sizes: [1])
    #expect(Self.shown(counts.domains[2]) == "b1/r2 0/1/1 of 1, 8 of 8")
    #expect(Self.shown(counts.domains[4]) == "b1/x/r1 0/2/1 of 2, 16 of 16")
  }

  @Test("held, suspect, isolated and in maintenance are told apart, and each node is one of them, busy or free")
  func apart() {
    var fleet = Fleet()
    let low = fleet.submit(Array(repeating: Fleet.spec(nodes: 2), count: 7))
    for job in low { for state: ShimReport.State in [.prepared, .running] { fleet.tell(job, state) } }
    let idle = (0..<16).filter { node in !low.contains { fleet.nodes($0).contains(node) } }
    fleet.say(
      .addMaintenance(
        Maintenance(id: 0, from: fleet.now, to: fleet.now + .seconds(60), nodes: "n\(idle[0])")))
    fleet.say(.drain(node: "n\(idle[1])", reason: "fan"))
    _ = fleet.submit(Fleet.spec(nodes: 4, priority: 9) { $0.within = Within(level: "rack") })
    let stopping = low.filter { fleet.state($0) == .stopping }
    fleet.tell(stopping[0], .stopped)
    let others = low.filter { !stopping.contains($0) }.map { fleet.nodes($0)[0] }
    fleet.say(.nodeDied(node: "n\(others[0])", evidence: "gone"))
    fleet.controller.note(.nodeSuspected(node: NodeID(others[1]), reason: "silent"))
    var all = FleetCounts.Domain(level: 0, name: "", path: "", parent: -1)
    for domain in fleet.controller.fleetCounts(sizes: []).domains where domain.level == 0 {
      all.nodes += domain.nodes
      all.held += domain.held
      all.suspect += domain.suspect
      all.isolated += domain.isolated
      all.maintenance += domain.maintenance
      all.busy += domain.busy
      all.outOfService += domain.outOfService
    }
    #expect([all.held, all.suspect, all.isolated, all.maintenance] == [2, 1, 1, 1])
    // With the drained one.
    #expect(all.outOfService == 3 && all.busy == 16 - 2 - 3 - 1)
  }

  @Test("no nodes, no numbers")
  func empty() {
    var desk = Desk()
    let counts = desk.controller.fleetCounts(sizes: [1])
    #expect(counts.domains.map(Self.shown) == ["default 0/0/0 of 0, 0 of 0"] && counts.places.map(\.count) == [0])
  }
}
