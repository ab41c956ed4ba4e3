/// An answer that does not end soon, opened again whenever its connection is lost: the address is read anew each time,
/// so it survives a controller's restart.
public final class FollowedStream {
  public enum Event: Hashable, Sendable {
    case bytes([UInt8])
    /// A new connection: what was read of an unfinished line or event is void.
    case opened(contentType: String)
    /// The connection is lost or could not be made; it is tried again.
    case lost(ClientError)
    /// The answer has ended as it should.
    case ended
  }

  private enum State {
    case waiting(until: Deadline)
    case open(HTTPConnection)
    case ended
  }

  private let source: EndpointSource
  private let request: () -> HTTPRequest
  /// Beside the errors that always pass, e.g. a log that is not there yet.
  private let isTransient: (ClientError) -> Bool
  private var state = State.waiting(until: Deadline.now)
  private var pauseMilliseconds: Int64 = 0
  /// From one try to the next: doubled from the first to the last.
  private static let pauses: (first: Int64, last: Int64) = (50, 1000)
  /// A stream's head comes at once or not at all.
  private static let patienceSeconds = 3

  /// `request` is asked anew for each connection: it carries on where the last one ended.
  public init(
    source: EndpointSource, isTransient: @escaping (ClientError) -> Bool = { _ in false },
    request: @escaping () -> HTTPRequest
  ) {
    self.source = source
    self.isTransient = isTransient
    self.request = request
  }

  /// What to wait for; nil while there is no connection.
  public var descriptor: Int32? {
    if case .open(let connection) = state { return connection.descriptor }
    return nil
  }

  /// When to call `advance` even if nothing has come.
  public var wakeAt: Deadline {
    if case .waiting(let deadline) = state { return deadline }
    return .never
  }

  public var hasEnded: Bool {
    if case .ended = state { return true }
    return false
  }

  /// Asks again although the answer had ended.
  public func reopen(afterMilliseconds pause: Int64) { state = .waiting(until: .after(milliseconds: pause)) }

  /// Does what can be done without waiting for input (a connection is made within its own few seconds). Throws what
  /// trying again will not heal.
  public func advance() throws(ClientError) -> [Event] {
    switch state {
    case .ended: return []
    case .waiting(let deadline):
      guard deadline.isPast else { return [] }
      let contentType: String
      do {
        let (connection, head) = try open()
        state = .open(connection)
        contentType = head["content-type"] ?? ""
      } catch {
        guard error.passes || isTransient(error) else { throw error }
        return [lose(error)]
      }
      pauseMilliseconds = 0
      return [.opened(contentType: contentType)] + (try read())
    case .open: return try read()
    }
  }

  private func open() throws(ClientError) -> (HTTPConnection, HTTPResponseHead) {
    let endpoint = try source.read()
    let deadline = Deadline.after(milliseconds: Int64(Self.patienceSeconds) * 1000)
    let connection = try HTTPConnection(to: endpoint, until: deadline)
    let head: HTTPResponseHead
    do {
      head = try connection.ask(request(), until: deadline, seconds: Self.patienceSeconds)
    } catch {
      switch error {
      case .untouched: throw .cutOff(address: endpoint.address)
      case .error(let error): throw error
      }
    }
    guard head.status == 200 else {
      let body = try connection.readBody(limit: 1 << 20, until: deadline, seconds: Self.patienceSeconds)
      throw .refused(APIError(status: head.status, body: body))
    }
    return (connection, head)
  }

  private func read() throws(ClientError) -> [Event] {
    guard case .open(let connection) = state else { return [] }
    switch try connection.availableBody() {
    case .bytes(let bytes): return bytes.isEmpty ? [] : [.bytes(bytes)]
    case .end(let bytes):
      state = .ended
      return (bytes.isEmpty ? [] : [.bytes(bytes)]) + [.ended]
    case .lost(let bytes):
      let lost = lose(.cutOff(address: connection.address))
      return (bytes.isEmpty ? [] : [.bytes(bytes)]) + [lost]
    }
  }

  private func lose(_ error: ClientError) -> Event {
    pauseMilliseconds = min(Self.pauses.last, max(Self.pauses.first, pauseMilliseconds * 2))
    state = .waiting(until: .after(milliseconds: pauseMilliseconds))
    return .lost(error)
  }
}
