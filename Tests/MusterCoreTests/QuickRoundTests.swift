import Testing

@testable import MusterCore

/// Jobs that end between two rounds, as the controller and its host see it.
@Suite struct QuickRoundTests {
  private static let hour = Span.seconds(3600)

  @Test("who is over before a place that is held starts at once; the whole round follows")
  func beside() throws {
    var fleet = Fleet()
    let long = fleet.submit(Fleet.spec(nodes: 12, walltime: Self.hour * 10))
    let ended = fleet.submit(Fleet.spec(nodes: 4, walltime: Self.hour * 10))
    let first = fleet.submit(Fleet.spec(nodes: 16, walltime: Self.hour * 10))
    let tooLong = fleet.submit(Fleet.spec(nodes: 4, walltime: Self.hour * 20))
    let short = fleet.submit(Fleet.spec(nodes: 4, walltime: Self.hour))
    let told = fleet.waiting(first).start
    fleet.stop(ended)
    try fleet.round(isQuick: true)
    #expect(fleet.state(short) == .starting && fleet.state(tooLong) == .pending && fleet.state(first) == .pending)
    try fleet.round(isQuick: false)
    let another = fleet.controller.takeRound()
    #expect(another == nil)
    #expect(fleet.waiting(first).start == told && fleet.state(long) != .pending)
  }

  @Test("what the first that waits can use sooner than it was told is not taken by those behind it")
  func first() throws {
    var fleet = Fleet()
    _ = fleet.submit(Fleet.spec(nodes: 8, walltime: Self.hour * 2))
    let ended = fleet.submit(Fleet.spec(nodes: 8, walltime: Self.hour * 10))
    let first = fleet.submit(Fleet.spec(nodes: 16, walltime: Self.hour))
    // It would be over before the start that the first was told, and not before the one that it will be told.
    let between = fleet.submit(Fleet.spec(nodes: 8, walltime: Self.hour * 5))
    let short = fleet.submit(Fleet.spec(nodes: 2, walltime: Self.hour))
    fleet.stop(ended)
    try fleet.round(isQuick: true)
    #expect(fleet.state(short) == .starting && fleet.state(between) == .pending)
    try fleet.round(isQuick: false)
    let start = try #require(fleet.waiting(first).start)
    #expect(start - fleet.now < Self.hour * 3 && fleet.state(between) == .pending)
  }

  @Test(
    "what somebody is about to leave to the first that waits is not missed: those behind it wait for the whole round")
  func leaving() throws {
    var fleet = Fleet()
    let leaving = fleet.submit(Fleet.spec(nodes: 12, walltime: Self.hour * 10))
    let ended = fleet.submit(Fleet.spec(nodes: 4, walltime: Self.hour * 10))
    let first = fleet.submit(Fleet.spec(nodes: 16, walltime: Self.hour))
    // It would be over before the start that the first was told, and long after the grace of the one that is leaving.
    let behind = fleet.submit(Fleet.spec(nodes: 4, walltime: Self.hour * 5))
    _ = fleet.controller.handle(.cancel(leaving), now: fleet.now)
    fleet.stop(ended)
    try fleet.round(isQuick: false)
    let start = try #require(fleet.waiting(first).start)
    #expect(fleet.state(leaving) == .stopping && fleet.state(behind) == .pending)
    #expect(start - fleet.now < Self.hour)
  }

  @Test("the first that waits starts at once where it was promised the place that became free")
  func owner() throws {
    var fleet = Fleet()
    let ended = fleet.submit(Fleet.spec(nodes: 16, walltime: Self.hour * 2))
    let first = fleet.submit(Fleet.spec(nodes: 16, walltime: Self.hour * 30))
    fleet.stop(ended)
    try fleet.round(isQuick: true)
    #expect(fleet.state(first) == .starting)
  }

  @Test("a member that has stopped is no reason for a round before its attempt is over")
  func members() {
    var fleet = Fleet()
    let two = fleet.submit(Fleet.spec(nodes: 2, walltime: Self.hour))
    _ = fleet.submit(Fleet.spec(nodes: 16, walltime: Self.hour))
    for state: ShimReport.State in [.prepared, .running] { fleet.tell(two, state) }
    for index: Int32 in 0...1 {
      let early = fleet.controller.takeRound()
      #expect(early == nil)
      let member = MemberID(attempt: AttemptID(job: two, number: 1), index: index)
      _ = fleet.controller.handle(
        .shimReport(member, ShimReport(state: .stopped, port: 1, ranks: [])), now: fleet.now)
    }
    let input = fleet.controller.takeRound()
    #expect(input?.isQuick == true)
  }

