import Testing

@testable import MusterCore

/// What a job's end between two rounds must not let start, or not yet.
@Suite struct QuickRoundSafetyTests {
  private static let hour = Span.seconds(3600)
  /// From the beginning of the tests' time to the next edge of the planner's calendar.
  private static let toEdge = Span.seconds(100)

  enum Wish: CaseIterable {
    case nothing, rack, short, labels, exclusion, spread, roles, mixed, long, held, dependency, begin, array
  }

  /// Four nodes of a rack, an hour long.
  private func spec(_ wish: Wish, _ busy: JobID, now: Instant) -> JobSpec {
    var spec = Fleet.spec(nodes: 4, walltime: Self.hour)
    switch wish {
    case .nothing: break
    case .rack: spec.wishes.within = Within(level: "rack")
    case .short: spec.walltime = Self.hour * 2
    case .long: spec.walltime = Self.hour * 4
    case .labels:
      spec.wishes.constraint = [LabelRule(key: "new", value: "yes")]
      spec.role.nodes = 2
    case .exclusion: (spec.wishes.exclude, spec.role.nodes) = (["n0"], 3)
    case .spread: spec.wishes.spread = Spread(level: "rack", atMost: 4)
    case .roles: spec = RolesTests.spec([(2, 8), (2, 8)], walltime: Self.hour)
    case .mixed: spec.role.devicesPerNode = 4
    case .held: spec.wishes.isHeld = true
    case .dependency: spec.wishes.dependsOn = [Dependency(kind: .afterany, job: busy)]
    case .begin: spec.wishes.begin = now + .seconds(200)
    case .array: spec.wishes.array = ArrayTask(position: 0, count: 1, index: 0, atOnce: 1)
    }
    return spec
  }

  @Test("who may start at once, who waits for the whole round, and who for longer", arguments: Wish.allCases)
  func wishes(wish: Wish) throws {
    var fleet = Fleet()
    let window = (fleet.now + Self.hour * 3, fleet.now + Self.hour * 4)
    fleet.say(.addMaintenance(Maintenance(id: 0, from: window.0, to: window.1, reason: "pumps")))
    let busy = fleet.submit(Fleet.spec(nodes: 12, walltime: Self.hour * 2))
    let ended = fleet.submit(Fleet.spec(nodes: 4, walltime: Self.hour * 2))
    let next = fleet.submit(spec(wish, busy, now: fleet.now))
    _ = fleet.submit(Fleet.spec(nodes: 16, walltime: Self.hour))
    #expect(fleet.state(ended) == .starting && fleet.state(next) == .pending)
    fleet.stop(ended)
    try fleet.round(isQuick: true)
    let startsAtOnce: Set<Wish> = [.nothing, .rack, .short, .array]
    #expect((fleet.state(next) == .starting) == startsAtOnce.contains(wish))
    fleet.plan()
    let startsLater: Set<Wish> = [.long, .held, .dependency, .begin]
    #expect((fleet.state(next) == .starting) != startsLater.contains(wish))
  }

  @Test("whoever is alone on his nodes does not start beside others that stay there")
  func exclusive() throws {
    var fleet = Fleet()
    _ = fleet.submit(Fleet.spec(nodes: 15, walltime: Self.hour * 10))
    let beside = fleet.submit(Fleet.spec(devices: 4, walltime: Self.hour * 10))
    let ended = fleet.submit(Fleet.spec(devices: 4, walltime: Self.hour * 10))
    let alone = fleet.submit(Fleet.spec(devices: 4, walltime: Self.hour) { $0.isExclusive = true })
    let part = fleet.submit(Fleet.spec(devices: 4, walltime: Self.hour))
    #expect(fleet.nodes(beside) == fleet.nodes(ended))
    fleet.stop(ended)
    try fleet.round(isQuick: true)
    #expect(fleet.state(alone) == .pending && fleet.state(part) == .starting)
  }

  @Test("no more of a user's jobs start than he may run")
  func userLimit() throws {
    var fleet = Fleet()
    fleet.declare("default") { $0.userLimits.runningJobs = 1 }
    func spec(_ nodes: Int32, _ user: String, _ walltime: Span) -> JobSpec {
      var spec = Fleet.spec(nodes: nodes, walltime: walltime)
      spec.user = user
      return spec
    }
    _ = fleet.submit(spec(12, "a", Self.hour * 10))
    let ended = fleet.submit(spec(4, "b", Self.hour * 10))
    let waiting = ["a", "c", "c"].map { fleet.submit(spec(1, $0, Self.hour)) }
    fleet.stop(ended)
    try fleet.round(isQuick: true)
    #expect(waiting.map { fleet.state($0) } == [.pending, .starting, .pending])
  }

