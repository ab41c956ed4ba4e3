import Testing

@testable import MusterCore

/// Stories of seconds, told as facts, with what a person works out from them.
@Suite struct LedgerStoryTests {
  struct Story: ~Copyable {
    var cluster = Cluster()
    var ledger = Ledger()
    /// Seconds since the story began.
    static let begin: Int64 = 1_000_000

    init(nodes: Int32) {
      for i in 0..<nodes {
        say(
          0,
          .nodeJoined(
            NodeJoined(
              node: NodeID(i), name: "n\(i)", machine: "m\(i)", boot: "b", devices: 8, deviceType: i == 0 ? "A" : "B")))
      }
    }

    static func at(_ seconds: Double) -> Instant {
      Instant(nanoseconds: begin * 1_000_000_000 + Int64(seconds * 1000) * 1_000_000)
    }

    mutating func say(_ seconds: Double, _ events: Fact.Event...) {
      for event in events {
        let fact = Fact(at: Self.at(seconds), event)
        cluster.apply(fact)
        ledger.apply(fact, cluster)
      }
    }

    mutating func submit(_ seconds: Double, _ job: Int64, project: String = "p") {
      let role = RoleSpec(nodes: 1, devicesPerNode: 8, ranksPerNode: 1, command: ["x"], workingDirectory: "/")
      let spec = JobSpec(name: "j", project: project, user: "u", role: role)
      say(seconds, .jobSubmitted(JobSubmitted(job: JobID(job), spec: spec)))
    }

    mutating func start(_ seconds: Double, _ id: AttemptID, node: Int32, resume: Int64 = 0) {
      let place = Place(node: NodeID(node), devices: 0xff)
      say(seconds, .attemptStarted(AttemptStarted(attempt: id, places: [place], resumeStep: resume)))
    }

    mutating func ending(
      _ seconds: Double, _ id: AttemptID, _ outcome: Outcome, step: Int64, _ first: Double, _ last: Double
    ) {
      say(
        seconds,
        .attemptEnding(
          AttemptEnding(
            attempt: id, outcome: outcome, lastStep: step, firstStepAt: first == 0 ? .zero : Self.at(first),
            lastStepAt: last == 0 ? .zero : Self.at(last))))
    }

    mutating func ended(_ seconds: Double, _ id: AttemptID) {
      say(
        seconds, .memberStopped(member: MemberID(attempt: id, index: 0), how: .confirmed),
        .attemptEnded(AttemptEnded(attempt: id, strikes: 0)))
    }

    /// Node-seconds by account, up to that moment; they come to the capacity.
    mutating func accounts(
      _ seconds: Double, by key: LedgerKey = .project, from: Double? = nil, to: Double? = nil
    ) -> (all: [Account: Int64], rows: [[Account: Int64]], provisional: Int64) {
      ledger.advance(to: Self.at(seconds).milliseconds)
      let sums = ledger.sums(
        by: key, from: from.map { Self.at($0).milliseconds }, to: to.map { Self.at($0).milliseconds }, cluster)
      #expect(sums.fleet.totals.sum == sums.capacity)
      func told(_ totals: AccountTotals) -> [Account: Int64] {
        Account.allCases.reduce(into: [:]) { if totals[$1] != 0 { $0[$1] = totals[$1] / 8000 } }
      }
      return (told(sums.fleet.totals), sums.rows.map { told($0.totals) }, sums.fleet.provisional / 8000)
    }
  }

  private static func id(_ job: Int64, _ attempt: Int32) -> AttemptID { AttemptID(job: JobID(job), number: attempt) }

