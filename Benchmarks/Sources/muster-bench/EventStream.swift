import Glibc

/// The controller's live events, each with the moment at which it arrived here.
final class EventStream {
  struct Event {
    var at: Int64
    var json: JSON
    var kind: String { json["kind"].string ?? "" }
  }

  private let descriptor: Int32
  private var received: [UInt8] = []
  private var arrivedAt: Int64 = 0

  /// Server-sent events of one job over HTTP.
  init(_ fleet: Fleet, job: Int) throws {
    descriptor = try connectLoopback(port: fleet.port)
    let request = Array(
      ("GET /v1/events?follow=1&job=\(job) HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer \(fleet.token)\r\n\r\n")
        .utf8)
    guard send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
      throw Failure("cannot ask for events")
    }
  }

  /// - Parameter pipe: what `muster events --json -f` prints, an object a line; closed at the end.
  init(pipe: Int32) {
    descriptor = pipe
  }

  deinit { close(descriptor) }

  /// The next event that fits; nil after `seconds` without one.
  func next(within seconds: Double, where fits: (Event) -> Bool) throws -> Event? {
    let limit = bootNanoseconds() + Int64(seconds * 1e9)
    while true {
      while let event = take() { if fits(event) { return event } }
      let left = (limit - bootNanoseconds()) / 1_000_000
      guard left > 0 else { return nil }
      var readable = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&readable, 1, Int32(left)) > 0 else { continue }
      var part = [UInt8](repeating: 0, count: 65_536)
      let count = read(descriptor, &part, part.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw Failure("the event stream ended") }
      received += part[..<count]
      arrivedAt = bootNanoseconds()
    }
  }

  /// Server-sent events put the object behind `data:`; chunk sizes and other fields are lines without an object.
  private func take() -> Event? {
    while let end = received.firstIndex(of: 10) {
      let line = received[..<end]
      defer { received.removeSubrange(...end) }
      guard let open = line.firstIndex(of: UInt8(ascii: "{")), let json = try? JSON.parse(line[open...]) else {
        continue
      }
      return Event(at: arrivedAt, json: json)
    }
    return nil
  }
}