  @Test("where the end lets a task of an array have its turn, or is on a node that takes no more work, nobody is first")
  func wholeRound() throws {
    var fleet = Fleet()
    let tasks = fleet.submit(
      (0..<2).map { i in
        Fleet.spec(nodes: 2, walltime: Self.hour * 10) {
          $0.array = ArrayTask(position: i, count: 2, index: i, atOnce: 1)
        }
      })
    _ = fleet.submit(Fleet.spec(nodes: 10, walltime: Self.hour * 10))
    let drained = fleet.submit(Fleet.spec(nodes: 4, walltime: Self.hour * 10))
    let next = fleet.submit(Fleet.spec(nodes: 4, walltime: Self.hour))
    fleet.stop(tasks[0])
    try fleet.round(isQuick: false)
    #expect(fleet.state(tasks[1]) == .starting)
    fleet.say(.drain(node: "n\(fleet.nodes(drained)[0])", reason: "x"))
    fleet.stop(drained)
    try fleet.round(isQuick: false)
    #expect(fleet.state(next) == .pending)
  }

  @Test("after a quick round comes a whole one, whoever has ended meanwhile")
  func onceEach() throws {
    var fleet = Fleet()
    _ = fleet.submit(Fleet.spec(nodes: 12, walltime: Self.hour * 10))
    let ending = (0..<2).map { _ in fleet.submit(Fleet.spec(nodes: 2, walltime: Self.hour * 10)) }
    _ = fleet.submit(Fleet.spec(nodes: 16, walltime: Self.hour))
    fleet.stop(ending[0])
    try fleet.round(isQuick: true)
    fleet.stop(ending[1])
    try fleet.round(isQuick: false)
  }

  @Test(
    "a start that came so late that it ends a bucket later than its round has it makes that round's promises doubtful")
  func lateStart() throws {
    for isAtEdge in [true, false] {
      var fleet = Fleet()
      _ = fleet.submit(Fleet.spec(nodes: 12, walltime: Self.hour * 10))
      let ended = fleet.submit(Fleet.spec(nodes: 2, walltime: Self.hour * 10))
      let walltime = Self.hour * 2 + Self.toEdge - .seconds(isAtEdge ? 1 : 60)
      let late = Fleet.spec(nodes: 2, walltime: walltime)
      let first = Fleet.spec(nodes: 16, walltime: Self.hour)
      _ = fleet.controller.handle(.submit([late, first], key: "", requestHash: 0), now: fleet.now)
      try fleet.round(isQuick: false, after: .seconds(2))
      fleet.stop(ended)
      try fleet.round(isQuick: !isAtEdge)
    }
  }

  @Test("where one does not start after all, nobody behind him has what was promised to him")
  func behindOneThatFails() throws {
    for isLate in [true, false] {
      var fleet = Fleet()
      _ = fleet.submit(Fleet.spec(nodes: 12, walltime: Self.hour * 10 + .seconds(1800)))
      let ended = fleet.submit(Fleet.spec(nodes: 4, walltime: Self.hour * 10))
      let first = fleet.submit(Fleet.spec(nodes: 2, walltime: Self.hour * 2 + Self.toEdge - .seconds(1)))
      _ = fleet.submit(Fleet.spec(nodes: 14, walltime: Self.hour))
      // It has room now because the first one's place, in ten hours, is given back.
      let behind = fleet.submit(Fleet.spec(nodes: 2, walltime: Self.hour * 12))
      fleet.stop(ended)
      try fleet.round(isQuick: true, after: .seconds(isLate ? 2 : 0))
      #expect(fleet.state(first) == (isLate ? .pending : .starting))
      #expect(fleet.state(behind) == (isLate ? .pending : .starting))
    }
  }

  @Test("a part goes to the node that a start of the round has opened, not to one that is free beside it")
  func openedNode() throws {
    var fleet = Fleet()
    fleet.declare("default", "p") { _ in }
    var policy = fleet.controller.cluster.policy
    policy.projects[1].limits.devices = 8
    fleet.say(.applyPolicy(policy))
    _ = fleet.submit(Fleet.spec(nodes: 14, walltime: Self.hour * 10))
    var spec = Fleet.spec(walltime: Self.hour * 10)
    spec.project = "p"
    let ended = fleet.submit(spec)
    // Its project may use no more until that has ended.
    (spec.role.devicesPerNode, spec.walltime) = (4, Self.hour * 20)
    let opening = Fleet.spec(devices: 4, walltime: Self.hour * 20)
    let jobs = fleet.submit([opening, Fleet.spec(nodes: 15, walltime: Self.hour), spec])
    let told = try #require(fleet.waiting(jobs[1]).start)
    #expect(fleet.state(jobs[0]) == .starting && fleet.state(jobs[2]) == .pending)
    fleet.stop(ended)
    try fleet.round(isQuick: true)
    #expect(fleet.state(jobs[2]) == .starting && fleet.nodes(jobs[2]) == fleet.nodes(jobs[0]))
    fleet.plan()
    #expect(fleet.waiting(jobs[1]).start == told)
  }
}
