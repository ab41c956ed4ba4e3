import MusterProtocol

/// One rank's log of one attempt, over as many connections as it takes.
public final class LogFollower {
  public enum Item: Hashable, Sendable {
    case bytes([UInt8])
    case lost(ClientError)
    /// Everything has been sent: the attempt has ended, or the controller stops in good order.
    case ended
  }

  private final class Position {
    var offset: Int64 = 0
    /// nil: the bytes come alone.
    var parts: LogParts.Parser?
  }

  public let job: Int64
  public let rank: Int64
  public let attempt: Int64?
  public let stream: FollowedStream
  private let position = Position()
  private let source: EndpointSource

  /// `attempt` nil: the present or last one. With `waitsForLog` a log that is not there yet is waited for.
  public init(
    source: EndpointSource, job: Int64, attempt: Int64?, rank: Int64, follows: Bool, waitsForLog: Bool = false
  ) {
    self.source = source
    self.job = job
    self.rank = rank
    self.attempt = attempt
    let position = position
    let isTransient: (ClientError) -> Bool = { error in
      guard waitsForLog, case .refused(let error) = error else { return false }
      return error.status == 404 || error.status == 409
    }
    stream = FollowedStream(source: source, isTransient: isTransient) {
      var target = "/v1/jobs/\(job)/logs?rank=\(rank)&offset=\(position.offset)&follow=\(follows ? 1 : 0)"
      if let attempt { target += "&attempt=\(attempt)" }
      return HTTPRequest(.get, target, headers: [HTTPHeader("Accept", LogParts.contentType)])
    }
  }

  /// What has come. Does not wait for more.
  public func advance() throws(ClientError) -> [Item] {
    var items: [Item] = []
    for event in try stream.advance() {
      switch event {
      case .opened(let contentType): position.parts = contentType == LogParts.contentType ? LogParts.Parser() : nil
      case .lost(let error): items.append(.lost(error))
      case .ended: items.append(.ended)
      case .bytes(let bytes): items += try take(bytes).map { .bytes($0) }
      }
    }
    return items
  }

  private func take(_ bytes: [UInt8]) throws(ClientError) -> [[UInt8]] {
    guard position.parts != nil else {
      position.offset += Int64(bytes.count)
      return [bytes]
    }
    do {
      let parts = try position.parts?.take(bytes) ?? []
      if let last = parts.last { position.offset = last.next }
      return parts.map(\.bytes)
    } catch {
      throw .notMuster(address: try source.read().address, reason: "a part of a log starts with \"\(error.line)\"")
    }
  }
}
