import MusterCore
import MusterProtocol
import Testing

@testable import MusterServer

/// One job of eight devices that loses its first attempt to a fault after 20 s, waits 9 s, and completes.
private struct ReportStory: ~Copyable {
  var cluster = Cluster()
  var ledger = Ledger()

  static func at(_ seconds: Double) -> Instant { Instant.at(1_790_000_000_000 + Int64(seconds * 1000)) }

  mutating func say(_ seconds: Double, _ events: Fact.Event...) {
    for event in events {
      let fact = Fact(at: Self.at(seconds), event)
      cluster.apply(fact)
      ledger.apply(fact, cluster)
    }
  }

  private mutating func end(_ seconds: Double, _ id: AttemptID, _ outcome: Outcome, _ first: Double, _ last: Double) {
    say(
      seconds,
      .attemptEnding(
        AttemptEnding(
          attempt: id, outcome: outcome, lastStep: 15, firstStepAt: Self.at(first), lastStepAt: Self.at(last))))
    say(
      seconds + 1, .memberStopped(member: MemberID(attempt: id, index: 0), how: .confirmed),
      .attemptEnded(AttemptEnded(attempt: id, strikes: 0)))
  }

  private mutating func start(_ seconds: Double, _ id: AttemptID, resume: Int64, devices: UInt64) {
    let place = Place(node: NodeID(0), devices: devices)
    say(seconds, .attemptStarted(AttemptStarted(attempt: id, places: [place], resumeStep: resume)))
    say(seconds + 1, .gangStarted(attempt: id))
  }

  /// - Parameter unknownFor: seconds from the fault until it was known.
  init(unknownFor: Double, devices: Int32 = 8) {
    let (first, second) = (AttemptID(job: JobID(1), number: 1), AttemptID(job: JobID(1), number: 2))
    say(0, .nodeJoined(NodeJoined(node: NodeID(0), name: "n", machine: "m", boot: "b", devices: 8, deviceType: "A")))
    let role = RoleSpec(nodes: 1, devicesPerNode: devices, ranksPerNode: 1, command: ["x"], workingDirectory: "/")
    let spec = JobSpec(name: "j", project: "p", user: "u", role: role)
    say(0, .jobSubmitted(JobSubmitted(job: JobID(1), spec: spec)))
    let mask: UInt64 = devices == 0 ? 0 : (1 << UInt64(devices)) - 1
    start(10, first, resume: 0, devices: mask)
    say(13, .stepsBegan(attempt: first, first: Self.at(13)))
    say(20, .statusTold(attempt: first, times: StatusTimes(evaluating: .seconds(2))))
    say(23, .checkpointCommitted(attempt: first, step: 11))
    say(
      30,
      .faultFound(
        Fault(
          attempt: first, component: .rank, node: nil, rank: 0, cause: .exitCode, confidence: .high, evidence: [],
          action: .restartOnSameNodes, happenedAt: Self.at(30 - unknownFor))))
    end(30, first, .jobFault, 13, 27)
    start(40, second, resume: 11, devices: mask)
    say(44, .stepsBegan(attempt: second, first: Self.at(44)))
    end(60, second, .finished, 44, 56)
    say(61, .jobEnded(JobEnded(job: JobID(1), state: .completed, reason: "", exitCode: 0)))
  }

  /// The job's report, and its row of the accounts.
  static func told(unknownFor: Double, devices: Int32 = 8) throws -> (report: JSON, row: LedgerRow?) {
    let story = ReportStory(unknownFor: unknownFor, devices: devices)
    let made = LedgerReport(JobID(1), story.ledger, story.cluster)
    let told = try #require(made)
    let controller = Controller(cluster: story.cluster, now: at(100))
    let known = controller.cluster.slot(of: JobID(1))
    let slot = try #require(known)
    return (JobReport(slot, of: controller, now: at(100)).json(told), told.row)
  }
}

@Suite struct JobReportTests {
  private static func seconds(_ report: JSON, _ name: String) -> Double {
    report["lostSeconds"]?[name]?.doubleValue ?? -1
  }

  @Test("a job has one goodput, the ledger's, and what it lost adds up to what it held", arguments: [0.0, 2.0])
  func oneGoodput(unknownFor: Double) throws {
    let (report, row) = try ReportStory.told(unknownFor: unknownFor)
    let goodput = try #require(row?.goodput)
    #expect(report["goodput"]?.doubleValue == (goodput * 10_000).rounded() / 10_000)
    #expect(report["wallSeconds"] == 51.0 && report["heldSeconds"] == 42.0)
    let lost = report["lostSeconds"]?.objectValue ?? []
    #expect(lost.count == 13)
    let parts = lost.filter { $0.name != "waiting" }.compactMap(\.value.doubleValue).reduce(0, +)
    #expect(abs(parts + (report["productiveSeconds"]?.doubleValue ?? 0) - 42) < 0.01)
    #expect(Self.seconds(report, "waiting") == 9, "between the attempts it holds nothing")
    #expect(Self.seconds(report, "evaluating") == 2 && Self.seconds(report, "stopping") == 2)
    // Four of fifteen steps, and from the last one to the fault: work that is done again, of which the fault itself says
    // how long nobody knew of it.
    #expect(Self.seconds(report, "detecting") == unknownFor)
    let redone = Double(row?.totals[.redone] ?? 0) / 8000
    #expect(redone > 6 && abs(Self.seconds(report, "redone") + unknownFor - redone) < 0.001)
    #expect(Self.seconds(report, "ending") == 4 && Self.seconds(report, "unattributed") == 0)
    #expect(report["meanTimeBetweenFailuresSeconds"] != .null)
  }

  @Test("a job without devices has no accounts: its report is told from its attempts")
  func withoutDevices() throws {
    let (report, row) = try ReportStory.told(unknownFor: 0, devices: 0)
    #expect(row == nil && report["heldSeconds"] == 42.0)
    #expect(Self.seconds(report, "starting") > 0 && Self.seconds(report, "evaluating") == 0)
    #expect((report["goodput"]?.doubleValue ?? 0) > 0.4)
  }
}
