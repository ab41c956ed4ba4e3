/// A rank's log as the controller sends it to a client that has to carry on after a lost connection: parts, each behind a
/// line `NEXT LENGTH` where NEXT is the offset to ask for after it. Where the middle of a log was dropped, offsets in the
/// file and bytes received are not the same thing. A client that does not ask for it gets the bytes alone.
public enum LogParts {
  /// What `Accept` and `Content-Type` say.
  public static let contentType = "application/vnd.muster.log-parts"
  /// The longest part that a reader takes.
  public static let limitBytes = 16 << 20

  public static func head(next: Int64, length: Int) -> [UInt8] { Array("\(next) \(length)\n".utf8) }

  public struct Malformed: Error, Hashable { public var line: String }

  /// Parts out of a stream's bytes. Pure.
  public struct Parser: Sendable {
    public struct Part: Hashable, Sendable {
      public var next: Int64
      public var bytes: [UInt8]
    }
    /// Of "9223372036854775807 16777216".
    private static let longestHead = 40
    private var rest: [UInt8] = []

    public init() {}

    /// The parts that these bytes complete.
    public mutating func take(_ bytes: [UInt8]) throws(Malformed) -> [Part] {
      rest += bytes
      var parts: [Part] = []
      var start = 0
      defer { rest.removeFirst(start) }
      while let end = rest[start...].prefix(Self.longestHead).firstIndex(of: UInt8(ascii: "\n")) {
        let line = String(decoding: rest[start..<end], as: UTF8.self)
        let numbers = line.split(separator: " ").map { Int64($0) }
        guard numbers.count == 2, let next = numbers[0], let length = numbers[1], next >= 0, length >= 0,
          length <= Int64(limitBytes)
        else { throw Malformed(line: line) }
        let last = end + 1 + Int(length)
        guard last <= rest.endIndex else { return parts }
        parts.append(Part(next: next, bytes: Array(rest[(end + 1)..<last])))
        start = last
      }
      guard rest.count - start < Self.longestHead else {
        throw Malformed(line: String(decoding: rest[start...].prefix(Self.longestHead), as: UTF8.self))
      }
      return parts
    }
  }
}
