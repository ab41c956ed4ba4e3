public import MusterProtocol

/// The controller's events, from a sequence on, over as many connections as it takes. None twice, none left out.
public final class EventFollower {
  public enum Item: Hashable, Sendable {
    /// `sequence` is the journal's; `body` is the event as the API gives it.
    case event(sequence: Int64, kind: String, body: JSON)
    /// The stream has gone on without us: read the state again. Events follow from there.
    case resync
    /// Connected, for the first time or again.
    case opened
    case lost(ClientError)
    /// Only when it does not follow.
    case ended
  }

  private final class Position { var sequence: Int64 = 0 }

  public let stream: FollowedStream
  private let follows: Bool
  private var parser = EventParser()
  private let position = Position()

  /// `job` nil: all. `follows` false: ends with the last stored event.
  public init(source: EndpointSource, job: Int64? = nil, after: Int64 = 0, follows: Bool) {
    let position = position
    position.sequence = after
    self.follows = follows
    stream = FollowedStream(source: source) {
      var target = "/v1/events?after=\(position.sequence)&follow=\(follows ? 1 : 0)"
      if let job { target += "&job=\(job)" }
      var headers = [HTTPHeader("Accept", "text/event-stream")]
      if position.sequence > 0 { headers.append(HTTPHeader("Last-Event-ID", "\(position.sequence)")) }
      return HTTPRequest(.get, target, headers: headers)
    }
  }

  /// What has come. Does not wait for more.
  public func advance() throws(ClientError) -> [Item] {
    var items: [Item] = []
    for event in try stream.advance() {
      switch event {
      case .opened:
        parser = EventParser()
        items.append(.opened)
      case .lost(let error): items.append(.lost(error))
      case .bytes(let bytes): for event in parser.take(bytes) { take(event, into: &items) }
      case .ended where follows:
        // A controller that stops in good order ends its streams; the next one carries on.
        stream.reopen(afterMilliseconds: 200)
      case .ended: items.append(.ended)
      }
    }
    return items
  }

  private func take(_ event: ServerEvent, into items: inout [Item]) {
    if event.kind == "resync" {
      if let id = event.id { position.sequence = id }
      return items.append(.resync)
    }
    guard !event.data.isEmpty else {
      if let id = event.id { position.sequence = max(position.sequence, id) }
      return
    }
    // Data that is not JSON is no event of ours; the next ones may be.
    guard let body = try? JSON.parse(Array(event.data.utf8)) else { return }
    let sequence = event.id ?? body["sequence"]?.intValue ?? position.sequence
    // Sent twice around a reconnection.
    guard sequence > position.sequence else { return }
    position.sequence = sequence
    items.append(.event(sequence: sequence, kind: event.kind, body: body))
  }
}
