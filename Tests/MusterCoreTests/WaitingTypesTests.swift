import Testing

@testable import MusterCore

/// What gangs of several types, with a spread, with rules about nodes or alone on them are told: every cause with its own numbers.
@Suite struct WaitingTypesTests {
  private static let types = ["H100", "H100", "GB200", "GB200"]

  @Test("of several types each is told with what it has free, and what is out of service or taken out soon")
  func each() {
    for isParts in [false, true] {
      var fleet = Fleet(types: Self.types)
      _ = fleet.submit(Fleet.spec(nodes: 6, walltime: .seconds(7_200)) { $0.deviceTypes = ["H100"] })
      let from = fleet.now + .seconds(600)
      fleet.say(.addMaintenance(Maintenance(id: 0, from: from, to: from + .seconds(7_200), nodes: "n[8-11]")))
      fleet.say(.drain(node: "n12", reason: "fan"))
      let spec = Fleet.spec(nodes: 8, devices: isParts ? 4 : 8, walltime: .seconds(3_600)) {
        $0.deviceTypes = ["H100", "GB200"]
      }
      let told = fleet.waiting(fleet.submit(spec)).causes.map(\.message)
      #expect(told.contains { $0.contains("free now: 2 with H100") }, "\(told)")
      #expect(told.contains { $0.contains("free now: 7 with GB200") }, "\(told)")
      #expect(told.contains("1 node with GB200 is out of service: n12 drained"), "\(told)")
      #expect(told.contains { $0.hasSuffix("before it would end: it takes 4 nodes with GB200") }, "\(told)")
    }
  }

  @Test("a gang with rules about nodes is told of those that it may have: in maintenance, out of service")
  func filtered() {
    var fleet = Fleet()
    fleet.say(
      .addMaintenance(Maintenance(id: 0, from: fleet.now, to: fleet.now + .seconds(7_200), nodes: "n[0,2]")))
    fleet.say(.drain(node: "n4", reason: "fan"))
    fleet.say(.drain(node: "n5", reason: "fan"))
    let job = fleet.submit(
      Fleet.spec(nodes: 6, walltime: .seconds(3_600)) { $0.constraint = [LabelRule(key: "new", value: "yes")] })
    let told = fleet.waiting(job).causes.map(\.message)
    #expect(told.contains("needs 6 nodes; of those that are free 5 match what it asks for"), "\(told)")
    #expect(told.contains("1 node is out of service: n4 drained"), "\(told)")
    #expect(told.contains { $0.contains("maintenance of n[0,2]") && $0.hasSuffix("it takes 2 nodes") }, "\(told)")
  }

  @Test("a spread is told what its best place has")
  func spread() {
    var fleet = Fleet()
    _ = fleet.submit(Fleet.spec(nodes: 4, walltime: .seconds(3_600)) { $0.within = Within(level: "rack") })
    let job = fleet.submit(Fleet.spec(nodes: 8) { $0.spread = Spread(level: "rack", atMost: 2) })
    #expect(
      fleet.waiting(job).causes.map(\.message) == [
        "enough nodes are free, not in its shape: it needs 8 nodes, at most 2 in each rack, and the best place has 6 free"
      ])
  }

  @Test("one that is alone on its nodes is told which of them do not serve")
  func alone() {
    var fleet = Fleet()
    fleet.say(.drain(node: "n3", reason: "fan"))
    let job = fleet.submit(Fleet.spec(nodes: 16, devices: 2) { $0.isExclusive = true })
    let told = fleet.waiting(job).causes.map(\.message)
    #expect(told.contains("1 node is out of service: n3 drained"), "\(told)")
  }
}
