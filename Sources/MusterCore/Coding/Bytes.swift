/// Appends values to bytes: whole numbers as zigzag varints, texts as length and UTF-8. The same value always gives the
/// same bytes, on every machine.
public struct ByteWriter: Sendable {
  public var bytes: [UInt8] = []

  public init() {}

  public mutating func put(_ value: UInt64) {
    var v = value
    while v >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: v) | 0x80)
      v >>= 7
    }
    bytes.append(UInt8(v))
  }
  public mutating func put(_ value: Int64) { put(UInt64(bitPattern: (value << 1) ^ (value >> 63))) }
  mutating func put(_ value: Int32) { put(Int64(value)) }
  mutating func put(_ value: UInt8) { bytes.append(value) }
  mutating func put(_ value: Bool) { bytes.append(value ? 1 : 0) }
  mutating func put(_ value: Instant) { put(value.nanoseconds) }
  mutating func put(_ value: Span) { put(value.nanoseconds) }
  mutating func put(_ value: String) {
    put(UInt64(value.utf8.count))
    bytes.append(contentsOf: value.utf8)
  }
  mutating func put<T>(_ values: [T], _ each: (inout ByteWriter, T) -> Void) {
    put(UInt64(values.count))
    for value in values { each(&self, value) }
  }
  mutating func put<T>(_ value: T?, _ each: (inout ByteWriter, T) -> Void) {
    put(value != nil)
    if let value { each(&self, value) }
  }
}

/// What is wrong with bytes that should hold facts or a snapshot.
public enum CodingError: Error, Hashable, Sendable {
  case endedEarly(at: Int)
  /// A number that this version does not know: the journal is from a newer version.
  case unknown(what: String, number: UInt64, at: Int)
  case notUTF8(at: Int)
  case tooLong(at: Int)
  case leftOver(bytes: Int)

  public var remedy: String {
    switch self {
    case .unknown: "the journal was written by a newer muster: start that version"
    case .endedEarly, .notUTF8, .tooLong, .leftOver: "the journal is damaged: restore the folder from a backup"
    }
  }
}

/// Reads what `ByteWriter` wrote. Never traps, whatever the bytes.
public struct ByteReader: ~Copyable {
  private let bytes: [UInt8]
  public private(set) var offset = 0

  public init(_ bytes: [UInt8]) { self.bytes = bytes }

  public var isAtEnd: Bool { offset == bytes.count }

  public mutating func uint() throws(CodingError) -> UInt64 {
    var (value, shift): (UInt64, UInt64) = (0, 0)
    while offset < bytes.count, shift < 64 {
      let byte = bytes[offset]
      offset += 1
      // The tenth byte holds the one bit that is left: a value has one form only.
      guard shift < 63 || byte <= 1 else { throw .tooLong(at: offset - 1) }
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 {
        guard byte != 0 || shift == 0 else { throw .tooLong(at: offset - 1) }
        return value
      }
      shift += 7
    }
    throw .endedEarly(at: offset)
  }
  public mutating func int() throws(CodingError) -> Int64 {
    let v = try uint()
    return Int64(bitPattern: v >> 1) ^ -Int64(bitPattern: v & 1)
  }
  mutating func int32() throws(CodingError) -> Int32 {
    let at = offset
    guard let value = Int32(exactly: try int()) else { throw .tooLong(at: at) }
    return value
  }
  mutating func byte() throws(CodingError) -> UInt8 {
    guard offset < bytes.count else { throw .endedEarly(at: offset) }
    offset += 1
    return bytes[offset - 1]
  }
  mutating func bool() throws(CodingError) -> Bool {
    let at = offset
    let value = try byte()
    guard value <= 1 else { throw .unknown(what: "Bool", number: UInt64(value), at: at) }
    return value == 1
  }
  mutating func instant() throws(CodingError) -> Instant { Instant(nanoseconds: try int()) }
  mutating func span() throws(CodingError) -> Span { Span(nanoseconds: try int()) }
  mutating func count() throws(CodingError) -> Int {
    let n = try uint()
    guard n <= UInt64(bytes.count - offset) else { throw .tooLong(at: offset) }
    return Int(n)
  }
  mutating func string() throws(CodingError) -> String {
    let n = try count()
    guard let text = String(validating: bytes[offset..<offset + n], as: UTF8.self) else { throw .notUTF8(at: offset) }
    offset += n
    return text
  }
  mutating func array<T>(_ each: (inout ByteReader) throws(CodingError) -> T) throws(CodingError) -> [T] {
    let n = try count()
    var out: [T] = []
    out.reserveCapacity(n)
    for _ in 0..<n { out.append(try each(&self)) }
    return out
  }
  mutating func optional<T>(_ each: (inout ByteReader) throws(CodingError) -> T) throws(CodingError) -> T? {
    try bool() ? try each(&self) : nil
  }
  mutating func raw<T: RawRepresentable<UInt8>>(_ type: T.Type) throws(CodingError) -> T {
    let at = offset
    let number = try byte()
    guard let value = T(rawValue: number) else {
      throw .unknown(what: "\(type)", number: UInt64(number), at: at)
    }
    return value
  }
}

/// 64-bit FNV-1a over bytes: a fingerprint for comparing states, not a protection against anyone.
/// Source: Fowler, Noll, Vo, draft-eastlake-fnv.
public func fingerprint(_ bytes: some Sequence<UInt8>) -> UInt64 {
  var hash: UInt64 = 0xcbf2_9ce4_8422_2325
  for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
  return hash
}