  @Test("a fault: its work is provisional, then redone with a date; node and devices have their accounts")
  func fault() {
    var story = Story(nodes: 2)
    story.submit(0, 1)
    let (first, second) = (Self.id(1, 1), Self.id(1, 2))
    story.start(10, first, node: 0)
    story.say(11, .gangStarted(attempt: first))
    story.say(13, .stepsBegan(attempt: first, first: Story.at(13)))
    #expect(story.accounts(20).all == [.free: 30, .starting: 3, .productive: 7])
    #expect(story.accounts(20).provisional == 7)
    story.say(23, .checkpointCommitted(attempt: first, step: 11))
    #expect(story.accounts(25).provisional == 2)
    // A step a second: the first began at 12, the 15th was done at 27, 4 of them after the checkpoint's.
    story.ending(30, first, .nodeFault, step: 15, 13, 27)
    story.say(30, .nodeSuspected(node: NodeID(0), reason: "silent"))
    story.ended(31, first)
    story.say(33, .nodeIsolated(node: NodeID(0), onEvidence: true, reason: "dead"))
    #expect(story.ledger.restatements.isEmpty, "until the job goes on its checkpoint may still come")
    story.start(34, second, node: 1, resume: 11)
    let lost = story.ledger.restatements.reduce(0) { $0 + $1.gpuMilliseconds }
    #expect(lost == 7 * 8000 && story.ledger.restatements.allSatisfy { $0.account == .redone })
    #expect(story.ledger.restatements.first?.at == Story.at(34).milliseconds)
    story.say(35, .gangStarted(attempt: second))
    story.ending(50, second, .finished, step: 15, 38, 47)
    story.ended(51, second)
    story.say(51, .jobEnded(JobEnded(job: JobID(1), state: .completed, reason: "", exitCode: 0)))
    let (all, types, provisional) = story.accounts(60, by: .type)
    // The second attempt: steps from 35 (one mean step of 3 s before 38) to 47, then 3 s that nothing is known of.
    #expect(
      all == [
        .free: 53, .starting: 3, .productive: 23, .redone: 7,
        .draining: 2, .broken: 29, .unattributed: 3,
      ])
    #expect(types.count == 2 && types[0][.broken] == 29 && types[1][.broken] == nil && provisional == 0)
  }

  @Test("a hang, and a job that gives way: each has its own account")
  func hangAndPreemption() {
    var story = Story(nodes: 1)
    story.submit(0, 1, project: "low")
    story.submit(0, 2, project: "high")
    let (low, high) = (Self.id(1, 1), Self.id(2, 1))
    story.start(0, low, node: 0)
    story.say(0, .gangStarted(attempt: low))
    story.say(1, .stepsBegan(attempt: low, first: Story.at(1)))
    story.say(6, .checkpointCommitted(attempt: low, step: 5))
    story.say(10, .attemptPreempted(attempt: low, by: JobID(2)))
    story.ending(10, low, .preempted, step: 10, 1, 10)
    story.ended(12, low)
    story.start(15, high, node: 0)
    story.say(15, .gangStarted(attempt: high))
    // The place was kept from 12 on. Job 1 is not settled; what a checkpoint holds is known.
    #expect(story.accounts(15).all == [.productive: 5, .preempted: 7, .heldForGang: 3])
    story.say(17, .stepsBegan(attempt: high, first: Story.at(17)))
    story.say(
      40,
      .faultFound(
        Fault(
          attempt: high, component: .rank, node: nil, rank: 0, cause: .hangBlocked, confidence: .high, evidence: [],
          action: .restartOnSameNodes, happenedAt: Story.at(20))))
    story.ending(40, high, .jobFault, step: 4, 17, 20)
    story.ended(40, high)
    story.say(40, .jobEnded(JobEnded(job: JobID(2), state: .failed, reason: "", exitCode: 1)))
    let rows = story.accounts(50, by: .job).rows
    // No checkpoint: none of its four steps counts.
    #expect(rows[2] == [.starting: 1, .redone: 4, .hung: 20])
    #expect(rows[0] == [.heldForGang: 3, .free: 10], "nobody's")
  }

  @Test("what the plan keeps for gangs that wait is held for them while it is free, and no more than is free")
  func kept() {
    var story = Story(nodes: 3)
    story.submit(0, 1)
    story.say(10, .placesKept([KeptDevices(deviceType: "B", devices: 16)]))
    #expect(story.accounts(20).all == [.free: 40, .heldForGang: 20])
    story.start(20, Self.id(1, 1), node: 1)
    #expect(story.accounts(30).all == [.free: 50, .heldForGang: 30, .starting: 10])
    story.say(30, .placesKept([KeptDevices(deviceType: "A", devices: 4), KeptDevices(deviceType: "C", devices: 8)]))
    #expect(story.accounts(40).all == [.free: 65, .heldForGang: 35, .starting: 20])
    // A controller that starts again plans anew.
    story.say(40, .controllerStarted(epoch: 1))
    #expect(story.accounts(50).all == [.free: 85, .heldForGang: 35, .starting: 30])
  }

  @Test("drained, in maintenance, put out: each from its moment, and a device counts once")
  func fleet() {
    var story = Story(nodes: 3)
    story.submit(0, 1)
    story.start(0, Self.id(1, 1), node: 1)
    story.say(0, .gangStarted(attempt: Self.id(1, 1)))
    let window = Maintenance(id: 1, from: Story.at(10), to: Story.at(20), nodes: "n0")
    story.say(5, .maintenanceAdded(window))
    story.say(12, .nodeDrainRequested(node: NodeID(1), reason: "fan"))
    #expect(story.accounts(15).all == [.free: 25, .maintenance: 5, .productive: 15])
    story.ending(30, Self.id(1, 1), .finished, step: 0, 0, 0)
    story.ended(30, Self.id(1, 1))
    story.say(40, .nodeRevoked(node: NodeID(2), machine: "m2"))
    story.say(45, .nodeResumed(node: NodeID(1)))
    let all = story.accounts(50).all
    #expect(
      all == [.free: 85, .maintenance: 25, .productive: 30])
  }

  @Test("a stretch is widened to whole minutes, days are days in UTC, and what was written down says the same")
  func stretches() throws {
    var story = Story(nodes: 1)
    story.submit(0, 1)
    story.start(0, Self.id(1, 1), node: 0)
    story.say(0, .gangStarted(attempt: Self.id(1, 1)))
    // The story begins at 13:46:40; a hundred thousand seconds later is the day after.
    let all = story.accounts(100_000, by: .day)
    #expect(all.rows.map { $0.values.reduce(0, +) } == [36_800, 63_200])
    let part = story.accounts(100_000, from: 100, to: 130)
    #expect(part.all == [.productive: 60], "13:48 to 13:49")
    let again = try Ledger(story.ledger.encode(), story.cluster)
    #expect(
      again.sums(by: .job, from: nil, to: nil, story.cluster)
        == story.ledger.sums(by: .job, from: nil, to: nil, story.cluster))
    var bytes = story.ledger.encode()
    bytes.removeLast()
    #expect(throws: CodingError.self) { _ = try Ledger(bytes, story.cluster) }
  }

  @Test("minutes older than a week become hours, and nothing is lost")
  func hours() {
    var story = Story(nodes: 2)
    story.submit(0, 1)
    story.start(0, Self.id(1, 1), node: 1)
    story.say(0, .gangStarted(attempt: Self.id(1, 1)))
    let days: Double = 9
    let all = story.accounts(days * 86_400).all
    #expect(all == [.free: 777_600, .productive: 777_600])
    #expect(story.ledger.fleet.series[0].minutes.count <= FleetSeries.minuteLimit)
    let old = story.accounts(days * 86_400, from: 7300, to: 7400)
    #expect(old.all == [.free: 3600, .productive: 3600], "only the hour is known")
    // The hour's first minute: 14:00:20 of the first day.
    let early = story.accounts(days * 86_400, from: 0, to: 820)
    #expect(early.all == [.free: 4400, .productive: 4400], "up to the hour's end")
  }

  /// One job on one node: its first attempt has begun, and said its first step after two seconds.
  private static func stepping() -> Story {
    var story = Story(nodes: 1)
    story.submit(0, 1)
    story.start(0, id(1, 1), node: 0)
    story.say(0, .gangStarted(attempt: id(1, 1)), .stepsBegan(attempt: id(1, 1), first: Story.at(2)))
    return story
  }

  @Test("what ranks say that they do instead of steps is taken out of work, and lost with work that is lost")
  func statuses() {
    var story = Self.stepping()
    let first = Self.id(1, 1)
    story.say(10, .statusTold(attempt: first, times: StatusTimes(checkpointing: .seconds(2))))
    story.say(10, .checkpointCommitted(attempt: first, step: 9))
    story.say(16, .statusTold(attempt: first, times: StatusTimes(checkpointing: .seconds(2), evaluating: .seconds(5))))
    #expect(story.accounts(18).all == [.starting: 1, .productive: 10, .checkpointing: 2, .evaluating: 5])
    #expect(story.accounts(18).provisional == 3)
    story.ending(20, first, .nodeFault, step: 16, 2, 17)
    story.ended(20, first)
    story.start(20, Self.id(1, 2), node: 0, resume: 9)
    // Seven steps were lost, and with them the evaluation.
    #expect(story.accounts(20).all == [.starting: 1, .productive: 7, .checkpointing: 2, .redone: 10])
  }

  @Test("statuses lie where they were said, a last evaluation behind the last step: closed stretches stay as they were")
  func placedStatuses() {
    var story = Self.stepping()
    let first = Self.id(1, 1)
    story.say(62, .statusTold(attempt: first, times: StatusTimes(inputStall: .seconds(20))))
    #expect(story.accounts(100, from: 20, to: 80).all == [.productive: 40, .inputStall: 20])
    story.say(400, .statusTold(attempt: first, times: StatusTimes(inputStall: .seconds(21))))
    #expect(story.accounts(400, from: 20, to: 80).all == [.productive: 40, .inputStall: 20])
    // Up to the last step nothing was new, and then it evaluated for a minute.
    story.say(
      500, .statusTold(attempt: first, times: StatusTimes(inputStall: .seconds(21)), until: Story.at(440)),
      .statusTold(attempt: first, times: StatusTimes(evaluating: .seconds(59), inputStall: .seconds(21))))
    story.ending(500, first, .finished, step: 219, 2, 440)
    story.ended(500, first)
    story.say(500, .jobEnded(JobEnded(job: JobID(1), state: .completed, reason: "", exitCode: 0)))
    #expect(story.accounts(500).all == [.productive: 419, .inputStall: 21, .evaluating: 59, .unattributed: 1])
    let restated = story.ledger.restatements.map { ($0.to - $0.from) / 1000 }
    #expect(restated == [2, 1] && story.ledger.restatements.map(\.was) == [.starting, .productive])
  }

  @Test("what is kept of a long attempt's statuses is bounded, and its sum stays")
  func manyStatuses() {
    var story = Self.stepping()
    for minute in 1...1000 {
      let told = StatusTimes(inputStall: .seconds(Int64(minute) * 20))
      story.say(Double(minute) * 60, .statusTold(attempt: Self.id(1, 1), times: told))
    }
    let all = story.accounts(60_000)
    #expect(all.all == [.starting: 2, .productive: 39_998, .inputStall: 20_000])
    #expect((story.ledger.open[1]?.told.count ?? 0) <= OpenAttempt.slotLimit)
    #expect(story.accounts(60_000, from: 59_420, to: 60_000).all == [.productive: 380, .inputStall: 200])
  }

  @Test("what ranks waited for a slow one is taken out of work, and the newest word names the rank")
  func stragglers() {
    var story = Self.stepping()
    let first = Self.id(1, 1)
    story.say(10, .statusTold(attempt: first, times: StatusTimes(straggling: .seconds(2), slowRank: 3)))
    // A controller that began anew knows less: nothing is taken back.
    story.say(11, .statusTold(attempt: first, times: StatusTimes(straggling: .seconds(1), slowRank: 0)))
    story.say(16, .statusTold(attempt: first, times: StatusTimes(checkpointing: .seconds(1))))
    #expect(story.accounts(18).all == [.starting: 2, .productive: 13, .checkpointing: 1, .straggling: 2])
    #expect(story.ledger.figures(of: first.job, story.cluster)?.slowRank == 3)
  }
}
