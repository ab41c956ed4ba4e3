import MusterClient
import MusterProtocol

/// A rank's log on the way to the terminal: as it is, or in whole lines with the rank in front.
struct LogPrinter {
  enum Form: Hashable {
    /// Byte for byte.
    case raw
    /// `[3] line`.
    case prefixed
    /// `{"rank":3,"text":"line"}`, with the attempt if it is known.
    case json
  }

  /// Up to as many ranks are shown together; of a larger job only rank 0.
  static let mostRanksTogether: Int64 = 8
  private static let tones: [Style.Tone] = [.busy, .good, .warning, .strong]

  let form: Form
  let rank: Int64
  let attempt: Int64?
  let style: Style
  private var lines = LineSplitter()

  init(form: Form, rank: Int64, attempt: Int64?, style: Style) {
    self.form = form
    self.rank = rank
    self.attempt = attempt
    self.style = style
  }

  mutating func take(_ bytes: [UInt8]) -> [UInt8] {
    if form == .raw { return bytes }
    return lines.take(bytes).flatMap { printed($0) }
  }

  /// A last line without an end.
  mutating func finish() -> [UInt8] {
    guard form != .raw, let rest = lines.finish() else { return [] }
    return printed(rest)
  }

  private func printed(_ line: String) -> [UInt8] {
    switch form {
    case .raw: return Array(line.utf8)
    case .prefixed:
      let tone = Self.tones[Int(rank % Int64(Self.tones.count))]
      return Array("\(style.paint("[\(rank)]", tone)) \(line)\n".utf8)
    case .json:
      var members: [JSON.Member] = [.init(name: "rank", value: .int(rank))]
      if let attempt { members.append(.init(name: "attempt", value: .int(attempt))) }
      members.append(.init(name: "text", value: .string(line)))
      return Array((JSON.object(members).text + "\n").utf8)
    }
  }

  /// Which ranks to show when nobody chose one.
  static func ranks(worldSize: Int64) -> [Int64] {
    worldSize <= mostRanksTogether ? Array(0..<max(1, worldSize)) : [0]
  }
}
