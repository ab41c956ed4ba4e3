import Testing

@testable import MusterCore

/// Jobs that end between two rounds, as the controller and its host see it.
@Suite struct QuickRoundTests {
  /// All members say that they have ended, and nobody plans yet.
  private func stop(_ id: JobID, _ fleet: inout Fleet) {
    for state: ShimReport.State in [.prepared, .running] { fleet.tell(id, state) }
    for i in 0..<(fleet.controller.cluster.slot(of: id).map { fleet.controller.cluster.jobs[$0].nodes } ?? 0) {
      let member = MemberID(attempt: AttemptID(job: id, number: 1), index: i)
      _ = fleet.controller.handle(
        .shimReport(member, ShimReport(state: .stopped, port: 1, ranks: [])), now: fleet.now)
    }
  }

  private func isQuick(_ input: RoundInput?) -> Bool { if case .quick = input { true } else { false } }

  /// The next round alone.
  private func plan(_ fleet: inout Fleet, isQuick: Bool) throws {
    let taken = fleet.controller.takeRound()
    let input = try #require(taken)
    #expect(self.isQuick(input) == isQuick)
    _ = fleet.controller.handle(fleet.scheduler.plan(input), now: fleet.now)
  }

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
    stop(ended, &fleet)
    try plan(&fleet, isQuick: true)
    #expect(fleet.state(short) == .starting && fleet.state(tooLong) == .pending && fleet.state(first) == .pending)
    try plan(&fleet, isQuick: false)
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
    stop(ended, &fleet)
    try plan(&fleet, isQuick: true)
    #expect(fleet.state(short) == .starting && fleet.state(between) == .pending)
    try plan(&fleet, isQuick: false)
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
    stop(ended, &fleet)
    try plan(&fleet, isQuick: false)
    let start = try #require(fleet.waiting(first).start)
    #expect(fleet.state(leaving) == .stopping && fleet.state(behind) == .pending)
    #expect(start - fleet.now < Self.hour)
  }

  @Test("the first that waits starts at once where it was promised the place that became free")
  func owner() throws {
    var fleet = Fleet()
    let ended = fleet.submit(Fleet.spec(nodes: 16, walltime: Self.hour * 2))
    let first = fleet.submit(Fleet.spec(nodes: 16, walltime: Self.hour * 30))
    stop(ended, &fleet)
    try plan(&fleet, isQuick: true)
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
    #expect(isQuick(input))
  }

  @Test("if anything else has happened the whole round says who starts", arguments: 0...5)
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
    stop(ended, &fleet)
    switch what {
    case 2: _ = fleet.controller.handle(.submit([spec], key: "", requestHash: 0), now: fleet.now)
    case 3: _ = fleet.controller.handle(.drain(node: "n3", reason: "x"), now: fleet.now)
    case 4: _ = fleet.controller.handle(.agentGone(node: NodeID(3)), now: fleet.now)
    case 5: _ = fleet.controller.handle(.hold(next), now: fleet.now)
    default: break
    }
    let taken = fleet.controller.takeRound()
    let input = try #require(taken)
    // Time alone is no change.
    #expect(isQuick(input) == (what == 1))
  }

  @Test("what happens while a quick round is on its way leaves all to the whole one")
  func stale() throws {
    var fleet = Fleet()
    let ended = fleet.submit(Fleet.spec(nodes: 16, walltime: Self.hour * 2))
    let next = fleet.submit(Fleet.spec(nodes: 8, walltime: Self.hour))
    stop(ended, &fleet)
    let taken = fleet.controller.takeRound()
    let input = try #require(taken)
    let command = fleet.scheduler.plan(input)
    _ = fleet.controller.handle(.drain(node: "n3", reason: "x"), now: fleet.now)
    _ = fleet.controller.handle(command, now: fleet.now)
    #expect(isQuick(input) && fleet.state(next) == .pending)
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
