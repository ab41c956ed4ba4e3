extension JSON {
  /// Reads one value with nothing but white space around it. At most 64 levels; a name may stand once in an object.
  public static func parse(_ bytes: [UInt8]) throws(JSONError) -> JSON {
    var error: JSONError?
    let value: JSON? = bytes.withUnsafeBufferPointer { buffer in
      var parser = JSONParser(buffer)
      do throws(JSONError) {
        return try parser.document()
      } catch let thrown {
        error = thrown
        return nil
      }
    }
    if let error { throw error }
    guard let value else { throw JSONError(offset: 0, reason: .endedEarly) }
    return value
  }

  public static func parse(_ text: String) throws(JSONError) -> JSON { try parse(Array(text.utf8)) }
}

/// A recursive-descent reader over the bytes of one document. Every index is checked against `end`.
private struct JSONParser {
  private let bytes: UnsafeBufferPointer<UInt8>
  private let end: Int
  private var at = 0
  private static let depthLimit = 64

  init(_ bytes: UnsafeBufferPointer<UInt8>) {
    self.bytes = bytes
    end = bytes.count
  }

  private func fail(_ reason: JSONError.Reason) -> JSONError { JSONError(offset: at, reason: reason) }

  mutating func document() throws(JSONError) -> JSON {
    let value = try self.value(depth: 0)
    skipSpace()
    guard at == end else { throw fail(.leftOver) }
    return value
  }

  private mutating func skipSpace() {
    while at < end, bytes[at] == 0x20 || bytes[at] == 0x0a || bytes[at] == 0x0d || bytes[at] == 0x09 { at += 1 }
  }

