import Foundation
import MusterCore
import MusterProtocol
import MusterTestKit
import Testing

/// A job that a scripted controller tells of; the test moves it on.
private final class Story: @unchecked Sendable {
  // The condition guards the state.
  private let condition = NSCondition()
  private var state: String
  private var attempt: Int
  private var extra = ""

  init(state: String = "running", attempt: Int = 1) {
    self.state = state
    self.attempt = attempt
  }

  func set(_ state: String, attempt: Int? = nil, extra: String = "") {
    condition.withLock {
      // What has ended stays so, whoever comes late.
      guard self.state != "cancelled" else { return }
      self.state = state
      self.attempt = attempt ?? self.attempt
      self.extra = extra
      condition.broadcast()
    }
  }

  /// Waits for a state; not for ever, so that a program which ended early fails its test by what it said.
  func wait(for wanted: String) {
    let deadline = Date(timeIntervalSinceNow: 60)
    condition.withLock { while state != wanted, condition.wait(until: deadline) {} }
  }

  var job: String {
    condition.withLock {
      #"{"id":7,"state":"\#(state)","attempt":\#(attempt),"worldSize":2,"reason":"why not"\#(extra)}"#
    }
  }
}

@Suite(.timeLimit(.minutes(2))) struct FollowCommandTests {
  @Test("run shows the ranks of both attempts and what happened, and exits as the job does")
  func run() throws {
    let story = Story(state: "pending", attempt: 0)
    let controller = ScriptedController { request, reply in
      switch request.path {
      case "/v1/jobs": reply.json(#"{"id":7}"#, status: 201)
      case "/v1/jobs/7": reply.json(story.job)
      case "/v1/events":
        reply.begin()
        reply.event(1, "jobSubmitted", job: 7, text: "quiet")
        story.set("running", attempt: 1)
        reply.event(2, "attemptStarted", job: 7, text: "attempt 1 on node-[1-2]")
        story.wait(for: "logged")
        story.set("running", attempt: 2)
        reply.event(3, "faultFound", job: 7, text: "rank 1 was killed")
        story.wait(for: "logged")
        story.set("failed", extra: #","exitCode":137"#)
        reply.event(4, "jobEnded", job: 7, text: "failed")
        reply.hold()
      default:
        let attempt = request.target.contains("attempt=2") ? 2 : 1
        let rank = request.target.contains("rank=1") ? 1 : 0
        reply.begin("text/plain")
        reply.chunk("attempt \(attempt) rank \(rank)\nand ")
        reply.chunk("more")
        if rank == 1 { story.set("logged") }
        reply.end()
      }
    }
    let result = try Program.run(
      ["run", "--nodes", "2", "--env", "A=b=c", "--", "python3", "train.py", "--x"], controller: controller)
    #expect(result.status == 137)
    for rank in 0...1 {
      for attempt in 1...2 { #expect(result.out.contains("[\(rank)] attempt \(attempt) rank \(rank)\n[")) }
      #expect(result.out.contains("[\(rank)] and more\n"))
    }
    for text in ["job 7 submitted", "attempt 1 on node-[1-2]", "rank 1 was killed", "job 7 failed: why not"] {
      #expect(result.error.contains(text), "\(result.error)")
    }
    #expect(!result.error.contains("quiet"))
    let spec = try JobFile.parse(json: JSON.parse(Array(controller.received[0].body.utf8)), context: .wire).get()
    #expect(spec.role.command == ["python3", "train.py", "--x"] && spec.role.nodes == 2 && spec.name == "python3")
    #expect(spec.role.environment.map { "\($0.name)=\($0.value)" } == ["A=b=c"])
  }

  @Test("Ctrl-C cancels the job and waits for its end")
  func interrupt() throws {
    let story = Story()
    let controller = ScriptedController { request, reply in
      switch request.path {
      case "/v1/jobs": reply.json(#"{"id":7}"#, status: 201)
      case "/v1/jobs/7": reply.json(story.job)
      case "/v1/jobs/7/cancel":
        story.set("cancelled")
        reply.json(#"{"id":7,"state":"stopping"}"#)
      case "/v1/events":
        reply.begin()
        story.wait(for: "cancelled")
        reply.event(9, "jobEnded", job: 7, text: "cancelled")
        reply.hold()
      default:
        reply.begin("text/plain")
        story.set("following")
        story.wait(for: "cancelled")
        reply.end()
      }
    }
    let program = try Program(["run", "--", "sleep", "100"], controller: controller)
    story.wait(for: "following")
    program.interrupt()
    let result = try program.finish()
    #expect(result.status == 1)
    #expect(result.error.contains("cancelling job 7") && result.error.contains("job 7 cancelled"))
  }

  @Test("a second Ctrl-C leaves the job to itself")
  func secondInterrupt() throws {
    let story = Story()
    let controller = ScriptedController { request, reply in
      switch request.path {
      case "/v1/jobs": reply.json(#"{"id":7}"#, status: 201)
      case "/v1/jobs/7": reply.json(#"{"id":7,"state":"running","attempt":1,"worldSize":1}"#)
      case "/v1/jobs/7/cancel":
        reply.json(#"{"id":7,"state":"stopping"}"#)
        story.set("cancelling")
      default:
        reply.begin("text/plain")
        if request.path != "/v1/events" { story.set("following") }
        reply.hold()
      }
    }
    let program = try Program(["run", "--", "sleep", "100"], controller: controller)
    story.wait(for: "following")
    program.interrupt()
    story.wait(for: "cancelling")
    program.interrupt()
    let result = try program.finish()
    #expect(result.status == 130 && result.error.contains("left job 7 to itself"))
  }

  @Test(
    "wait outlives a controller's restart and exits by how all jobs ended",
    arguments: [
      ("completed", 0), ("failed", 1), ("cancelled", 1), ("timedOut", 1),
    ] as [(String, Int32)])
  func wait(state: String, status: Int32) throws {
    let folder = try TestFolder()
    let started = DispatchSemaphore(value: 0)
    let first = ScriptedController { request, reply in
      switch request.path {
      case "/v1/cluster": reply.json(#"{"sequence":41}"#)
      case "/v1/events":
        reply.begin()
        started.signal()
        reply.hold()
      default: reply.json(#"{"id":7,"state":"running"}"#)
      }
    }
    try folder.describe(first)
    let program = try Program(["wait", "7", "8", "--json", "--data", folder.path])
    #expect(started.wait(timeout: .now() + 60) == .success)
    #expect(first.received.contains { $0.target == "/v1/events?after=41&follow=1" })
    let second = ScriptedController { request, reply in
      if request.path == "/v1/events" {
        reply.begin()
        reply.hold()
      } else {
        reply.json(
          #"{"id":\#(request.path.suffix(1)),"state":"\#(request.path.hasSuffix("7") ? state : "completed")"}"#)
      }
    }
    first.stop()
    try folder.describe(second)
    let result = try program.finish()
    #expect(result.status == status)
    #expect(
      try JSON.parse(Array(result.out.utf8)).arrayValue?.compactMap { $0["state"]?.stringValue } == [
        state, "completed",
      ])
  }

  @Test("wait exits with 124 when its own time has passed, with 3 for no such job")
  func waitTimeout() throws {
    let controller = ScriptedController { request, reply in
      switch request.path {
      case "/v1/cluster": reply.json(#"{"sequence":1}"#)
      case "/v1/events":
        reply.begin()
        reply.hold()
      case "/v1/jobs/7": reply.json(#"{"id":7,"state":"pending"}"#)
      default: reply.error(404, "notFound", "no job")
      }
    }
    let result = try Program.run(["wait", "7", "--timeout", "50ms"], controller: controller)
    #expect(result.status == 124 && result.error.contains("not done within 50 ms"))
    #expect(try Program.run(["wait", "7", "8"], controller: controller).status == 3)
  }

  @Test("logs shows one rank as it is, several with their rank, a large job's first")
  func logs() throws {
    func controller(_ worldSize: Int) -> ScriptedController {
      ScriptedController { request, reply in
        if request.path == "/v1/jobs/7" {
          return reply.json(#"{"id":7,"state":"completed","attempt":2,"worldSize":\#(worldSize)}"#)
        }
        reply.begin("text/plain")
        reply.chunk("\u{1b}[1mline\u{1b}[0m\nrest")
        reply.end()
      }
    }
    let raw = "\u{1b}[1mline\u{1b}[0m\nrest"
    let one = controller(1)
    #expect(try Program.run(["logs", "7"], controller: one).out == raw)
    #expect(one.received[1].target == "/v1/jobs/7/logs?rank=0&offset=0&follow=0&attempt=2")
    let two = controller(2)
    #expect(try Program.run(["logs", "7", "--rank", "1", "-f"], controller: two).out == raw)
    #expect(two.received[1].target == "/v1/jobs/7/logs?rank=1&offset=0&follow=1&attempt=2")
    let both = try Program.run(["logs", "7", "--attempt", "1"], controller: controller(2)).out
    #expect(both.contains("[0] \u{1b}[1mline") && both.contains("[1] rest\n"))
    let many = try Program.run(["logs", "7"], controller: controller(9))
    #expect(many.out == raw && many.error.contains("rank 0 of 9"))
    let json = try Program.run(["logs", "7", "--rank", "1", "--json"], controller: two).out
    #expect(json.split(separator: "\n").last == #"{"rank":1,"attempt":2,"text":"rest"}"#)
    #expect(try Program.run(["logs", "7", "--rank", "2"], controller: two).status == 3)
  }

  @Test("logs -f goes from one attempt to the next until the job has ended")
  func logsFollow() throws {
    let story = Story()
    let controller = ScriptedController { request, reply in
      if request.path == "/v1/jobs/7" { return reply.json(story.job) }
      reply.begin("text/plain")
      if request.target.contains("attempt=1") {
        reply.chunk("one\n")
        story.set("running", attempt: 2)
      } else {
        reply.chunk("two\n")
        story.set("completed", attempt: 2)
      }
      reply.end()
    }
    let result = try Program.run(["logs", "7", "-f", "--rank", "0"], controller: controller)
    #expect(result.status == 0 && result.out == "one\ntwo\n")
  }

  @Test("events are lines for people and objects for programs")
  func events() throws {
    let controller = ScriptedController { request, reply in
      guard request.path == "/v1/events" else { return reply.json("{}") }
      reply.begin()
      reply.event(1, "faultFound", job: 7, text: "rank 1 was killed")
      reply.end()
    }
    #expect(
      try Program.run(["events", "7"], controller: controller).out
        == "03:04:05  faultFound            rank 1 was killed\n")
    let json = try Program.run(["events", "--json", "--after", "3"], controller: controller)
    #expect(json.out.isEmpty)
    #expect(controller.received.last?.target == "/v1/events?after=3&follow=0")
    let all = try Program.run(["events", "--json"], controller: controller).out
    #expect(try JSON.parse(Array(all.utf8))["kind"]?.stringValue == "faultFound")
  }
}
