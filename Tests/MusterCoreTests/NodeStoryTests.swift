import Testing

@testable import MusterCore

/// What nodes say, told to a controller without a host.
private struct Story: ~Copyable {
  var controller = Controller(cluster: Cluster(), now: Instant(nanoseconds: 1_000_000_000))
  var now = Instant(nanoseconds: 1_000_000_000)
  var scheduler = Scheduler()

  init(limits: Limits = Limits()) {
    controller = Controller(cluster: Cluster(), limits: limits, now: now)
    _ = controller.handle(.start, now: now)
    hello(devices: 8)
  }

  @discardableResult
  mutating func say(_ command: Command) -> Controller.Reply {
    now = now + .milliseconds(10)
    let reply = controller.handle(command, now: now)
    while let input = controller.takePlanningInput() {
      _ = controller.handle(.commitPlan(scheduler.plan(input)), now: now)
    }
    return reply
  }

  mutating func hello(devices: Int32) {
    say(.agentHello(NodeJoined(node: NodeID(0), name: "a", machine: "m", boot: "b", devices: devices), pid: 1))
    say(.agentReport(node: NodeID(0), []))
  }

  mutating func submit(nodes: Int32 = 1, devices: Int32 = 8, ranks: Int32 = 1) -> JobID {
    let role = RoleSpec(
      nodes: nodes, devicesPerNode: devices, ranksPerNode: ranks, command: ["x"], workingDirectory: "/")
    guard case .jobs(let ids) = say(.submit([JobSpec(name: "j", user: "u", role: role)], key: "", requestHash: 0))
    else { return JobID(0) }
    return ids[0]
  }

  mutating func secondNode() {
    say(.agentHello(NodeJoined(node: NodeID(1), name: "b", machine: "n", boot: "b", devices: 8), pid: 2))
    say(.agentReport(node: NodeID(1), []))
  }

  /// Newest first.
  func faults(_ id: JobID) -> [Fault] {
    cluster {
      var found: [Fault] = []
      var next = $0.jobs[$0.slot(of: id) ?? 0].latestFault
      while next >= 0 {
        found.append($0.faults[next].fault)
        next = $0.faults[next].previous
      }
      return found
    }
  }

  func job(_ id: JobID) -> Job { cluster { $0.jobs[$0.slot(of: id) ?? 0] } }
  func cluster<T>(_ look: (borrowing Cluster) -> T) -> T { look(controller.cluster) }
  mutating func tick(seconds: Int64) {
    for _ in 0..<(seconds * 10) {
      now = now + .milliseconds(90)
      say(.tick)
      say(.agentReport(node: NodeID(0), []))
    }
  }
}

@Suite struct NodeStoryTests {
  private static func member(_ job: JobID, _ attempt: Int32) -> MemberID {
    MemberID(attempt: AttemptID(job: job, number: attempt), index: 0)
  }

  @Test("devices that a node came back without are still their job's when it has them again")
  func devicesComeBack() {
    var story = Story()
    let first = story.submit()
    #expect(story.job(first).state == .starting)
    story.hello(devices: 4)
    #expect(story.cluster { $0.nodes[0].freeDevices } == 0)
    story.hello(devices: 8)
    #expect(story.cluster { $0.nodes[0].freeDevices } == 0)
    let second = story.submit(devices: 4)
    #expect(story.job(second).state == .pending)
  }

  @Test(
    "a shim that speaks of ranks that are not its own is not believed, and stops nothing",
    arguments: [[-1], [0, 0], [1, 0], [2], [.max], [.min]] as [[Int32]])
  func foreignRanks(ranks: [Int32]) {
    var story = Story()
    let job = story.submit(ranks: 2)
    let reports = ranks.map { RankReport(rank: $0, state: .running, step: 5) }
    story.say(.shimReport(Self.member(job, 1), ShimReport(state: .running, ranks: reports)))
    #expect(story.job(job).state == .starting)
    let own = (0..<2).map { RankReport(rank: $0, pid: 7, state: .running, step: 5) }
    story.say(.shimReport(Self.member(job, 1), ShimReport(state: .running, port: 1, ranks: own)))
    #expect(story.job(job).state == .running)
  }

  private static func exited(_ rank: Int32, _ code: Int32, age: Int64?) -> ShimReport {
    let end = RankReport(
      rank: rank, pid: 7, state: .exited, exitCode: code, exitedAge: age.map { .milliseconds($0) })
    return ShimReport(state: .stopped, port: 1, ranks: [end])
  }

