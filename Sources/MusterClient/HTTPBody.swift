/// Takes an HTTP/1.1 body out of the bytes of a connection. Pure: bytes in, bytes out.
struct HTTPBody {
  struct Malformed: Error { var reason: String }

  private enum State: Hashable {
    case length(left: Int)
    case chunkSize(line: [UInt8])
    case chunkData(left: Int)
    /// The line end behind a chunk's data.
    case chunkEnd
    /// Lines behind the last chunk, until an empty one.
    case trailer(line: [UInt8])
    case untilClose
    case done
  }

  private var state: State
  /// A chunk larger than this is no chunk of ours.
  private static let largestChunk = 1 << 30
  private static let longestLine = 4096

  static func length(_ count: Int) -> HTTPBody { HTTPBody(state: count == 0 ? .done : .length(left: count)) }
  static var chunked: HTTPBody { HTTPBody(state: .chunkSize(line: [])) }
  static var untilClose: HTTPBody { HTTPBody(state: .untilClose) }

  private init(state: State) { self.state = state }

  var isDone: Bool { state == .done }
  /// Whether the end of the connection is the end of the body.
  var endsWithConnection: Bool { state == .untilClose || state == .done }

  /// Appends the body's bytes in `bytes` to `output`. Answers how many bytes of input belonged to this body.
  mutating func decode(_ bytes: ArraySlice<UInt8>, into output: inout [UInt8]) throws(Malformed) -> Int {
    var rest = bytes
    while let first = rest.first {
      switch state {
      case .done: return bytes.count - rest.count
      case .untilClose:
        output += rest
        rest = []
      case .length(let left):
        let taken = rest.prefix(left)
        output += taken
        rest = rest.dropFirst(taken.count)
        state = left == taken.count ? .done : .length(left: left - taken.count)
      case .chunkData(let left):
        let taken = rest.prefix(left)
        output += taken
        rest = rest.dropFirst(taken.count)
        state = left == taken.count ? .chunkEnd : .chunkData(left: left - taken.count)
      case .chunkSize(let line), .trailer(let line):
        rest = rest.dropFirst()
        try take(first, line: line)
      case .chunkEnd:
        rest = rest.dropFirst()
        if first == UInt8(ascii: "\n") {
          state = .chunkSize(line: [])
        } else if first != UInt8(ascii: "\r") {
          throw Malformed(reason: "a chunk does not end where it should")
        }
      }
    }
    return bytes.count
  }

  private mutating func take(_ byte: UInt8, line: [UInt8]) throws(Malformed) {
    guard byte == UInt8(ascii: "\n") else {
      guard line.count < Self.longestLine else { throw Malformed(reason: "a line without an end") }
      let longer = byte == UInt8(ascii: "\r") ? line : line + [byte]
      if case .trailer = state { state = .trailer(line: longer) } else { state = .chunkSize(line: longer) }
      return
    }
    if case .trailer = state {
      state = line.isEmpty ? .done : .trailer(line: [])
      return
    }
    let digits = String(decoding: line.prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: " ") }, as: UTF8.self)
    guard let size = Int(digits, radix: 16), (0...Self.largestChunk).contains(size) else {
      throw Malformed(reason: "a chunk without its size")
    }
    state = size == 0 ? .trailer(line: []) : .chunkData(left: size)
  }
}
