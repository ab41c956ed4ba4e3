/// What a rank says in one datagram: `KEY=VALUE`, one a line, as in sd_notify. Unknown keys are ignored.
struct Notice: Hashable, Sendable {
  var step: Int64?
  var loss: String?
  var checkpoint: Int64?
  var isReady = false
  /// Empty clears it.
  var status: String?
  /// Seconds in all for which the rank has waited for others.
  var waited: Double?

  static let byteLimit = 4096
  static let textLimit = 256

  init(_ bytes: some Sequence<UInt8>) {
    for line in Array(bytes).split(whereSeparator: { $0 == 10 || $0 == 0 }) {
      guard let equals = line.firstIndex(of: 61) else { continue }
      let value = String(decoding: line[line.index(after: equals)...], as: UTF8.self)
      switch String(decoding: line[..<equals], as: UTF8.self) {
      case "STEP": step = Self.number(value) ?? step
      case "CHECKPOINT": checkpoint = Self.number(value) ?? checkpoint
      case "LOSS": loss = Double(value) == nil ? loss : String(value.prefix(32))
      case "READY": isReady = isReady || value == "1"
      case "WAITED": waited = Self.seconds(value) ?? waited
      case "STATUS": status = String(value.prefix(Self.textLimit))
      default: continue
      }
    }
  }

  /// Ten years at most: more is no wait.
  private static func seconds(_ text: String) -> Double? {
    guard let seconds = Double(text), (0...315_360_000).contains(seconds) else { return nil }
    return seconds
  }

  private static func number(_ text: String) -> Int64? {
    guard let n = Int64(text), n >= 0 else { return nil }
    return n
  }
}

/// At most so many messages a second from one rank; checkpoints always pass. Times in milliseconds.
struct NoticeLimit: Hashable, Sendable {
  static let perSecond = 100
  private var second: Int64 = 0
  private var count = 0
  private(set) var dropped = 0

  mutating func admits(_ notice: Notice, now: Int64) -> Bool {
    if now / 1000 != second {
      second = now / 1000
      count = 0
    }
    count += 1
    if count <= NoticeLimit.perSecond || notice.checkpoint != nil { return true }
    dropped += 1
    return false
  }
}
