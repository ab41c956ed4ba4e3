import Testing

@testable import MusterCore

/// Where the scheduler once left something waiting, or said something that was not so.
@Suite struct SchedulingCornerTests {
  private static func tasks(_ count: Int32, atOnce: Int32, devices: Int32 = 8) -> [JobSpec] {
    (0..<count).map { i in
      Fleet.spec(devices: devices) { $0.array = ArrayTask(position: i, count: count, index: i, atOnce: atOnce) }
    }
  }

  @Test(
    "tasks that an array's limit keeps back hold no place: who is behind them starts", arguments: [8, 0] as [Int32])
  func arrayLimit(devices: Int32) {
    var fleet = Fleet()
    let tasks = fleet.submit(Self.tasks(40, atOnce: 1, devices: devices))
    let behind = fleet.submit(Fleet.spec(nodes: 15, devices: devices))
    #expect(fleet.state(tasks[0]) == .starting && fleet.state(behind) == .starting)
    #expect(tasks.dropFirst().allSatisfy { fleet.state($0) == .pending && fleet.kinds($0) == ["arrayLimit"] })
    fleet.end(tasks[0])
    #expect(fleet.state(tasks[1]) == .starting && fleet.state(tasks[2]) == .pending)
    // A task that waits for its next attempt still counts.
    fleet.say(.cancel(tasks[1]))
    #expect(fleet.state(tasks[1]) == .stopping && fleet.state(tasks[2]) == .pending)
  }

  @Test("a job that waits for another's start is looked at when it starts", arguments: [8, 0] as [Int32])
  func after(devices: Int32) throws {
    var fleet = Fleet()
    let held = fleet.submit(Fleet.spec(devices: devices) { $0.isHeld = true })
    let follower = fleet.submit(
      Fleet.spec(devices: devices) { $0.dependsOn = [Dependency(kind: .after, job: held)] })
    #expect(fleet.kinds(follower) == ["dependency"])
    fleet.say(.release(held))
    fleet.pass(.milliseconds(100))
    #expect(fleet.state(held) == .starting && fleet.state(follower) == .starting)
  }

  @Test("maintenance behind all that a round looks at keeps nobody away")
  func farMaintenance() {
    var fleet = Fleet()
    let from = fleet.now + .seconds(100 * 86_400)
    fleet.say(.addMaintenance(Maintenance(id: 0, from: from, to: from + .seconds(60))))
    let unlimited = fleet.submit(Fleet.spec(nodes: 16))
    #expect(fleet.state(unlimited) == .starting)
  }

  @Test("nodes whose maintenance comes one after the other: who fits between starts, who does not says why")
  func rolling() {
    var fleet = Fleet()
    for i: Int64 in 0..<16 {
      let from = fleet.now + .seconds(3600 * (i + 1))
      fleet.say(.addMaintenance(Maintenance(id: 0, from: from, to: from + .seconds(3600), nodes: "n\(i)")))
    }
    let long = fleet.submit(Fleet.spec(nodes: 2, walltime: .seconds(24 * 3600)))
    for _ in 0..<3 { fleet.pass(.milliseconds(200)) }
    #expect(fleet.state(long) == .pending && fleet.kinds(long).contains("constraint"))
    let short = fleet.submit(Fleet.spec(nodes: 4, walltime: .seconds(3000)))
    #expect(fleet.state(short) == .starting)
    // Its rounds become rare: nothing changes but time.
    let waits = fleet.controller.nextStart - fleet.now
    #expect(waits > .milliseconds(100))
  }

  @Test("nodes that are away for their maintenance take nobody else's place")
  func awayAnyway() {
    var fleet = Fleet()
    for i in 0..<2 { fleet.say(.drain(node: "n\(i)", reason: "pumps")) }
    fleet.say(.addMaintenance(Maintenance(id: 0, from: fleet.now, to: fleet.now + .seconds(7200), nodes: "n[0-1]")))
    let rest = fleet.submit(Fleet.spec(nodes: 14))
    #expect(fleet.state(rest) == .starting)
  }

