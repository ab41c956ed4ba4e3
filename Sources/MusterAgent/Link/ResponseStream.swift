/// Reads an HTTP/1.1 response whose chunked body is a stream of lines, byte by byte as they come. A value: no socket.
struct ResponseStream {
  enum Item: Equatable {
    case opened
    case line([UInt8])
    /// The response is not what a link answers with; the text says why.
    case refused(String)
    case ended
  }

  private enum State {
    case head([UInt8])
    case errorBody(status: Int, [UInt8])
    case chunkSize([UInt8])
    case chunk(left: Int)
    case chunkEnd(left: Int)
    case over
  }
  private var state = State.head([])
  private var line: [UInt8] = []
  static let headLimit = 16 << 10
  let lineLimit: Int

  init(lineLimit: Int) { self.lineLimit = lineLimit }

  mutating func take(_ bytes: [UInt8]) -> [Item] {
    var out: [Item] = []
    for byte in bytes { step(byte, &out) }
    return out
  }

  /// The connection has ended: what an error response said so far.
  mutating func finish() -> Item {
    if case .errorBody(let status, let body) = state { return .refused(Self.reason(status, body)) }
    return .ended
  }

  private mutating func step(_ byte: UInt8, _ out: inout [Item]) {
    switch state {
    case .head(var head):
      head.append(byte)
      if head.count > Self.headLimit {
        state = .over
        out.append(.refused("the answer is no HTTP response"))
      } else if head.suffix(4).elementsEqual([13, 10, 13, 10]) {
        let status = Self.status(head)
        state = status == 200 ? .chunkSize([]) : .errorBody(status: status, [])
        if status == 200 { out.append(.opened) }
      } else {
        state = .head(head)
      }
    case .errorBody(let status, var body):
      body.append(byte)
      // One line of JSON.
      if byte == 10 || body.count > Self.headLimit {
        state = .over
        out.append(.refused(Self.reason(status, body)))
      } else {
        state = .errorBody(status: status, body)
      }
    case .chunkSize(var text):
      if byte != 10 {
        if byte != 13 { text.append(byte) }
        state = text.count > 16 ? .over : .chunkSize(text)
      } else if let size = Int(String(decoding: text.prefix { $0 != 59 }, as: UTF8.self), radix: 16), size >= 0 {
        if size == 0 { out.append(.ended) }
        state = size == 0 ? .over : .chunk(left: size)
      } else {
        state = .over
        out.append(.refused("a chunk's size is no number"))
      }
    case .chunk(let left):
      inLine(byte, &out)
      if case .chunk = state { state = left == 1 ? .chunkEnd(left: 2) : .chunk(left: left - 1) }
    case .chunkEnd(let left): state = left == 1 ? .chunkSize([]) : .chunkEnd(left: left - 1)
    case .over: break
    }
  }

  private mutating func inLine(_ byte: UInt8, _ out: inout [Item]) {
    if byte == 10 {
      if !line.isEmpty { out.append(.line(line)) }
      line.removeAll(keepingCapacity: true)
    } else if line.count >= lineLimit {
      state = .over
      out.append(.refused("a line is longer than \(lineLimit) bytes"))
    } else {
      line.append(byte)
    }
  }

  private static func status(_ head: [UInt8]) -> Int {
    let words = head.prefix { $0 != 13 }.split(separator: 32)
    return words.count >= 2 ? Int(String(decoding: words[1], as: UTF8.self)) ?? 0 : 0
  }

  private static func reason(_ status: Int, _ body: [UInt8]) -> String {
    let text = String(decoding: body.prefix(512).filter { $0 >= 32 }, as: UTF8.self)
    return status == 401
      ? "the controller does not know this token (401)" : "the controller answered \(status): \(text)"
  }
}
