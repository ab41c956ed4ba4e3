import Foundation
import MusterClient
import MusterProtocol
import MusterTestKit
import Testing

@Suite(.timeLimit(.minutes(1))) struct FollowTests {
  /// Until the condition holds; each step waits for the stream itself.
  private func drive(_ stream: FollowedStream, _ step: () throws -> Bool) throws {
    while try !step() {
      _ = Readiness.wait(for: stream.descriptor.map { [$0] } ?? [], until: stream.wakeAt)
    }
  }

  @Test("events go on where they were after a controller's restart on another port; none twice, none lost")
  func restart() throws {
    let folder = try TestFolder()
    let first = ScriptedController { _, reply in
      reply.begin()
      reply.event(1, "jobSubmitted", job: 7)
      reply.event(2, "attemptStarted", job: 7)
      reply.chunk("id: 3\nevent: cut\nda")
      reply.close()
    }
    let second = ScriptedController { _, reply in
      reply.begin()
      reply.event(2, "attemptStarted", job: 7)
      reply.event(3, "gangStarted", job: 7)
      reply.hold()
    }
    try folder.describe(first)
    let follower = EventFollower(
      source: EndpointSource(folder: folder.path, environment: [:]), job: 7, follows: true)
    var kinds: [String] = []
    try drive(follower.stream) {
      for item in try follower.advance() {
        switch item {
        case .event(let sequence, let kind, let body):
          #expect(body["sequence"]?.intValue == sequence)
          kinds.append(kind)
        case .lost:
          first.stop()
          try folder.describe(second)
          kinds.append("lost")
        case .opened, .resync, .ended: break
        }
      }
      return kinds.count >= 4
    }
    #expect(kinds == ["jobSubmitted", "attemptStarted", "lost", "gangStarted"])
    #expect(first.received[0].target == "/v1/events?after=0&follow=1&job=7")
    let again = try #require(second.received.first)
    #expect(again.target == "/v1/events?after=2&follow=1&job=7" && again.headers["last-event-id"] == "2")
  }

  @Test("a resync is told, and the stream goes on from its id")
  func resync() throws {
    let controller = ScriptedController { request, reply in
      reply.begin()
      if request.number == 1 {
        reply.chunk("id: 50\nevent: resync\ndata: {}\n\n")
        reply.close()
      } else {
        reply.chunk(": alive\n\n")
        reply.chunk("id: 51\nevent: x\ndata: not json\n\n")
        reply.event(52, "jobEnded")
        reply.hold()
      }
    }
    let follower = EventFollower(
      source: EndpointSource(environment: ["MUSTER_ADDR": controller.address, "MUSTER_TOKEN": "t"]), follows: true)
    var seen: [EventFollower.Item] = []
    try drive(follower.stream) {
      seen += try follower.advance()
      return seen.contains { if case .event = $0 { true } else { false } }
    }
    #expect(seen.contains(.resync))
    #expect(controller.received[1].target == "/v1/events?after=50&follow=1")
    guard case .event(52, "jobEnded", _) = seen.last else {
      Issue.record("\(seen)")
      return
    }
  }

  @Test("stored events end; a stream that follows never does")
  func ends() throws {
    let controller = ScriptedController { request, reply in
      reply.begin()
      reply.event(request.number, "x")
      reply.end()
    }
    let source = EndpointSource(environment: ["MUSTER_ADDR": controller.address, "MUSTER_TOKEN": "t"])
    let stored = EventFollower(source: source, follows: false)
    var items: [EventFollower.Item] = []
    try drive(stored.stream) {
      items += try stored.advance()
      return items.last == .ended
    }
    #expect(items.count == 3)
    let following = EventFollower(source: source, follows: true)
    var count = 0
    try drive(following.stream) {
      count += try following.advance().filter { if case .event = $0 { true } else { false } }.count
      return count == 2
    }
  }

  @Test("a log goes on at its byte, waits while it is not there, and ends with its answer")
  func log() throws {
    let controller = ScriptedController { request, reply in
      switch request.number {
      case 1: reply.error(404, "notFound", "no log yet")
      case 2:
        reply.begin("text/plain")
        reply.chunk("hello ")
        reply.close()
      default:
        reply.begin("text/plain")
        reply.chunk("world\n")
        reply.end()
      }
    }
    let source = EndpointSource(environment: ["MUSTER_ADDR": controller.address, "MUSTER_TOKEN": "t"])
    let log = LogFollower(source: source, job: 1, attempt: 2, rank: 3, follows: true, waitsForLog: true)
    var text = ""
    var losses = 0
    try drive(log.stream) {
      var hasEnded = false
      for item in try log.advance() {
        switch item {
        case .bytes(let bytes): text += String(decoding: bytes, as: UTF8.self)
        case .lost: losses += 1
        case .ended: hasEnded = true
        }
      }
      return hasEnded
    }
    #expect(text == "hello world\n" && losses == 2)
    #expect(controller.received[2].target == "/v1/jobs/1/logs?rank=3&offset=6&follow=1&attempt=2")
  }

  @Test("a log in parts goes on at the offset that the last whole part named, not at the bytes received")
  func logInParts() throws {
    let controller = ScriptedController { request, reply in
      reply.begin(LogParts.contentType)
      if request.number == 1 {
        reply.chunk("4 4\nhead9000 10\n[dropped]\n9005 5\nlo")
        reply.close()
      } else {
        reply.chunk("9005 5\nlost\n")
        reply.end()
      }
    }
    let source = EndpointSource(environment: ["MUSTER_ADDR": controller.address, "MUSTER_TOKEN": "t"])
    let log = LogFollower(source: source, job: 1, attempt: 1, rank: 0, follows: true)
    var text = ""
    try drive(log.stream) {
      let items = try log.advance()
      for case .bytes(let bytes) in items { text += String(decoding: bytes, as: UTF8.self) }
      return items.contains(.ended)
    }
    #expect(text == "head[dropped]\nlost\n")
    #expect(controller.received[1].target == "/v1/jobs/1/logs?rank=0&offset=9000&follow=1&attempt=1")
    #expect(controller.received[0].headers["accept"] == LogParts.contentType)
  }

  @Test(
    "parts come out whole, however their bytes are cut; what is no part is refused", arguments: [1, 3, 100])
  func parts(piece: Int) throws {
    var parser = LogParts.Parser()
    let bytes = Array("10 3\nabc20 0\n30 2\nde".utf8)
    var parts: [LogParts.Parser.Part] = []
    for start in stride(from: 0, to: bytes.count, by: piece) {
      parts += try parser.take(Array(bytes[start..<min(start + piece, bytes.count)]))
    }
    #expect(parts.map(\.next) == [10, 20, 30] && parts.map(\.bytes) == [Array("abc".utf8), [], Array("de".utf8)])
    for wrong in ["hello\n", "1 -1\n", "1 99999999999\n", String(repeating: "1", count: 60)] {
      var parser = LogParts.Parser()
      #expect(throws: LogParts.Malformed.self, "\(wrong)") { try parser.take(Array(wrong.utf8)) }
    }
  }

  @Test("what trying again does not heal is thrown")
  func hopeless() throws {
    let controller = ScriptedController { _, reply in reply.error(401, "unauthorized", "wrong token") }
    let source = EndpointSource(environment: ["MUSTER_ADDR": controller.address, "MUSTER_TOKEN": "t"])
    let log = LogFollower(source: source, job: 1, attempt: nil, rank: 0, follows: true, waitsForLog: true)
    let error = #expect(throws: ClientError.self) { try log.advance() }
    #expect(error?.exitStatus == .refused)
  }
}
