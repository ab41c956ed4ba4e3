import MusterTLS

/// One connection and at most one request at a time on it.
final class HTTPConnection {
  private let endpoint: Endpoint
  private let socket: Socket
  /// Received and not yet used.
  private var buffer: [UInt8] = []
  private var body = HTTPBody.length(0)
  /// Whether another request may follow once the body is done.
  private var canContinue = true
  private static let longestHead = 64 << 10

  init(to endpoint: Endpoint, until deadline: Deadline) throws(ClientError) {
    self.endpoint = endpoint
    socket = try Socket.connect(to: endpoint, until: deadline)
  }

  var descriptor: Int32 { socket.descriptor }
  var address: String { endpoint.address }
  var isReusable: Bool { canContinue && body.isDone && buffer.isEmpty }

  /// Why no head came. `untouched`: the connection ended before a byte of the answer; a kept one may just have been
  /// closed by the other side, and asking again on a new one is right.
  enum Failure: Error {
    case untouched
    case error(ClientError)
  }

  /// Sends the request and reads the answer's head.
  func ask(_ request: HTTPRequest, until deadline: Deadline, seconds: Int) throws(Failure) -> HTTPResponseHead {
    do {
      try socket.send(request.bytes(for: endpoint), until: deadline)
    } catch {
      switch error {
      case .timedOut: throw .error(.noAnswer(address: endpoint.address, seconds: seconds))
      // A server that refuses a large body answers and closes while we still send: its answer may be there to read.
      case .broken: canContinue = false
      }
    }
    while true {
      let head = try readHead(until: deadline, seconds: seconds)
      // 100 Continue and its like: the real answer follows.
      if head.status < 200 { continue }
      do {
        body = try head.body()
      } catch {
        throw .error(.notMuster(address: endpoint.address, reason: error.reason))
      }
      canContinue = canContinue && head.keepsConnection && !body.endsWithConnection || body.isDone && canContinue
      return head
    }
  }

  private func readHead(until deadline: Deadline, seconds: Int) throws(Failure) -> HTTPResponseHead {
    while true {
      if let (head, size) = completeHead() {
        defer { buffer.removeFirst(size) }
        do {
          return try HTTPResponseHead.parse(head)
        } catch {
          throw .error(.notMuster(address: endpoint.address, reason: error.reason))
        }
      }
      guard buffer.count <= Self.longestHead else {
        throw .error(.notMuster(address: endpoint.address, reason: "a head without an end"))
      }
      switch socket.receive(into: &buffer, until: deadline) {
      case .bytes: continue
      case .nothingYet: throw .error(.noAnswer(address: endpoint.address, seconds: seconds))
      case .untrusted(let problem): throw .error(.untrusted(address: endpoint.address, reason: problem.reason))
      case .ended, .broken: throw buffer.isEmpty ? .untouched : .error(.cutOff(address: endpoint.address))
      }
    }
  }

  /// The head's lines, and how many bytes they take with the empty line behind them.
  private func completeHead() -> (head: ArraySlice<UInt8>, size: Int)? {
    let newline = UInt8(ascii: "\n")
    var index = buffer.startIndex
    while let end = buffer[index...].firstIndex(of: newline) {
      let line = buffer[index..<end]
      if line.isEmpty || line.elementsEqual([UInt8(ascii: "\r")]) { return (buffer[..<index], end + 1) }
      index = end + 1
    }
    return nil
  }

  /// The whole body. More than `limit` bytes are no answer to anything that we ask.
  func readBody(limit: Int, until deadline: Deadline, seconds: Int) throws(ClientError) -> [UInt8] {
    var output: [UInt8] = []
    while true {
      try decode(into: &output)
      if body.isDone { return output }
      guard output.count <= limit else { throw .notMuster(address: endpoint.address, reason: "an endless answer") }
      switch socket.receive(into: &buffer, until: deadline) {
      case .bytes: continue
      case .nothingYet: throw .noAnswer(address: endpoint.address, seconds: seconds)
      case .ended where body.endsWithConnection: return output
      case .ended, .broken, .untrusted: throw .cutOff(address: endpoint.address)
      }
    }
  }

  enum BodyPart: Hashable {
    /// What is there now; may be empty.
    case bytes([UInt8])
    /// The body has ended as it should, with these last bytes.
    case end([UInt8])
    /// The connection was lost; the bytes came before.
    case lost([UInt8])
  }

  /// What of the body has come. Does not wait.
  func availableBody() throws(ClientError) -> BodyPart {
    var output: [UInt8] = []
    // One helping at a time: a fast sender must not keep others from their turn.
    for _ in 0..<16 {
      try decode(into: &output)
      if body.isDone { return .end(output) }
      switch socket.receive(into: &buffer) {
      case .bytes: continue
      case .nothingYet: return .bytes(output)
      case .ended where body.endsWithConnection: return .end(output)
      case .ended, .broken, .untrusted: return .lost(output)
      }
    }
    try decode(into: &output)
    return body.isDone ? .end(output) : .bytes(output)
  }

  private func decode(into output: inout [UInt8]) throws(ClientError) {
    guard !buffer.isEmpty else { return }
    do {
      let used = try body.decode(buffer[...], into: &output)
      buffer.removeFirst(used)
    } catch {
      throw .notMuster(address: endpoint.address, reason: error.reason)
    }
  }
}
