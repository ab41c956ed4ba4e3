/// The rows of a plain CSV text: commas, no quotes, lines that end with or without a carriage return.
struct TraceRows {
  let bytes: [UInt8]
  private var offset: Int
  /// Of the row that was read last, from 1.
  private(set) var line = 0
  /// Where the fields of that row lie in `bytes`.
  private(set) var fields: [Range<Int>] = []

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    // Some programs begin a file in UTF-8 with a byte order mark.
    offset = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0
  }

  /// Goes to the next row that is not blank; false at the end.
  mutating func next() -> Bool {
    while offset < bytes.count {
      line += 1
      fields.removeAll(keepingCapacity: true)
      var begin = offset
      while offset < bytes.count, bytes[offset] != UInt8(ascii: "\n") {
        if bytes[offset] == UInt8(ascii: ",") {
          fields.append(begin..<offset)
          begin = offset + 1
        }
        offset += 1
      }
      var end = offset
      if end > begin, bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
      fields.append(begin..<end)
      offset += 1
      if fields.count > 1 || !fields[0].isEmpty { return true }
    }
    return false
  }

  func text(_ field: Int) -> String { String(decoding: bytes[fields[field]], as: UTF8.self) }

  /// A whole number without a sign.
  func whole(_ field: Int) -> Int64? {
    let digits = bytes[fields[field]]
    guard !digits.isEmpty, digits.count <= 15 else { return nil }
    var value: Int64 = 0
    for digit in digits {
      guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
      value = value * 10 + Int64(digit - UInt8(ascii: "0"))
    }
    return value
  }

  /// Seconds with a fraction or without, as milliseconds; further digits are cut off.
  func milliseconds(_ field: Int) -> Int64? {
    let text = bytes[fields[field]]
    let seconds = text.prefix { $0 != UInt8(ascii: ".") }
    guard !seconds.isEmpty, seconds.count <= 12 else { return nil }
    var value: Int64 = 0
    for digit in seconds {
      guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
      value = value * 10 + Int64(digit - UInt8(ascii: "0"))
    }
    value *= 1000
    var scale: Int64 = 100
    for digit in text.dropFirst(seconds.count + 1) {
      guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
      value += Int64(digit - UInt8(ascii: "0")) * scale
      scale /= 10
    }
    return value
  }
}