  private mutating func value(depth: Int) throws(JSONError) -> JSON {
    skipSpace()
    guard at < end else { throw fail(.endedEarly) }
    switch bytes[at] {
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "{"): return try object(depth: depth + 1)
    case UInt8(ascii: "["): return try array(depth: depth + 1)
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    default: throw fail(.unexpected)
    }
  }

  private mutating func word(_ text: StaticString, _ value: JSON) throws(JSONError) -> JSON {
    guard end - at >= text.utf8CodeUnitCount else { throw fail(.endedEarly) }
    for i in 0..<text.utf8CodeUnitCount where bytes[at + i] != text.utf8Start[i] { throw fail(.unexpected) }
    at += text.utf8CodeUnitCount
    return value
  }

  private mutating func object(depth: Int) throws(JSONError) -> JSON {
    guard depth <= JSONParser.depthLimit else { throw fail(.tooDeep) }
    at += 1
    var members: [JSON.Member] = []
    skipSpace()
    if at < end, bytes[at] == UInt8(ascii: "}") {
      at += 1
      return .object([])
    }
    while true {
      skipSpace()
      guard at < end else { throw fail(.endedEarly) }
      guard bytes[at] == UInt8(ascii: "\"") else { throw fail(.unexpected) }
      let start = at
      let name = try string()
      // Objects of this protocol are small; a long one (an environment) is checked at the end.
      if members.count < 32, members.contains(where: { $0.name == name }) {
        throw JSONError(offset: start, reason: .duplicateName)
      }
      skipSpace()
      guard at < end else { throw fail(.endedEarly) }
      guard bytes[at] == UInt8(ascii: ":") else { throw fail(.unexpected) }
      at += 1
      members.append(JSON.Member(name: name, value: try value(depth: depth)))
      if try closes(UInt8(ascii: "}")) { break }
    }
    if members.count > 32, Set(members.map(\.name)).count != members.count { throw fail(.duplicateName) }
    return .object(members)
  }

  private mutating func array(depth: Int) throws(JSONError) -> JSON {
    guard depth <= JSONParser.depthLimit else { throw fail(.tooDeep) }
    at += 1
    var elements: [JSON] = []
    skipSpace()
    if at < end, bytes[at] == UInt8(ascii: "]") {
      at += 1
      return .array([])
    }
    while true {
      elements.append(try value(depth: depth))
      if try closes(UInt8(ascii: "]")) { return .array(elements) }
    }
  }

  /// After an element: true at the closing bracket, false at a comma.
  private mutating func closes(_ bracket: UInt8) throws(JSONError) -> Bool {
    skipSpace()
    guard at < end else { throw fail(.endedEarly) }
    let byte = bytes[at]
    guard byte == bracket || byte == UInt8(ascii: ",") else { throw fail(.unexpected) }
    at += 1
    return byte == bracket
  }

  private mutating func number() throws(JSONError) -> JSON {
    let start = at
    if bytes[at] == UInt8(ascii: "-") { at += 1 }
    let firstDigit = at
    try digits()
    if at - firstDigit > 1, bytes[firstDigit] == UInt8(ascii: "0") { throw fail(.badNumber) }
    var isWhole = true
    if at < end, bytes[at] == UInt8(ascii: ".") {
      isWhole = false
      at += 1
      try digits()
    }
    if at < end, bytes[at] | 0x20 == UInt8(ascii: "e") {
      isWhole = false
      at += 1
      if at < end, bytes[at] == UInt8(ascii: "+") || bytes[at] == UInt8(ascii: "-") { at += 1 }
      try digits()
    }
    let text = String(decoding: bytes[start..<at], as: UTF8.self)
    if isWhole, let value = Int64(text) { return .int(value) }
    guard let value = Double(text), value.isFinite else { throw fail(.badNumber) }
    return .double(value)
  }

  private mutating func digits() throws(JSONError) {
    let start = at
    while at < end, bytes[at] >= UInt8(ascii: "0"), bytes[at] <= UInt8(ascii: "9") { at += 1 }
    if at == start { throw fail(at == end ? .endedEarly : .badNumber) }
  }

  private mutating func string() throws(JSONError) -> String {
    at += 1
    let start = at
    while at < end, bytes[at] != UInt8(ascii: "\""), bytes[at] != UInt8(ascii: "\\") {
      guard bytes[at] >= 0x20 else { throw fail(.badString) }
      at += 1
    }
    guard at < end else { throw fail(.endedEarly) }
    if bytes[at] == UInt8(ascii: "\"") {
      guard let text = String(validating: bytes[start..<at], as: UTF8.self) else { throw fail(.badString) }
      at += 1
      return text
    }
    return try escapedString(from: start)
  }

  private mutating func escapedString(from start: Int) throws(JSONError) -> String {
    var out = Array(bytes[start..<at])
    while true {
      guard at < end else { throw fail(.endedEarly) }
      let byte = bytes[at]
      at += 1
      if byte == UInt8(ascii: "\"") { break }
      guard byte >= 0x20 else { throw fail(.badString) }
      if byte == UInt8(ascii: "\\") { try escape(into: &out) } else { out.append(byte) }
    }
    guard let text = String(validating: out, as: UTF8.self) else { throw fail(.badString) }
    return text
  }

  private mutating func escape(into out: inout [UInt8]) throws(JSONError) {
    guard at < end else { throw fail(.endedEarly) }
    let byte = bytes[at]
    at += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(byte)
    case UInt8(ascii: "b"): out.append(0x08)
    case UInt8(ascii: "f"): out.append(0x0c)
    case UInt8(ascii: "n"): out.append(0x0a)
    case UInt8(ascii: "r"): out.append(0x0d)
    case UInt8(ascii: "t"): out.append(0x09)
    case UInt8(ascii: "u"):
      var code = try hex4()
      if code >= 0xd800, code < 0xdc00 {
        guard at + 1 < end, bytes[at] == UInt8(ascii: "\\"), bytes[at + 1] == UInt8(ascii: "u") else {
          throw fail(.badString)
        }
        at += 2
        let low = try hex4()
        guard low >= 0xdc00, low < 0xe000 else { throw fail(.badString) }
        code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw fail(.badString) }
      out.append(contentsOf: String(Character(scalar)).utf8)
    default: throw fail(.badString)
    }
  }

  private mutating func hex4() throws(JSONError) -> UInt32 {
    guard at + 4 <= end else { throw fail(.endedEarly) }
    var code: UInt32 = 0
    for _ in 0..<4 {
      let byte = bytes[at]
      let digit: UInt8
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
      default: throw fail(.badString)
      }
      code = code << 4 | UInt32(digit)
      at += 1
    }
    return code
  }
}
