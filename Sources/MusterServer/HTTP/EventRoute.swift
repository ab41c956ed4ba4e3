import Hummingbird
import MusterCore
import MusterJournal
import MusterProtocol
import NIOCore

/// `GET /v1/events`: server-sent events. Ids are journal sequences, so a client resumes where it was.
struct EventRoute: Sendable {
  let events: EventHub
  let folder: DataFolder

  func respond(to request: Request) throws -> Response {
    let newest = Int64.max
    var after = try API.number(request, "after", default: newest, in: 0...newest)
    if let text = request.headers[.init("Last-Event-ID") ?? .ifMatch] {
      guard let id = Int64(text), id >= 0 else { throw APIError.invalid("Last-Event-ID", text, "a sequence") }
      after = id
    }
    let job = try API.number(request, "job", default: 0, in: 0...newest)
    let follow = try API.number(request, "follow", default: 1, in: 0...1) == 1
    guard let subscription = events.subscribe() else {
      throw APIError(
        status: .tooManyRequests, code: "busy", message: "\(EventHub.listenerLimit) clients listen already",
        remedy: "end some of them", retryAfterSeconds: 5)
    }
    if after == newest { after = follow ? subscription.sequence : 0 }
    // A place that this journal has not reached: a backup was restored, or the client knew another controller.
    let isBeyond = after > subscription.sequence
    let (start, path) = (min(after, subscription.sequence), folder.path)
    return Response(
      status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-store"],
      body: ResponseBody { out in
        defer { subscription.cancel() }
        var last = start
        func send(_ event: Event) async throws {
          last = event.sequence
          guard job == 0 || event.job?.number == job else { return }
          let text = "id: \(event.sequence)\nevent: \(event.kind)\ndata: \(event.json.text)\n\n"
          try await out.write(ByteBuffer(string: text))
        }
        // At once, so that a client knows it is heard before the first event.
        try await out.write(ByteBuffer(string: ": muster events after \(start)\n\n"))
        if isBeyond { try await EventRoute.resync(from: start, &out) }
        if start < subscription.sequence {
          try await EventRoute.replay(path, after: start, until: subscription.sequence, subscription.names, send)
        }
        if follow {
          for await event in subscription.events where event.sequence > last { try await send(event) }
          // The stream ended because this client was too slow: it is told where to go on.
          try await EventRoute.resync(from: last, &out)
        }
        try await out.finish(nil)
      })
  }

  /// Tells a client to read the state again: what follows has nothing to do with what it had.
  private static func resync(from sequence: Int64, _ out: inout any ResponseBodyWriter) async throws {
    let text = "id: \(sequence)\nevent: resync\ndata: {\"after\":\(sequence)}\n\n"
    try await out.write(ByteBuffer(string: text))
  }

  private static func replay(
    _ path: String, after: Int64, until: Int64, _ names: [String], _ send: (Event) async throws -> Void
  ) async throws {
    let reader = try JournalReader(path: path)
    defer {
      // A reader that cannot be closed holds a descriptor until the process ends; there is nothing to do about it here.
      try? reader.close()
    }
    var batches = try reader.batches(after: after)
    while let batch = try batches.next(), batch.firstSequence <= until {
      var bytes = ByteReader(batch.facts)
      var sequence = batch.firstSequence
      while !bytes.isAtEnd {
        let fact = try bytes.fact()
        if sequence > after, sequence <= until { try await send(Event(sequence: sequence, fact: fact, names: names)) }
        sequence += 1
      }
    }
  }
}
