import Testing

@testable import MusterCore

@Suite struct FleetPictureTests {
  /// Eight nodes of 8 devices in two racks, in an order that is neither theirs nor their names'.
  private static func desk() -> Desk {
    var desk = Desk()
    for (i, name) in ["n10", "n9", "n1", "n2", "n3", "n4", "n5", "n6"].enumerated() {
      let joined = NodeJoined(node: NodeID(Int32(i)), name: name, machine: name, boot: "b", devices: 8)
      let rack = i % 2 == 0 ? "r2" : "r10"
      desk.say(.agentHello(joined, labels: [Label(key: "rack", value: rack)], pid: 1))
      desk.say(.agentReport(node: NodeID(Int32(i)), []))
    }
    return desk
  }

  @Test("nodes stand by domain, then by name as people count")
  func order() {
    var desk = Self.desk()
    let picture = desk.controller.fleetPicture()
    let names = desk.controller.cluster.nodeDetails.map(\.joined.name)
    #expect(picture.levels == ["rack"] && picture.domains == [["r2", "r10"]])
    #expect(
      picture.order(names: names).map { names[Int($0)] } == ["n1", "n3", "n5", "n10", "n2", "n4", "n6", "n9"])
  }

  @Test("names without a number, or with one that no integer holds, have a place, too")
  func oddNames() {
    var picture = FleetPicture()
    picture.standings = Array(repeating: .inService, count: 4)
    let names = ["b", "a99999999999999999999999", "a", "a100000000000000000000000"]
    #expect(picture.order(names: names).map { names[Int($0)] } == ["a", names[1], names[3], "b"])
  }

  @Test("each node has its standing, its devices, and whose they are")
  func columns() {
    var desk = Self.desk()
    let role = RoleSpec(nodes: 2, devicesPerNode: 3, command: ["x"], workingDirectory: "/")
    for _ in 0..<2 {
      desk.say(.submit([JobSpec(name: "j", user: "u", role: role)], key: "", requestHash: 0))
      var scheduler = Scheduler()
      while let input = desk.controller.takePlanningInput() { desk.say(.commitPlan(scheduler.plan(input))) }
    }
    desk.say(.drain(node: "n6", reason: "fan"))
    var window = Maintenance(id: 0, from: desk.controller.now, to: desk.controller.now + .seconds(60))
    window.nodes = "n5"
    desk.say(.addMaintenance(window))
    let picture = desk.controller.fleetPicture()
    let names = desk.controller.cluster.nodeDetails.map(\.joined.name)
    let standing = Dictionary(uniqueKeysWithValues: zip(names, picture.standings))
    #expect(standing["n6"] == .draining && standing["n5"] == .maintenance && standing["n1"] == .inService)
    #expect(picture.devices == Array(repeating: 8, count: 8))
    #expect(picture.placementCounts.reduce(0) { $0 + Int($1) } == 4)
    #expect(picture.jobs.sorted() == [1, 1, 2, 2])
    #expect(picture.masks.allSatisfy { $0.nonzeroBitCount == 3 })
    #expect(picture.sequence == desk.controller.cluster.sequence)
  }
}