  @Test("a gang that can never run holds no place")
  func neverHolds() {
    var fleet = Fleet()
    _ = fleet.submit(Fleet.spec(nodes: 15, walltime: .seconds(86_400)))
    var limits = Fleet.spec(nodes: 16) { $0.constraint = [LabelRule(key: "new", value: "yes")] }
    limits.name = "never"
    guard case .refused = fleet.controller.handle(.submit([limits], key: "", requestHash: 0), now: fleet.now) else {
      Issue.record("it is not refused")
      return
    }
    // The same where nothing is refused.
    var lenient = Fleet(refuses: false)
    _ = lenient.submit(Fleet.spec(nodes: 15, walltime: .seconds(86_400)))
    let never = lenient.submit(limits)
    let behind = lenient.submit(Fleet.spec())
    #expect(lenient.waiting(never).isNever && lenient.kinds(never) == ["constraint"])
    #expect(lenient.state(behind) == .starting)
  }

  @Test("a spread counts whole segments alone", arguments: [8, 0] as [Int32])
  func spreadSegments(devices: Int32) {
    var fleet = Fleet()
    // Each rack of four has one segment of three; four may lie in each block.
    let gang = fleet.submit(
      Fleet.spec(nodes: 6, devices: devices) {
        $0.segment = 3
        $0.spread = Spread(level: "block", atMost: 4)
      })
    #expect(fleet.state(gang) == .starting && Set(fleet.nodes(gang).map { $0 / 8 }).count == 2)
  }

