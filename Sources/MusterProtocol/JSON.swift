/// A JSON value (RFC 8259). Objects keep the order of their members; whole numbers that fit stay whole.
///
/// Ours and not Foundation's: submissions are decoded 40,000 times a second, the shim must stay small, and errors name
/// the byte (measured: docs/decisions/0005-own-json.md).
public enum JSON: Hashable, Sendable {
  case null
  case bool(Bool)
  case int(Int64)
  case double(Double)
  case string(String)
  case array([JSON])
  case object([Member])

  public struct Member: Hashable, Sendable {
    public var name: String
    public var value: JSON
    public init(name: String, value: JSON) {
      self.name = name
      self.value = value
    }
  }

  /// The first member of that name; nil for a value that is no object.
  public subscript(name: String) -> JSON? {
    guard case .object(let members) = self else { return nil }
    for member in members where member.name == name { return member.value }
    return nil
  }

  public var stringValue: String? { if case .string(let s) = self { s } else { nil } }
  public var intValue: Int64? { if case .int(let n) = self { n } else { nil } }
  public var boolValue: Bool? { if case .bool(let b) = self { b } else { nil } }
  public var arrayValue: [JSON]? { if case .array(let a) = self { a } else { nil } }
  public var objectValue: [Member]? { if case .object(let o) = self { o } else { nil } }
  public var doubleValue: Double? {
    switch self {
    case .double(let d): d
    case .int(let n): Double(n)
    case .null, .bool, .string, .array, .object: nil
    }
  }
}

/// What is not JSON, and where.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Bytes before the error.
  public var offset: Int
  public var reason: Reason

  public enum Reason: String, Hashable, Sendable {
    case endedEarly = "the text ends in the middle of a value"
    case unexpected = "a value, a comma or a closing bracket was expected here"
    case badNumber = "this is not a number"
    case badString = "this text has a control character, a bad escape or bytes that are not UTF-8"
    case duplicateName = "this name stands twice in one object"
    case tooDeep = "more than 64 levels"
    case leftOver = "something follows after the value"
  }

  public var description: String { "not JSON at byte \(offset): \(reason.rawValue)" }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
  public init(stringLiteral value: String) { self = .string(value) }
  public init(integerLiteral value: Int64) { self = .int(value) }
  public init(floatLiteral value: Double) { self = .double(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(arrayLiteral elements: JSON...) { self = .array(elements) }
  public init(dictionaryLiteral elements: (String, JSON)...) {
    self = .object(elements.map { Member(name: $0.0, value: $0.1) })
  }
  public init(nilLiteral: ()) { self = .null }

  public init(_ value: String?) { self = value.map { .string($0) } ?? .null }
  public init(_ value: some FixedWidthInteger) { self = .int(Int64(clamping: value)) }
}