  @Test("if anything else has happened the whole round says who starts", arguments: 0...10)
  func more(what: Int) throws {
    var fleet = Fleet()
    let ended = fleet.submit(Fleet.spec(nodes: 16, walltime: Self.hour * 2))
    let spec = Fleet.spec(nodes: 16, walltime: Self.hour)
    switch what {
    case 0:
      _ = fleet.submit(
        Fleet.spec(nodes: 16, walltime: Self.hour) { $0.dependsOn = [Dependency(kind: .afterany, job: ended)] })
    case 1: fleet.pass(.seconds(1))
    default: break
    }
    let next = fleet.submit(spec)
    if what == 10 { _ = fleet.submit(spec) }
    var policy = fleet.controller.cluster.policy
    policy.projects = [ProjectPolicy(name: "default", limits: UseLimits(devices: 64))]
    let window = Maintenance(id: 0, from: fleet.now + .seconds(600), to: fleet.now + Self.hour, reason: "pumps")
    let labels = [Label(key: "block", value: "b0"), Label(key: "new", value: "no"), Label(key: "rack", value: "r0")]
    let again = NodeJoined(node: NodeID(0), name: "n0", machine: "m0", boot: "b", devices: 8, deviceType: "")
    fleet.stop(ended)
    switch what {
    case 2: _ = fleet.controller.handle(.submit([spec], key: "", requestHash: 0), now: fleet.now)
    case 3: _ = fleet.controller.handle(.drain(node: "n3", reason: "x"), now: fleet.now)
    case 4: _ = fleet.controller.handle(.agentGone(node: NodeID(3)), now: fleet.now)
    case 5: _ = fleet.controller.handle(.hold(next), now: fleet.now)
    case 6: _ = fleet.controller.handle(.applyPolicy(policy), now: fleet.now)
    case 7: _ = fleet.controller.handle(.addMaintenance(window), now: fleet.now)
    case 8: _ = fleet.controller.handle(.nodeDied(node: "n3", evidence: "x"), now: fleet.now)
    case 9: _ = fleet.controller.handle(.agentHello(again, labels: labels, pid: 1), now: fleet.now)
    case 10: _ = fleet.controller.handle(.cancel(next), now: fleet.now)
    default: break
    }
    let taken = fleet.controller.takeRound()
    let input = try #require(taken)
    // Time alone is no change.
    #expect(input.isQuick == (what == 1))
  }

  @Test("what happens while a quick round is on its way leaves all to the whole one")
  func stale() throws {
    var fleet = Fleet()
    let ended = fleet.submit(Fleet.spec(nodes: 16, walltime: Self.hour * 2))
    let next = fleet.submit(Fleet.spec(nodes: 8, walltime: Self.hour))
    fleet.stop(ended)
    let taken = fleet.controller.takeRound()
    let input = try #require(taken)
    let command = fleet.scheduler.plan(input)
    _ = fleet.controller.handle(.drain(node: "n3", reason: "x"), now: fleet.now)
    _ = fleet.controller.handle(command, now: fleet.now)
    #expect(input.isQuick && fleet.state(next) == .pending)
    fleet.plan()
    #expect(fleet.state(next) == .starting)
  }

  @Test("the first that waits never starts later than it was told, whoever ends and starts", arguments: 1...30)
  func promises(seed: Int) {
    var dice = SeededDice(seed)
    var fleet = Fleet(devices: 4, mode: PlanningMode())
    var (told, jobs): ([JobID: Instant], [JobID]) = ([:], [])
    for _ in 0..<150 {
      let running = jobs.filter { fleet.state($0) == .starting || fleet.state($0) == .running }
      if dice.chance(50) || running.isEmpty {
        let spec = Fleet.spec(
          nodes: Int32(dice.draw(1...9)), devices: dice.chance(70) ? 4 : Int32(dice.draw(1...3)),
          walltime: .seconds(Int64(dice.draw(1...30)) * 900 - 100))
        jobs.append(fleet.submit(spec))
      } else if dice.chance(80) {
        fleet.end(running[dice.draw(0...running.count - 1)])
      } else {
        fleet.pass(.seconds(Int64(dice.draw(1...200))))
        for job in jobs where fleet.state(job) == .stopping { fleet.tell(job, .stopped) }
      }
      guard let first = jobs.first(where: { fleet.state($0) == .pending }) else { continue }
      let start = fleet.waiting(first).start ?? .never
      #expect(start <= told[first] ?? .never, "job \(first)")
      told[first] = start
    }
    #expect(fleet.quickStarts > 0)
  }
}

extension RoundInput {
  var isQuick: Bool { if case .quick = self { true } else { false } }
}

extension Fleet {
  /// All members of its first attempt run, and have ended, and nobody plans meanwhile.
  mutating func stop(_ id: JobID) {
    let nodes = controller.cluster.slot(of: id).map { controller.cluster.jobs[$0].nodes } ?? 0
    for state: ShimReport.State in [.prepared, .running, .stopped] {
      for i in 0..<nodes {
        let member = MemberID(attempt: AttemptID(job: id, number: 1), index: i)
        _ = controller.handle(.shimReport(member, ShimReport(state: state, port: 1, ranks: [])), now: now)
      }
    }
  }

  /// The next round alone.
  /// - Parameter after: how late it comes back.
  mutating func round(isQuick: Bool, after late: Span = .zero) throws {
    let taken = controller.takeRound()
    let input = try #require(taken)
    #expect(input.isQuick == isQuick)
    let command = scheduler.plan(input)
    now = now + late
    _ = controller.handle(command, now: now)
  }
}
