/// Just enough JSON to read what the controller prints.
enum JSON {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([JSON])
  case object([String: JSON])

  subscript(name: String) -> JSON {
    if case .object(let members) = self { return members[name] ?? .null }
    return .null
  }
  var array: [JSON] { if case .array(let values) = self { values } else { [] } }
  var string: String? { if case .string(let text) = self { text } else { nil } }
  var int: Int? { if case .number(let value) = self { Int(value) } else { nil } }

  static func parse(_ bytes: some Collection<UInt8>) throws -> JSON {
    var reader = Reader(bytes: Array(bytes))
    return try reader.value()
  }

  private struct Reader {
    var bytes: [UInt8]
    var place = 0

    mutating func next() throws -> UInt8 {
      while place < bytes.count, bytes[place] <= 32 { place += 1 }
      guard place < bytes.count else { throw Failure("JSON ends too soon") }
      return bytes[place]
    }

    mutating func value() throws -> JSON {
      switch try next() {
      case UInt8(ascii: "{"): return try object()
      case UInt8(ascii: "["): return try list()
      case UInt8(ascii: "\""): return .string(try text())
      default: return try word()
      }
    }

    mutating func object() throws -> JSON {
      var members: [String: JSON] = [:]
      place += 1
      while try next() != UInt8(ascii: "}") {
        if bytes[place] == UInt8(ascii: ",") { place += 1 }
        _ = try next()
        let name = try text()
        _ = try next()
        place += 1
        members[name] = try value()
      }
      place += 1
      return .object(members)
    }

    mutating func list() throws -> JSON {
      var values: [JSON] = []
      place += 1
      while try next() != UInt8(ascii: "]") {
        if bytes[place] == UInt8(ascii: ",") { place += 1 }
        values.append(try value())
      }
      place += 1
      return .array(values)
    }

    mutating func text() throws -> String {
      guard bytes[place] == UInt8(ascii: "\"") else { throw Failure("JSON: a string expected at \(place)") }
      place += 1
      var content: [UInt8] = []
      while place < bytes.count, bytes[place] != UInt8(ascii: "\"") {
        if bytes[place] == UInt8(ascii: "\\") {
          place += 1
          // What it escapes matters to no benchmark; \uXXXX is kept as it stands.
          if place < bytes.count, bytes[place] == UInt8(ascii: "n") { bytes[place] = 10 }
        }
        content.append(bytes[place])
        place += 1
      }
      place += 1
      return String(decoding: content, as: UTF8.self)
    }

    mutating func word() throws -> JSON {
      let first = place
      while place < bytes.count, !",]} \n\r\t".utf8.contains(bytes[place]) { place += 1 }
      let word = String(decoding: bytes[first..<place], as: UTF8.self)
      switch word {
      case "null": return .null
      case "true": return .bool(true)
      case "false": return .bool(false)
      default:
        guard let number = Double(word) else { throw Failure("JSON: not a value: \(word)") }
        return .number(number)
      }
    }
  }
}
