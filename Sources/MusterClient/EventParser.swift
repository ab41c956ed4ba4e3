/// One server-sent event.
public struct ServerEvent: Hashable, Sendable {
  /// The journal's sequence; nil if the event had none.
  public var id: Int64?
  /// `message` if the event had none.
  public var kind: String
  public var data: String

  public init(id: Int64?, kind: String, data: String) {
    self.id = id
    self.kind = kind
    self.data = data
  }
}

/// Server-sent events out of a stream's bytes (WHATWG HTML, 9.2.6). Pure.
public struct EventParser: Sendable {
  private var lines = LineSplitter()
  private var id: Int64?
  private var kind = ""
  private var data: [String] = []

  public init() {}

  /// The events that these bytes complete.
  public mutating func take(_ bytes: [UInt8]) -> [ServerEvent] {
    var events: [ServerEvent] = []
    for line in lines.take(bytes) {
      guard !line.isEmpty else {
        // An event without data is none, says the standard; ours with an id alone still tells where we are.
        if !data.isEmpty || id != nil {
          events.append(
            ServerEvent(id: id, kind: kind.isEmpty ? "message" : kind, data: data.joined(separator: "\n")))
        }
        (id, kind, data) = (nil, "", [])
        continue
      }
      take(field: line)
    }
    return events
  }

  private mutating func take(field line: String) {
    // A line that starts with a colon is a comment: the server says that it is alive.
    let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    var value = parts.count > 1 ? parts[1] : ""
    if value.hasPrefix(" ") { value = value.dropFirst() }
    switch parts[0] {
    case "id": id = Int64(value)
    case "event": kind = String(value)
    case "data": data.append(String(value))
    default: break  // The standard says to ignore other fields.
    }
  }
}

/// Whole lines out of bytes that come in pieces. Pure. A line's end is a newline, with or without a return before it.
public struct LineSplitter: Sendable {
  private var rest: [UInt8] = []

  public init() {}

  /// The lines that these bytes complete, without their ends.
  public mutating func take(_ bytes: [UInt8]) -> [String] {
    rest += bytes
    var lines: [String] = []
    var start = rest.startIndex
    while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
      var line = rest[start..<end]
      if line.last == UInt8(ascii: "\r") { line = line.dropLast() }
      lines.append(String(decoding: line, as: UTF8.self))
      start = end + 1
    }
    rest.removeFirst(start)
    return lines
  }

  /// What is left without a line end; nil if nothing is.
  public mutating func finish() -> String? {
    defer { rest = [] }
    return rest.isEmpty ? nil : String(decoding: rest, as: UTF8.self)
  }
}
