import Hummingbird
import MusterCore
import MusterJournal
import MusterProtocol
import NIOCore

/// `GET /v1/events`: server-sent events. Ids are journal sequences, so a client resumes where it was.
struct EventRoute: Sendable {
  let events: EventHub
  let folder: DataFolder
  let api: API

  func respond(to request: Request) async throws -> Response {
    let newest = Int64.max
    var after = try API.number(request, "after", default: newest, in: 0...newest)
    if let text = request.headers[.init("Last-Event-ID") ?? .ifMatch] {
      guard let id = Int64(text), id >= 0 else { throw APIError.invalid("Last-Event-ID", text, "a sequence") }
      after = id
    }
    let job = try API.number(request, "job", default: 0, in: 0...newest)
    let follow = try API.number(request, "follow", default: 1, in: 0...1) == 1
    if job > 0 { try await api.checkGiven(JobID(job)) }
    guard let subscription = events.subscribe() else {
      throw APIError(
        status: .tooManyRequests, code: "busy", message: "\(EventHub.listenerLimit) clients listen already",
        remedy: "end some of them", retryAfterSeconds: 5)
    }
    if after == newest { after = follow ? subscription.sequence : 0 }
    // A place that this journal has not reached: a backup was restored, or the client knew another controller.
    let isBeyond = after > subscription.sequence
    let start = min(after, subscription.sequence)
    return Response(
      status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-store"],
      body: ResponseBody { out in
        defer { subscription.cancel() }
        try await request.whileConnected(follow) {
          var stream = Stream(job: job, last: start)
          try await self.send(&stream, subscription, isBeyond: isBeyond, follow: follow, &out)
        }
        try await out.finish(nil)
      })
  }

  private struct Stream {
    /// 0: all jobs, and what is of none.
    var job: Int64
    var last: Int64

    mutating func send(_ event: Event, _ out: inout any ResponseBodyWriter) async throws {
      last = event.sequence
      guard job == 0 || event.job?.number == job else { return }
      let text = "id: \(event.sequence)\nevent: \(event.kind)\ndata: \(event.json.text)\n\n"
      try await out.write(ByteBuffer(string: text))
    }
  }

  private func send(
    _ stream: inout Stream, _ subscription: EventHub.Subscription, isBeyond: Bool, follow: Bool,
    _ out: inout any ResponseBodyWriter
  ) async throws {
    // At once, so that a client knows it is heard before the first event.
    try await out.write(ByteBuffer(string: ": muster events after \(stream.last)\n\n"))
    if isBeyond { try await EventRoute.resync(from: stream.last, &out) }
    if stream.last < subscription.sequence { try await replay(&stream, until: subscription, &out) }
    guard follow else { return }
    for await event in subscription.events {
      guard let event else {
        try await out.write(ByteBuffer(string: ": alive\n\n"))
        continue
      }
      if event.sequence > stream.last { try await stream.send(event, &out) }
    }
    try Task.checkCancellation()
    // The stream ended because this client was too slow: it is told where to go on.
    try await EventRoute.resync(from: stream.last, &out)
  }

  /// Tells a client to read the state again: what follows has nothing to do with what it had.
  private static func resync(from sequence: Int64, _ out: inout any ResponseBodyWriter) async throws {
    let text = "id: \(sequence)\nevent: resync\ndata: {\"after\":\(sequence)}\n\n"
    try await out.write(ByteBuffer(string: text))
  }

  private func replay(
    _ stream: inout Stream, until subscription: EventHub.Subscription, _ out: inout any ResponseBodyWriter
  ) async throws {
    let reader = try JournalReader(path: folder.path)
    defer {
      // A reader that cannot be closed holds a descriptor until the process ends; there is nothing to do about it here.
      try? reader.close()
    }
    let after = stream.last
    var batches = try reader.batches(after: after)
    while let batch = try batches.next(), batch.firstSequence <= subscription.sequence {
      var events: [Event] = []
      try batch.forEachFact { sequence, fact in
        guard sequence > after, sequence <= subscription.sequence else { return }
        events.append(Event(sequence: sequence, fact: fact, names: subscription.names))
      }
      for event in events { try await stream.send(event, &out) }
    }
  }
}

extension Request {
  /// Runs an answer that may take for ever; a client that goes away cancels it. One that ends by itself needs no such care.
  func whileConnected(_ isEndless: Bool, _ body: () async throws -> Void) async throws {
    guard isEndless else { return try await body() }
    try await self.body.consumeWithCancellationOnInboundClose { _ in try await body() }
  }
}
