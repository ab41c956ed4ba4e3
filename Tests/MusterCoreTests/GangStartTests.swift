import Testing

@testable import MusterCore

/// One job on three nodes whose shims have not yet been heard.
private struct Gang: ~Copyable {
  static let start = Instant(nanoseconds: 1_000_000_000)
  static let size: Int32 = 3
  var controller = Controller(cluster: Cluster(), now: start)

  init() {
    _ = controller.handle(.start, now: Self.start)
    for i in 0..<Self.size {
      let joined = NodeJoined(node: NodeID(i), name: "n\(i)", machine: "m\(i)", boot: "b", devices: 8)
      _ = controller.handle(.agentHello(joined, pid: 1), now: Self.start)
      _ = controller.handle(.agentReport(node: NodeID(i), []), now: Self.start)
    }
    let role = RoleSpec(nodes: Self.size, devicesPerNode: 8, ranksPerNode: 1, command: ["x"], workingDirectory: "/")
    let spec = JobSpec(name: "j", user: "u", role: role)
    _ = controller.handle(.submit([spec], key: "", requestHash: 0), now: Self.start)
    var scheduler = Scheduler(grid: TimeGrid(zones: [TimeGrid.Zone(step: 1, buckets: 8)]))
    if let input = controller.takePlanningInput() {
      _ = controller.handle(.commitPlan(scheduler.plan(input)), now: Self.start)
    }
  }

  /// A controller that starts on the same journal.
  init(after other: borrowing Gang) throws {
    controller = Controller(cluster: try Cluster(snapshot: other.controller.cluster.encodeSnapshot()), now: Self.start)
    _ = controller.handle(.start, now: Self.start)
  }

  static func member(_ index: Int32) -> MemberID {
    MemberID(attempt: AttemptID(job: JobID(1), number: 1), index: index)
  }

  mutating func say(_ state: ShimReport.State, _ member: Int32) {
    let report = ShimReport(state: state, port: member == 0 ? 1 : 0, ranks: [])
    _ = controller.handle(.shimReport(Self.member(member), report), now: Self.start)
  }

  var mayGo: Bool { if case .go = controller.order(for: Self.member(1)) { true } else { false } }
  var phase: Attempt.Phase? {
    controller.cluster.attemptSlot(Self.member(0).attempt).map { controller.cluster.attempts[$0].phase }
  }
  var lastHasStopped: Bool? {
    controller.cluster.memberSlot(Self.member(2)).map { controller.cluster.members[$0].stopped }
  }
}

/// How a gang's members are counted on their way to the start.
@Suite struct GangStartTests {
  @Test("a gang goes when its last shim has prepared and runs when its last has started, however often each says so")
  func counted() {
    var gang = Gang()
    for member: Int32 in [0, 0, 1, 1] { gang.say(.prepared, member) }
    var (mayGo, phase) = (gang.mayGo, gang.phase)
    #expect(!mayGo)
    // One that began anew has not prepared any more.
    gang.say(.preparing, 1)
    gang.say(.prepared, 2)
    mayGo = gang.mayGo
    #expect(!mayGo)
    gang.say(.prepared, 1)
    mayGo = gang.mayGo
    #expect(mayGo)
    for member: Int32 in [0, 0, 2, 2, 0] { gang.say(.running, member) }
    phase = gang.phase
    #expect(phase == .starting)
    gang.say(.running, 1)
    phase = gang.phase
    #expect(phase == .running)
  }

  @Test("a controller that starts anew counts what it is told anew; one whose ranks run means that all may")
  func countedAnew() throws {
    var before = Gang()
    for member in 0..<Gang.size { before.say(.prepared, member) }
    before.say(.running, 0)
    var gang = try Gang(after: before)
    var (mayGo, phase) = (gang.mayGo, gang.phase)
    #expect(!mayGo)
    gang.say(.prepared, 1)
    gang.say(.running, 0)
    mayGo = gang.mayGo
    #expect(mayGo)
    gang.say(.running, 1)
    phase = gang.phase
    #expect(phase == .starting)
    // The last one's ranks have run and ended: that is a start, too.
    gang.say(.stopped, 2)
    let stopped = gang.lastHasStopped
    phase = gang.phase
    #expect(phase == .running && stopped == true)
  }
}
