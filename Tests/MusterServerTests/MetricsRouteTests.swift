import Foundation
import Hummingbird
import Logging
import MusterCore
import MusterMetrics
import MusterTestKit
import NIOCore
import Testing

@testable import MusterServer

@Suite struct MetricsRouteTests {
  /// Lines that are no comments: each series with its value.
  static func series(_ text: String) -> [String: String] {
    var found: [String: String] = [:]
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      guard let space = line.lastIndex(of: " ") else { continue }
      found[String(line[..<space])] = String(line[line.index(after: space)...])
    }
    return found
  }

  @Test("nobody scrapes without a token; the scraper's own opens nothing else")
  func tokens() async throws {
    try await withServer { ask async throws in
      let anonymous = try await ask(.get, "/metrics", "", [.authorization: "none"])
      #expect(anonymous.status == 401 && anonymous.headers[.wwwAuthenticate] == "Bearer")
      #expect(!anonymous.text.contains("muster_jobs"))
      #expect(try await ask(.get, "/metrics", "", [.authorization: "Bearer SCRAPER"]).status == 200)
      #expect(try await ask(.get, "/metrics", "", [.authorization: "Bearer SCRAPERx"]).status == 401)
      #expect(try await ask(.get, "/v1/jobs", "", [.authorization: "Bearer SCRAPER"]).status == 401)
      #expect(try await ask(.post, "/v1/link", "", [.authorization: "Bearer SCRAPER"]).status == 401)
      #expect(try await ask(.post, "/metrics", "", [:]).status == 405)
    }
  }

  @Test("the format is the one that is asked for")
  func formats() async throws {
    try await withServer { ask async throws in
      let plain = try await ask(.get, "/metrics", "", [:])
      #expect(plain.headers[.contentType] == "text/plain; version=0.0.4; charset=utf-8")
      #expect(plain.text.contains("# TYPE muster_jobs_submitted_total counter\n") && !plain.text.contains("# EOF"))
      let open = try await ask(.get, "/metrics", "", [.accept: "application/openmetrics-text;version=1.0.0,*/*;q=0.1"])
      #expect(open.headers[.contentType] == "application/openmetrics-text; version=1.0.0; charset=utf-8")
      #expect(open.text.contains("# TYPE muster_jobs_submitted counter\n") && open.text.hasSuffix("\n# EOF\n"))
      #expect(Set(Self.series(plain.text).keys) == Set(Self.series(open.text).keys))
    }
  }

  @Test("commands are counted by what became of them, jobs by their states and reasons")
  func counts() async throws {
    try await withServer { ask async throws in
      _ = try await ask(.post, "/v1/jobs", #"[{"command":["a"],"hold":true},{"command":["b"]}]"#, [:])
      _ = try await ask(.post, "/v1/jobs", #"{"command":["c"],"dependsOn":["afterok:99"]}"#, [:])
      _ = try await ask(.post, "/v1/jobs/1/cancel", "", [:])
      _ = try await ask(.post, "/v1/jobs/77/cancel", "", [:])
      let found = Self.series(try await ask(.get, "/metrics", "", [:]).text)
      #expect(found["muster_writer_up"] == "1" && found["muster_controller_epoch"] == "1")
      #expect(found["muster_jobs_submitted_total"] == "2")
      // Each command and each question had its turn.
      #expect(Int64(found["muster_turn_seconds_count"] ?? "").map { $0 >= 4 } == true)
      #expect(found[#"muster_jobs_ended_total{state="cancelled"}"#] == "1")
      #expect(found[#"muster_jobs{state="pending"}"#] == "1")
      #expect(found[#"muster_jobs_waiting{reason="noDevices"}"#] == "1")
      #expect(found[#"muster_commands_total{lane="submissions",result="done"}"#] == "1")
      #expect(found[#"muster_commands_total{lane="submissions",result="refused"}"#] == "1")
      #expect(found[#"muster_commands_total{lane="orders",result="done"}"#] == "1")
      #expect(found[#"muster_commands_total{lane="orders",result="refused"}"#] == "1")
      #expect(found[#"muster_lane_refusals_total{lane="reads"}"#] == "0")
      // The controller's start is a commit, too, and each acknowledged command is at least a part of one.
      let commits = try #require(found["muster_commit_seconds_count"].flatMap { Int($0) })
      #expect((3...10).contains(commits) && found[#"muster_commit_seconds_bucket{le="+Inf"}"#] == "\(commits)")
      #expect(found["muster_journal_bytes"].flatMap { Int($0) } ?? 0 > 0)
    }
  }

  @Test("names of jobs, projects and users make no series")
  func bounded() async throws {
    try await withServer { ask async throws in
      let before = Self.series(try await ask(.get, "/metrics", "", [:]).text)
      for i in 0..<40 {
        let job = #"{"command":["a"],"name":"n\#(i)","project":"p\#(i)","user":"u\#(i)"}"#
        #expect(try await ask(.post, "/v1/jobs", job, [:]).status == 201)
      }
      let after = Self.series(try await ask(.get, "/metrics", "", [:]).text)
      #expect(Set(after.keys) == Set(before.keys))
    }
  }

  @Test("a writer that is held does not hold the scrape: what it knows is missing, the rest is told")
  func heldWriter() async throws {
    let folder = NSTemporaryDirectory() + "muster-metrics-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }  // a temporary folder left behind is no failure
    let server = try await Server(Server.Options(dataFolder: folder, port: 0), logger: Logger(label: "test"))
    let held = DispatchSemaphore(value: 0)
    #expect(
      server.api.writer.put(.reads) { _ in
        held.wait()
        return nil
      })
    let hurried = Self.route(server, .milliseconds(1))
    let found = Self.series(try await Self.text(hurried))
    #expect(found["muster_writer_up"] == "0" && found["muster_journal_sequence"] == nil)
    #expect(found[#"muster_lane_refusals_total{lane="faults"}"#] == "0" && found["process_threads"] != nil)
    held.signal()
    let patient = Self.route(server, .seconds(60))
    #expect(Self.series(try await Self.text(patient))["muster_writer_up"] == "1")
    await server.close()
  }

  private static func route(_ server: Server, _ patience: Duration) -> MetricsRoute {
    var route = MetricsRoute(api: server.api, logger: server.logger)
    route.patience = patience
    return route
  }

  private static func text(_ route: MetricsRoute) async throws -> String {
    let head = HTTPRequest(method: .get, scheme: "http", authority: "test", path: "/metrics")
    let response = await route.respond(to: Request(head: head, body: RequestBody(buffer: ByteBuffer())))
    let text = Collector.Text()
    try await response.body.write(Collector(text: text))
    return String(decoding: text.bytes, as: UTF8.self)
  }

  @Test("device time is exported only where there is a ledger")
  func gpuTime() {
    var sample = ControllerSample(lanes: Lane.allCases.map { _ in LaneCount(depth: 0, refused: 0) }, eventStreams: 0)
    #expect(!sample.families.contains { $0.name == "muster_gpu_seconds" })
    sample.gpuTime = [AccountedTime(account: "productive", gpuMilliseconds: 1_500)]
    let text = String(decoding: Exposition.text(sample.families, .text), as: UTF8.self)
    #expect(
      text.contains("# TYPE muster_gpu_seconds_total counter\nmuster_gpu_seconds_total{account=\"productive\"} 1.5\n"))
  }

  @Test("an account that is restated stands still until it has grown again")
  func restated() {
    let time = GrowingTime()
    func shown(_ productive: Int64, _ redone: Int64) -> [Int64] {
      time.shown([
        AccountedTime(account: "productive", gpuMilliseconds: productive),
        AccountedTime(account: "redone", gpuMilliseconds: redone),
      ]).map(\.gpuMilliseconds)
    }
    #expect(shown(1_000, 0) == [1_000, 0])
    #expect(shown(600, 400) == [1_000, 400])
    #expect(shown(1_000, 400) == [1_000, 400] && shown(1_100, 400) == [1_100, 400])
  }

  @Test("the ledger that is plugged in is what is exported; one that fails leaves its family out")
  func ledger() async throws {
    let folder = NSTemporaryDirectory() + "muster-metrics-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }  // a temporary folder left behind is no failure
    let server = try await Server(Server.Options(dataFolder: folder, port: 0), logger: Logger(label: "test"))
    var api = server.api
    api.gpuTime = { [AccountedTime(account: "free", gpuMilliseconds: 250)] }
    let found = Self.series(try await Self.text(MetricsRoute(api: api, logger: server.logger)))
    #expect(found[#"muster_gpu_seconds_total{account="free"}"#] == "0.25")
    api.gpuTime = { throw WriterFailure.stopping }
    var quiet = server.logger
    quiet.logLevel = .critical
    let without = try await Self.text(MetricsRoute(api: api, logger: quiet))
    #expect(!without.contains("muster_gpu_seconds") && without.contains("muster_writer_up 1\n"))
    await server.close()
  }

  @Test("what was decided counts as done when it is durable, and as lost when its commit failed")
  func results() {
    var counts = WriterCounts()
    counts.decided(.done, .orders)
    counts.decided(.refused(.noSuchNode("x")), .orders)
    #expect(counts.count(.orders, .done) == 0 && counts.count(.orders, .refused) == 1)
    counts.settle(isDurable: true)
    counts.decided(.jobs([]), .submissions)
    counts.settle(isDurable: false)
    counts.settle(isDurable: true)
    #expect(counts.count(.orders, .done) == 1 && counts.count(.submissions, .lost) == 1)
    #expect(counts.count(.submissions, .done) == 0)
  }

  @Test("a full lane is counted where it refuses")
  func lanes() {
    let mailbox = Mailbox<Int>()
    for i in 0..<(Lane.orders.capacity + 3) { _ = mailbox.put(i, .orders) }
    #expect(mailbox.counts[Lane.orders.rawValue] == LaneCount(depth: Lane.orders.capacity, refused: 3))
    #expect(mailbox.counts[Lane.reads.rawValue] == LaneCount(depth: 0, refused: 0))
    #expect(!mailbox.put(0, .orders, triesAgain: true) && mailbox.counts[Lane.orders.rawValue].refused == 3)
    mailbox.close()
    #expect(!mailbox.put(0, .reads) && mailbox.counts[Lane.reads.rawValue].refused == 0)
  }

  @Test("facts are counted by what they say")
  func facts() {
    let attempt = AttemptID(job: JobID(1), number: 1)
    var counts = FactCounts()
    counts.count(
      [
        .attemptStarted(AttemptStarted(attempt: attempt, places: [], resumeStep: 0)),
        .checkpointCommitted(attempt: attempt, step: 3), .attemptPreempted(attempt: attempt, by: JobID(2)),
        .attemptEnding(
          AttemptEnding(attempt: attempt, outcome: .preempted, lastStep: 3, firstStepAt: .zero, lastStepAt: .zero)),
        .nodeIsolated(node: NodeID(0), onEvidence: true, reason: ""),
        .jobEnded(JobEnded(job: JobID(1), state: .timedOut, reason: "", exitCode: 1)),
      ].map { Fact(at: .zero, $0) })
    #expect(counts.attempts == 1 && counts.checkpoints == 1 && counts.preemptions == 1 && counts.isolations == 1)
    #expect(counts.outcomes[Int(Outcome.preempted.rawValue)] == 1 && counts.outcomes.reduce(0, +) == 1)
    #expect(counts.ended[Int(JobState.timedOut.rawValue)] == 1)
  }

  @Test("every family is in the table of docs/metrics.md, with its type, its unit and its number of series")
  func documented() async throws {
    let folder = NSTemporaryDirectory() + "muster-metrics-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }  // a temporary folder left behind is no failure
    let server = try await Server(Server.Options(dataFolder: folder, port: 0), logger: Logger(label: "test"))
    var sample = await MetricsRoute(api: server.api, logger: server.logger).sample()
    await server.close()
    sample.gpuTime = (0..<16).map { AccountedTime(account: "\($0)", gpuMilliseconds: 0) }
    #expect(MetricsTable.rows(sample.families) == (try MetricsTable.documented(["The controller", "Both"])))
  }
}
