import Testing

@testable import MusterCore

/// Jobs that ended long ago, told as facts, with what a person works out from them.
@Suite struct PastJobsTests {
  private static let hour: Int64 = 3_600_000
  private static let day: Int64 = 86_400_000

  @Test("a span is cut where hours end, to the millisecond, and a longer past is put before a shorter one")
  func cut() {
    var sums = PastSums(unit: Self.hour)
    sums.add(0, from: 5 * Self.hour - 1, to: 6 * Self.hour + 2, devices: 8)
    sums.add(1, from: 3 * Self.hour + 10, to: 3 * Self.hour + 11, devices: 1)
    sums.add(0, from: 5 * Self.hour, to: 5 * Self.hour + 1, devices: 2)
    #expect(sums.begin == 3 * Self.hour && sums.end == 7 * Self.hour)
    typealias Entry = PastSums.Entry
    #expect(
      sums.pieces == [
        [Entry(group: 1, amount: 1)], [Entry(group: 0, amount: 8)], [Entry(group: 0, amount: 8 * Self.hour + 2)],
        [Entry(group: 0, amount: 16)],
      ])
    #expect(sums.piece(at: 6 * Self.hour + 5).count == 1 && sums.piece(at: 8 * Self.hour).isEmpty)
  }

  /// Two nodes of 8 devices. Job 1 runs from hour 1.5 to 3.5 of day 100, job 2 from hour 3.6 of that day to hour 26.
  /// Names, in order: low, u, high.
  private struct Story: ~Copyable {
    var cluster = Cluster()
    var ledger: Ledger

    init(keptDays: Int64? = Ledger.keptDays) {
      ledger = Ledger(keptDays: keptDays)
      for i in 0..<2 as Range<Int32> {
        say(0, .nodeJoined(NodeJoined(node: NodeID(i), name: "n\(i)", machine: "m\(i)", boot: "b", devices: 8)))
      }
      run(1, "low", node: 0, from: 1.5, to: 3.5)
      run(2, "high", node: 1, from: 3.6, to: 26)
    }

    /// Hours since day 100 began.
    static func at(_ hours: Double) -> Int64 { 100 * day + Int64(hours * 3600) * 1000 }

    mutating func say(_ hours: Double, _ event: Fact.Event) {
      let fact = Fact(at: Instant(nanoseconds: Self.at(hours) * 1_000_000), event)
      cluster.apply(fact)
      ledger.apply(fact, cluster)
    }

    mutating func run(_ job: Int64, _ project: String, node: Int32, from: Double, to: Double) {
      let role = RoleSpec(nodes: 1, devicesPerNode: 8, ranksPerNode: 1, command: ["x"], workingDirectory: "/")
      let id = AttemptID(job: JobID(job), number: 1)
      say(
        from,
        .jobSubmitted(JobSubmitted(job: id.job, spec: JobSpec(name: "j", project: project, user: "u", role: role))))
      say(
        from,
        .attemptStarted(
          AttemptStarted(attempt: id, places: [Place(node: NodeID(node), devices: 0xff)], resumeStep: 0)))
      say(from, .gangStarted(attempt: id))
      say(
        to,
        .attemptEnding(
          AttemptEnding(attempt: id, outcome: .finished, lastStep: 0, firstStepAt: .zero, lastStepAt: .zero)))
      say(to, .memberStopped(member: MemberID(attempt: id, index: 0), how: .confirmed))
      say(to, .attemptEnded(AttemptEnded(attempt: id, strikes: 0)))
      say(to, .jobEnded(JobEnded(job: id.job, state: .completed, reason: "", exitCode: 0)))
    }

    /// Device-hours of jobs, from one hour to another.
    func rows(_ key: LedgerKey, _ from: Double? = nil, _ to: Double? = nil) -> [Int64: Double] {
      let sums = ledger.sums(by: key, from: from.map(Self.at), to: to.map(Self.at), cluster)
      #expect(sums.fleet.totals.sum == sums.capacity)
      return sums.rows.reduce(into: [:]) { if $1.held != 0 { $0[$1.key] = Double($1.held) / Double(hour) } }
    }
  }

  @Test("a job is folded with the first fact of the ninth day after its end, and its sums are what they were")
  func folded() {
    var story = Story()
    let before = story.rows(.project)
    #expect(before == [0: 16, 2: 8 * 22.4])
    // The day on which job 1 ended is 8 days past on day 109, that of job 2 on day 110.
    story.say(24 * 9 - 1, .joinTokensForgotten(before: .zero))
    #expect(Set(story.ledger.spans.map(\.job)) == [1, 2])
    story.say(24 * 9, .joinTokensForgotten(before: .zero))
    #expect(Set(story.ledger.spans.map(\.job)) == [2])
    #expect(story.rows(.project) == before && story.rows(.job) == [1: 16, 2: 8 * 22.4])
    story.say(24 * 10 + 5, .joinTokensForgotten(before: .zero))
    #expect(story.ledger.spans.isEmpty)
    #expect(story.rows(.project) == before && story.rows(.job) == [1: 16, 2: 8 * 22.4])
    #expect(story.rows(.day) == [100: 16 + 8 * 20.4, 101: 16] && story.rows(.user) == [1: 16 + 8 * 22.4])
    #expect(story.ledger.heldByUser(story.cluster).map { $0 / Self.hour } == [0, 16 + 179, 0])
    #expect(story.ledger.shapes()[1] == LedgerShape(devices: 8, type: 0))
    #expect(story.ledger.held(in: .productive, by: [1, 7], story.cluster) == [1: 16 * Self.hour])
  }

  @Test("time alone folds nothing: a question asked late changes no ledger")
  func clock() {
    var story = Story()
    let spans = story.ledger.spans
    story.ledger.advance(to: Story.at(24 * 60))
    #expect(story.ledger.spans == spans)
  }

  @Test("a stretch of the past is widened to whole hours; of jobs that it cuts it is told what they held together")
  func stretch() {
    var story = Story()
    story.say(24 * 12, .joinTokensForgotten(before: .zero))
    // From 2 to 4 of that day: job 1 is cut at its beginning, job 2 at its end.
    #expect(story.rows(.project, 2.25, 3.75) == [0: 12, 2: 8 * 0.4])
    #expect(story.rows(.job, 2.25, 3.75) == [LedgerRow.olderJobs: 12 + 8 * 0.4])
    #expect(story.rows(.job, 1.25, 3.75) == [1: 16, LedgerRow.olderJobs: 8 * 0.4])
    #expect(story.rows(.project, 1.5, 30) == [0: 16, 2: 8 * 22.4], "a whole day in it is added up as one")
    #expect(story.rows(.day, 23.5, 25.5) == [100: 8, 101: 16])
  }

  @Test("rows are kept of the newest jobs; what the others held is told as one, and no sum changes")
  func limit() throws {
    var story = Story()
    story.ledger.past.rowLimit = 1
    story.say(24 * 12, .joinTokensForgotten(before: .zero))
    #expect(story.rows(.job) == [LedgerRow.olderJobs: 16, 2: 8 * 22.4])
    #expect(story.rows(.project) == [0: 16, 2: 8 * 22.4])
    #expect(story.ledger.shapes(of: 1).isEmpty && story.ledger.shapes(of: 2)[2]?.devices == 8)
    let again = try Ledger(story.ledger.encode(), story.cluster)
    #expect(again.sums(by: .job, from: nil, to: nil, story.cluster).rows.map(\.key) == [-1, 0, 2])
    #expect(again.encode() == story.ledger.encode())
  }

  @Test("a ledger that was written down and read back goes on as one that was not", arguments: [20.0, 228.0, 480.0])
  func readBack(hours: Double) throws {
    var story = Story()
    var other = Story()
    for at in [220.8, 242.4, 720.0] {
      if at > hours { other.ledger = try Ledger(other.ledger.encode(), other.cluster) }
      story.say(at, .joinTokensForgotten(before: .zero))
      other.say(at, .joinTokensForgotten(before: .zero))
    }
    #expect(story.ledger.encode() == other.ledger.encode())
    #expect(story.ledger.spans.isEmpty)
  }

  @Test("devices of several types that are held together are kept apart by type")
  func severalTypes() {
    func span(_ devices: Int32, _ type: Int32, from: Int64 = 0) -> LedgerSpan {
      LedgerSpan(job: 1, from: from, to: from + 10, devices: devices, type: type, account: .productive)
    }
    var fold = ShapeFold(span(2, 0))
    fold.add(span(4, 1))
    fold.add(span(1, 0))
    #expect(fold.shape.devices == 7 && fold.shape.type == 1)
    #expect(fold.shape.parts.map(\.type) == [0, 1] && fold.shape.parts.map(\.devices) == [3, 4])
    fold.add(span(5, 0, from: 10))
    #expect(fold.shape == LedgerShape(devices: 5, type: 0), "later it holds one")
  }
}
