import Testing

@testable import MusterCore

@Suite struct MaintenanceTests {
  /// With nodes n1 and n2 and, by the policy, a rack r1.
  private static func desk() -> Desk {
    var desk = Desk()
    for i in 0..<Int32(2) {
      desk.say(
        .agentHello(
          NodeJoined(node: NodeID(i), name: "n\(i + 1)", machine: "m\(i)", boot: "b", devices: 8),
          labels: i == 1 ? [Label(key: "row", value: "w2")] : [], pid: 1))
    }
    var policy = Policy()
    policy.topology = TopologyPolicy(
      levels: ["row", "rack"], places: [NodePlaces(domains: ["w1", "r1"], nodes: "n1")])
    desk.say(.applyPolicy(policy))
    return desk
  }

  private static func window(
    _ desk: borrowing Desk, from: Int64 = 10, to: Int64 = 20, nodes: String = "n[1-2]", level: String = "",
    domain: String = ""
  ) -> Command {
    .addMaintenance(
      Maintenance(
        id: 0, from: desk.now + .seconds(from), to: desk.now + .seconds(to), nodes: nodes, level: level,
        domain: domain, reason: "pumps"))
  }

  @Test("a maintenance is planned and removed; its number is never used again")
  func addAndRemove() {
    var desk = Self.desk()
    #expect(desk.say(Self.window(desk)) == .done && desk.say(Self.window(desk, from: -5)) == .done)
    #expect(desk.look { $0.maintenance.map(\.id) } == [1, 2])
    #expect(desk.say(.removeMaintenance(id: 2)) == .done)
    #expect(desk.say(.removeMaintenance(id: 2)) == .refused(.noSuchMaintenance(2)))
    #expect(desk.say(Self.window(desk)) == .done)
    #expect(desk.look { $0.maintenance.map(\.id) } == [1, 3])
  }

  @Test("what cannot be is refused with its name")
  func refused() {
    var desk = Self.desk()
    #expect(desk.say(Self.window(desk, from: -20, to: -10)) == .refused(.maintenanceIsPast))
    #expect(desk.say(Self.window(desk, from: 20, to: 20)) == .refused(.maintenanceIsPast))
    #expect(desk.say(Self.window(desk, nodes: "n[1-3]")) == .refused(.noSuchNode("n3")))
    #expect(
      desk.say(Self.window(desk, nodes: "", level: "hall", domain: "h"))
        == .refused(.noSuchLevel("hall", known: ["row", "rack"])))
    #expect(
      desk.say(Self.window(desk, nodes: "", level: "rack", domain: "r9"))
        == .refused(.noSuchDomain("r9", level: "rack")))
    #expect(desk.say(Self.window(desk, nodes: "", level: "rack", domain: "r1")) == .done)
    #expect(desk.say(Self.window(desk, nodes: "", level: "row", domain: "w2")) == .done, "a label says so")
  }

  @Test("what is over is forgotten when the next one is planned")
  func forgets() {
    var desk = Self.desk()
    desk.say(Self.window(desk))
    desk.now = desk.now + .seconds(30)
    desk.say(Self.window(desk))
    #expect(desk.look { $0.maintenance.map(\.id) } == [2])
  }

  @Test("the same policy again is no fact")
  func samePolicy() {
    var desk = Self.desk()
    _ = desk.controller.takeFresh()
    let policy = desk.look { $0.policy }
    #expect(desk.say(.applyPolicy(policy)) == .done && desk.controller.takeFresh().isEmpty)
    var other = policy
    other.priorities = [PriorityClass(name: "urgent", value: 1)]
    #expect(desk.say(.applyPolicy(other)) == .done)
    #expect(desk.controller.takeFresh().map(\.event) == [.policyApplied(other)])
  }
}