  /// Rank 0 exits with 9 and is heard of first; rank 1 exited with 42, so long before that is heard of 10 ms later.
  @Test(
    "of two ends the earlier is the cause, whichever is heard of first",
    arguments: [(200, 42, .high), (25, 42, .medium), (11, 9, .high), (5, 9, .high), (nil, 9, .high)]
      as [(Int64?, Int32, Fault.Confidence)])
  func earlierEnd(age: Int64?, code: Int32, confidence: Fault.Confidence) {
    var story = Story()
    story.secondNode()
    let job = story.submit(nodes: 2)
    let members = (0..<2).map { MemberID(attempt: AttemptID(job: job, number: 1), index: $0) }
    for (rank, member) in members.enumerated() {
      let running = RankReport(rank: Int32(rank), pid: 7, state: .running)
      story.say(.shimReport(member, ShimReport(state: .running, port: 1, ranks: [running])))
    }
    story.say(.shimReport(members[0], Self.exited(0, 9, age: 0)))
    #expect(story.job(job).state == .stopping && story.faults(job).map(\.exitCode) == [9])
    story.say(.shimReport(members[1], Self.exited(1, code == 9 ? 42 : code, age: age)))
    #expect(story.faults(job).first?.exitCode == code && story.faults(job).first?.confidence == confidence)
    #expect(story.faults(job).count == (code == 42 ? 2 : 1))
    #expect(story.job(job).attempt == 2, "a rank's end restarts the job")
  }

  @Test("in a large fleet agents on which nothing runs report less often, and are silent that much later")
  func idlePace() {
    var limits = Limits()
    limits.idleReports = 1
    var story = Story(limits: limits)
    func pace(_ story: borrowing Story, _ node: Int32) -> Span { story.controller.reportEvery(NodeID(node)) }
    func state(_ story: borrowing Story, _ node: Int) -> NodeState { story.cluster { $0.nodes[node].state } }
    #expect(pace(story, 0) == .seconds(1), "one node, one report a second")
    story.secondNode()
    #expect(pace(story, 1) == .seconds(2))
    story.tick(seconds: 5)
    #expect(state(story, 1) == .ready, "silent for 5 s of 6")
    let job = story.submit(nodes: 2)
    #expect(story.job(job).state == .starting && pace(story, 1) == .seconds(1))
    story.tick(seconds: 2)
    #expect(state(story, 1) == .ready, "counted from when it was given work")
    story.say(.cancel(job))
    story.tick(seconds: 30)
    #expect(state(story, 1) != .ready, "its agent has never spoken again")
    #expect(pace(story, 1) == .seconds(1), "to be heard as soon as it is back")
  }

  @Test(
    "a node on which nothing runs is silent after as many reports as ever; after its connection's end as soon as ever")
  func idleSilence() {
    var limits = Limits()
    limits.idleReports = 1
    for isConnected in [true, false] {
      var story = Story(limits: limits)
      story.secondNode()
      story.tick(seconds: 1)
      if !isConnected { story.say(.agentGone(node: NodeID(1))) }
      story.tick(seconds: isConnected ? 4 : 2)
      #expect(story.cluster { $0.nodes[1].state } == .ready)
      story.tick(seconds: 2)
      #expect(story.cluster { $0.nodes[1].state } == .suspect)
    }
  }

