/// What the job file's reader needs to know of a tree. YAML and JSON both answer it, so that one reader serves both and
/// JSON is read where it lies: submissions come at tens of thousands a second.
protocol JobFileNode {
  associatedtype Member: JobFileMember where Member.Node == Self
  /// From 1; nil where the source has none.
  var line: Int? { get }
  /// nil for a mapping and a sequence.
  var scalar: JobFileScalar? { get }
  var elements: [Self]? { get }
  var members: [Member]? { get }
  /// A YAML scalar as it was written, `null` and `~` too, empty where there is nothing; nil for what else there is.
  var writtenText: String? { get }
}

protocol JobFileMember {
  associatedtype Node
  var name: String { get }
  var value: Node { get }
  var line: Int? { get }
}

enum JobFileScalar {
  /// Nothing written, `~` or `null`.
  case null
  /// A JSON string, or a YAML scalar in quotes or as a block.
  case text(String)
  /// A YAML scalar without quotes: a text or a number, as its field wants it.
  case plain(String)
  /// A JSON number without a fraction.
  case integer(Int64)
  /// Any other JSON value, as written.
  case other(String)
}

extension JobFileNode {
  var isNull: Bool {
    if case .null = scalar { return true }
    return false
  }

  /// The value as a person would know it again: one line of at most 60 characters.
  var shown: String {
    switch scalar {
    case .null: return "(nothing)"
    case .text(let text): return Self.shortened(text, quoted: true)
    case .plain(let text), .other(let text): return Self.shortened(text, quoted: false)
    case .integer(let number): return String(number)
    case nil: return elements == nil ? "{...}" : "[...]"
    }
  }

  private static func shortened(_ text: String, quoted: Bool) -> String {
    let limit = 60
    var line = ""
    for character in text.prefix(limit) {
      let isControl = character.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7f }
      line.append(isControl ? " " : character)
    }
    if text.count > limit { line += "..." }
    return quoted ? "\"\(line)\"" : line
  }
}

extension JSON: JobFileNode {
  var line: Int? { nil }
  var writtenText: String? { nil }

  var scalar: JobFileScalar? {
    switch self {
    case .null: .null
    case .bool(let value): .other(value ? "true" : "false")
    case .int(let value): .integer(value)
    case .double(let value): .other(String(value))
    case .string(let value): .text(value)
    case .array, .object: nil
    }
  }

  var elements: [JSON]? {
    if case .array(let elements) = self { return elements }
    return nil
  }

  var members: [JSON.Member]? {
    if case .object(let members) = self { return members }
    return nil
  }
}

extension JSON.Member: JobFileMember {
  var line: Int? { nil }
}