  @Test("a level that the topology does not have is refused; one that it has no more is said, and read without harm")
  func levels() {
    var fleet = Fleet()
    let wrong = Fleet.spec(nodes: 2) { $0.within = Within(level: "row") }
    #expect(
      fleet.say(.submit([wrong], key: "", requestHash: 0)) == .refused(.noSuchLevel("row", known: ["block", "rack"])))
    _ = fleet.submit(Fleet.spec(nodes: 16))
    let waits = fleet.submit(Fleet.spec(nodes: 2) { $0.within = Within(level: "block") })
    // Answers of a round are read after the fleet's map has changed, before the next round.
    _ = fleet.controller.handle(.applyPolicy(Policy()), now: fleet.now)
    _ = fleet.controller.fleetCounts(sizes: [1])
    #expect(fleet.kinds(waits) == ["topology"])
    fleet.plan()
    #expect(fleet.kinds(waits) == ["topology"])
  }

  @Test("answers are told in the words of the fleet that they were found for")
  func oldAnswers() {
    var fleet = Fleet()
    let joined = NodeJoined(node: NodeID(16), name: "x", machine: "x", boot: "b", devices: 4, deviceType: "L4")
    fleet.say(.agentHello(joined, pid: 1))
    fleet.say(.agentReport(node: NodeID(16), []))
    _ = fleet.submit(Fleet.spec(nodes: 16))
    let waits = fleet.submit(Fleet.spec(nodes: 2))
    #expect(fleet.kinds(waits).contains("nodesBusy"))
    _ = fleet.controller.handle(.revoke(node: "x"), now: fleet.now)
    _ = fleet.controller.fleetCounts(sizes: [1])
    #expect(!fleet.kinds(waits).isEmpty)
  }

  @Test("a gang that loses a node that was revoked is put together again at once")
  func revoked() {
    var fleet = Fleet()
    let gang = fleet.submit(Fleet.spec(nodes: 3))
    let before = fleet.nodes(gang)
    for state: ShimReport.State in [.prepared, .running] { fleet.tell(gang, state) }
    fleet.say(.revoke(node: "n\(before[1])"))
    for i: Int32 in [0, 1, 2] {
      let member = MemberID(attempt: AttemptID(job: gang, number: 1), index: i)
      _ = fleet.controller.handle(.shimReport(member, ShimReport(state: .stopped, ranks: [])), now: fleet.now)
    }
    // No round has come back since.
    let after = fleet.nodes(gang)
    #expect(after.count == 3 && after[0] == before[0] && after[2] == before[2] && after[1] != before[1])
  }

  @Test("a small request of many tasks with long lists is refused before it becomes a commit that cannot be")
  func tooLarge() {
    var fleet = Fleet()
    let names = (0..<20_000).map { "node-\($0)" }
    let specs = Self.tasks(200, atOnce: 0).map { spec in
      var spec = spec
      spec.wishes.exclude = names
      return spec
    }
    guard case .refused(.submissionTooLarge(_, let limit)) = fleet.say(.submit(specs, key: "", requestHash: 0)) else {
      Issue.record("it is taken")
      return
    }
    #expect(limit == 16 << 20 && fleet.controller.cluster.jobCount == 0)
  }

  @Test("jobs that can never run keep nobody behind them from being looked at")
  func crowd() {
    var fleet = Fleet(mode: PlanningMode(depth: 4), refuses: false)
    let never = fleet.submit((0..<9).map { _ in Fleet.spec(nodes: 17) })
    let one = fleet.submit(Fleet.spec())
    for _ in 0..<3 { fleet.pass(.seconds(1)) }
    #expect(fleet.state(one) == .starting && never.allSatisfy { fleet.state($0) == .pending })
  }

  @Test("a job that comes back goes to its old nodes only where nobody is held a place")
  func returnsBehindHeldPlace() {
    var fleet = Fleet()
    let others = ["r1", "r2", "r3"].map { rack in
      Fleet.spec(nodes: 4, priority: 9) { $0.constraint = [LabelRule(key: "rack", value: rack)] }
    }
    _ = fleet.submit(others)
    let small = fleet.submit(Fleet.spec(devices: 2))
    #expect(fleet.nodes(small) == [0])
    let urgent = fleet.submit(Fleet.spec(nodes: 4, priority: 5))
    fleet.tell(small, .stopped)
    #expect(fleet.state(urgent) == .starting && fleet.state(small) == .pending)
    let hour = Span.seconds(3600)
    let shared = fleet.submit(
      Fleet.spec(devices: 2, walltime: hour, priority: 1) { $0.exclude = ["n0", "n2", "n3"] })
    let short = fleet.submit(Fleet.spec(walltime: .seconds(1800), priority: 1) { $0.exclude = ["n0", "n1", "n2"] })
    let first = fleet.submit(Fleet.spec(nodes: 3, walltime: hour, priority: 1))
    fleet.end(urgent)
    #expect(fleet.nodes(shared) == [1] && fleet.nodes(short) == [3])
    // Its old node is one of three that are held from when the short one ends.
    #expect(fleet.nodes(small) == [1])
    #expect(fleet.state(first) == .pending && fleet.waiting(first).start != nil)
    fleet.pass(.seconds(1700))
    fleet.end(short)
    #expect(fleet.state(first) == .starting && Set(fleet.nodes(first)) == [0, 2, 3])
  }

  @Test(
    "a job that comes back leaves the place of one before it alone, also where that one can have it no more now")
  func returnsBehindTakenPlace() throws {
    var fleet = Fleet()
    let others = ["r1", "r2", "r3"].map { rack in
      Fleet.spec(nodes: 4, priority: 9) { $0.constraint = [LabelRule(key: "rack", value: rack)] }
    }
    _ = fleet.submit(others)
    let small = fleet.submit(Fleet.spec(devices: 2))
    let urgent = fleet.submit(Fleet.spec(nodes: 4, priority: 5))
    fleet.tell(small, .stopped)
    fleet.say(.hold(small))
    let shared = fleet.submit(Fleet.spec(devices: 2, priority: 9) { $0.exclude = ["n0", "n2", "n3"] })
    let victim = fleet.submit(Fleet.spec { $0.exclude = ["n0", "n1", "n2"] })
    fleet.end(urgent)
    #expect(fleet.nodes(shared) == [1] && fleet.nodes(victim) == [3] && fleet.nodes(small) == [0])
    // A round in which the first takes the victim's node, and those beside the small one's old node.
    let now = fleet.now
    guard
      case .jobs(let ids) = fleet.controller.handle(
        .submit([Fleet.spec(nodes: 3, priority: 5)], key: "", requestHash: 0), now: now)
    else { throw CancellationError() }
    _ = fleet.controller.handle(.release(small), now: now)
    let input = fleet.controller.takePlanningInput()
    let plan = fleet.scheduler.plan(try #require(input))
    let failed = RankReport(rank: 0, pid: 7, state: .exited, exitCode: 1)
    let member = MemberID(attempt: AttemptID(job: victim, number: 1), index: 0)
    _ = fleet.controller.handle(
      .shimReport(member, ShimReport(state: .running, port: 1, ranks: [failed])), now: now)
    _ = fleet.controller.handle(.commitPlan(plan), now: now)
    #expect(fleet.nodes(small) == [1])
    // After its fault it goes on at once, where it was; when it has ended all of the place is there.
    fleet.plan()
    fleet.tell(victim, .stopped)
    #expect(fleet.nodes(victim) == [3] && fleet.state(ids[0]) == .pending)
    fleet.end(victim)
    #expect(fleet.state(ids[0]) == .starting && Set(fleet.nodes(ids[0])) == [0, 2, 3])
  }
}