  @Test("labels are a fact when they differ from what is known, and only then")
  func labels() {
    var story = Story()
    let joined = story.cluster { $0.nodeDetails[0].joined }
    let labels = [Label(key: "ib", value: "hdr"), Label(key: "rack", value: "r17")]
    _ = story.controller.takeFresh()
    for said in [labels, labels, [], []] { story.say(.agentHello(joined, labels: said, pid: 1)) }
    #expect(
      story.controller.takeFresh().map(\.event) == [
        .nodeLabelled(node: NodeID(0), labels: labels), .nodeLabelled(node: NodeID(0), labels: []),
      ])
    #expect(story.cluster { $0.nodeDetails[0].labels }.isEmpty)
  }

  @Test("who has heard a later controller is not believed: the journal was set back")
  func olderController() {
    let story = Story()
    #expect(story.controller.refusal(ofEpoch: 0) == nil && story.controller.refusal(ofEpoch: 1) == nil)
    #expect(story.controller.refusal(ofEpoch: 2) == .olderController(epoch: 1, seen: 2))
  }

  @Test("what is known of an attempt's steps outlives a controller that ends together with its ranks")
  func stepsOutlive() throws {
    var story = Story()
    let job = story.submit()
    func running(step: Int64, checkpoint: Int64?) -> ShimReport {
      let rank = RankReport(
        rank: 0, pid: 7, state: .running, step: step, firstStepAge: .seconds(1), stepsSaid: step,
        checkpoint: checkpoint)
      return ShimReport(state: .running, port: 1, ranks: [rank])
    }
    story.say(.shimReport(Self.member(job, 1), running(step: 3, checkpoint: nil)))
    story.tick(seconds: 1)
    story.say(.shimReport(Self.member(job, 1), running(step: 12, checkpoint: 10)))
    let checkpointAt = story.now
    let kept = story.cluster { $0.encodeSnapshot() }
    var next = Controller(cluster: try Cluster(snapshot: kept), now: story.now)
    _ = next.handle(.start, now: story.now + .seconds(5))
    let slot = next.cluster.jobs[next.cluster.slot(of: job) ?? 0].latestAttempt
    let steps = next.steps(slot)
    #expect(steps.last == 10 && steps.lastAt == checkpointAt)
    #expect(steps.firstAt != .zero && steps.firstAt < checkpointAt)
  }

  /// What a job's ranks say that they have waited for each other (seconds), and what of it becomes a fact.
  private static func say(_ waited: [Int64?], words: [Int64], of job: JobID, _ story: inout Story) -> [StatusTimes] {
    // Nobody hangs.
    let step = max(1, words.max() ?? 1)
    let ranks = waited.enumerated().map { i, seconds in
      var rank = RankReport(
        rank: Int32(i), pid: 7, state: .running, step: step, firstStepAge: .seconds(step), stepsSaid: step)
      rank.waited = seconds.map { .seconds($0) }
      rank.waitsSaid = words[i]
      return rank
    }
    return facts(.shimReport(member(job, 1), ShimReport(state: .running, port: 1, ranks: ranks)), &story)
  }

  private static func facts(_ command: Command, _ story: inout Story) -> [StatusTimes] {
    _ = story.controller.takeFresh()
    story.say(command)
    return story.controller.takeFresh().compactMap { fact in
      guard case .statusTold(_, let times, _) = fact.event else { return nil }
      return times
    }
  }

  @Test("what ranks waited for each other is a fact when enough of it is new, and once more when the attempt ends")
  func waits() {
    var story = Story()
    let job = story.submit(ranks: 3)
    #expect(Self.say([nil, nil, nil], words: [0, 0, 0], of: job, &story) == [])
    #expect(Self.say([3, 0, 3], words: [1, 1, 1], of: job, &story) == [], "compared, but too little for a fact")
    #expect(Self.say([300, 0, 300], words: [2, 2, 2], of: job, &story) == [], "not compared again so soon")
    let told = (0..<60).flatMap { _ in
      story.tick(seconds: 1)
      return Self.say([300, 0, 300], words: [2, 2, 2], of: job, &story)
    }
    #expect(told == [StatusTimes(straggling: .seconds(200), slowRank: 1)])
    #expect(Self.say([330, 0, 330], words: [3, 3, 3], of: job, &story) == [])
    #expect(Self.facts(.cancel(job), &story) == [StatusTimes(straggling: .seconds(220), slowRank: 1)])
  }

  @Test(
    "waits are compared minute by minute, over a controller's restart; a rank that is mute is waited for ten minutes")
  func waitsByTheMinute() throws {
    var story = Story()
    let job = story.submit(ranks: 4)
    var (waited, words): ([Int64], [Int64]) = ([0, 0, 0, 0], [0, 0, 0, 0])
    var told: [StatusTimes] = []
    func pass(seconds: Int, slow: Int, ranks: Int = 4, _ story: inout Story) {
      for _ in 0..<seconds {
        for rank in 0..<ranks {
          if rank != slow { waited[rank] += 1 }
          words[rank] += 1
        }
        story.tick(seconds: 1)
        told += Self.say(waited, words: words, of: job, &story)
      }
    }
    pass(seconds: 600, slow: 0, &story)
    let first = try #require(told.last)
    #expect(first.slowRank == 0 && first.straggling > .seconds(350) && first.straggling <= .seconds(450))
    pass(seconds: 900, slow: 1, &story)
    let second = try #require(told.last)
    #expect(second.slowRank == 1 && second.straggling > .seconds(1030) && second.straggling <= .seconds(1125))

    let kept = story.cluster { $0.encodeSnapshot() }
    story.controller = Controller(cluster: try Cluster(snapshot: kept), now: story.now)
    _ = story.controller.handle(.start, now: story.now)
    told = []
    pass(seconds: 1, slow: 2, &story)
    #expect(told == [], "nothing is told twice")
    pass(seconds: 900, slow: 2, &story)
    let third = try #require(told.last)
    #expect(third.straggling > second.straggling + .seconds(580))
    #expect(third.straggling <= second.straggling + .seconds(60 + 901 * 3 / 4))

    // Two of four wait.
    pass(seconds: 500, slow: 2, ranks: 3, &story)
    #expect(told.last?.straggling ?? .zero <= third.straggling + .seconds(60), "only until the fourth became mute")
    pass(seconds: 400, slow: 2, ranks: 3, &story)
    let fourth = try #require(told.last)
    #expect(fourth.straggling > third.straggling + .seconds(250))
    #expect(fourth.straggling <= third.straggling + .seconds(60 + 450))
    let last = try #require(Self.facts(.cancel(job), &story).last)
    #expect(last.straggling > third.straggling + .seconds(440) && last.straggling <= third.straggling + .seconds(510))
  }

  @Test("a node on which three shims in a row die unborn cannot start any: it is isolated, the job waits")
  func stillborn() {
    var story = Story()
    let job = story.submit()
    for attempt in 1...Int32(3) {
      #expect(story.job(job).attempt == attempt)
      story.say(.agentReport(node: NodeID(0), [AgentMember(member: Self.member(job, attempt), alive: false)]))
    }
    #expect(story.cluster { $0.nodes[0].state } == .isolated && story.job(job).state == .pending)
    let fault = story.cluster { $0.faults[$0.jobs[$0.slot(of: job) ?? 0].latestFault].fault }
    #expect(fault.cause == .shimNotStarted && fault.component == .node)
  }

  @Test("a job whose nodes die one after the other starts anew at once, every time")
  func nodesDie() {
    var story = Story()
    story.secondNode()
    let job = story.submit()
    for attempt in 1...Int32(8) {
      #expect(story.job(job).attempt == attempt && story.job(job).state == .starting)
      let slot = story.cluster { $0.jobs[$0.slot(of: job) ?? 0].latestAttempt }
      var joined = story.cluster { $0.nodeDetails[Int($0.attemptPlaces[Int(slot)][0].node.index)].joined }
      let running = RankReport(rank: 0, pid: 7, state: .running)
      story.say(.shimReport(Self.member(job, attempt), ShimReport(state: .running, port: 1, ranks: [running])))
      story.say(.nodeDied(node: joined.name, evidence: "its processes are gone"))
      // It comes back before the other one dies.
      joined.boot += "b"
      story.say(.agentHello(joined, pid: 3))
      story.say(.agentReport(node: joined.node, []))
      story.say(.resume(node: joined.name))
    }
    #expect(story.job(job).attempt == 9 && story.job(job).state == .starting)
  }

  @Test("attempts that nodes end at once come ever more seldom; a step makes the next one come at once")
  func pauses() {
    var story = Story()
    let job = story.submit()
    /// The shim speaks, then dies with its node's word.
    func die(_ story: inout Story, step: Int64? = nil) {
      let member = Self.member(job, story.job(job).attempt)
      let rank = RankReport(rank: 0, pid: 7, state: .running, step: step)
      story.say(.shimReport(member, ShimReport(state: .running, port: 1, ranks: [rank])))
      story.say(.agentReport(node: NodeID(0), [AgentMember(member: member, alive: false)]))
      story.say(.agentReport(node: NodeID(0), []))
    }
    for _ in 0..<3 { die(&story) }
    #expect(story.job(job).attempt == 4, "three times at once")
    die(&story)
    #expect(story.job(job).attempt == 4 && story.job(job).state == .pending)
    let slot = story.cluster { $0.slot(of: job) } ?? 0
    guard case .pausing(_, let attempts) = story.controller.unready(slot) else {
      Issue.record("it waits for another reason")
      return
    }
    #expect(attempts == 4)
    story.tick(seconds: 2)
    #expect(story.job(job).attempt == 5)
    die(&story)
    story.tick(seconds: 1)
    #expect(story.job(job).attempt == 5, "two seconds now")
    story.tick(seconds: 2)
    #expect(story.job(job).attempt == 6)
    die(&story, step: 3)
    #expect(story.job(job).attempt == 7, "it had made a step")
  }
}
