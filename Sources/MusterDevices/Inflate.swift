/// Reads gzip files (RFC 1952, RFC 1951): recordings come packed, and no library is worth its place for one reader.
public enum Gzip {
  public enum Problem: Error, Hashable, Sendable, CustomStringConvertible {
    case endsEarly
    case notDeflate
    case badBlock
    case badChecksum
    case tooLong(limit: Int)

    public var description: String {
      switch self {
      case .endsEarly: "the gzip file ends too early: it was not written or copied to its end"
      case .notDeflate: "the gzip file is packed by another method than deflate"
      case .badBlock: "the gzip file is damaged"
      case .badChecksum: "the gzip file is damaged: its checksum does not match its content"
      case .tooLong(let limit): "the gzip file holds more than \(limit / 1_048_576) MiB"
      }
    }
  }

  /// A recording of five samples a second for a month is under 2 GiB; a file that unpacks to more is a mistake.
  public static let longest = 2_147_483_648

  public static func isGzip(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0x1f, 0x8b]) }

  /// Every member of the file, one after the other.
  public static func unpack(_ bytes: [UInt8], longest: Int = longest) throws(Problem) -> [UInt8] {
    var reader = BitReader(bytes: bytes)
    var out: [UInt8] = []
    repeat {
      try skipHeader(&reader)
      let start = out.count
      try Inflate.run(&reader, into: &out, longest: longest)
      reader.alignToByte()
      let checksum = try reader.littleEndian32()
      let length = try reader.littleEndian32()
      guard checksum == crc(out[start...]), length == UInt32(truncatingIfNeeded: out.count - start) else {
        throw .badChecksum
      }
    } while reader.startsWith([0x1f, 0x8b])
    return out
  }

  private static func skipHeader(_ reader: inout BitReader) throws(Problem) {
    let head = try reader.bytes(10)
    guard head.starts(with: [0x1f, 0x8b, 8]) else { throw .notDeflate }
    let flags = head[3]
    if flags & 4 != 0 {
      let length = try reader.bytes(2)
      _ = try reader.bytes(Int(length[0]) | Int(length[1]) << 8)
    }
    for flag in [UInt8(8), 16] where flags & flag != 0 { while try reader.bytes(1)[0] != 0 {} }
    if flags & 2 != 0 { _ = try reader.bytes(2) }
  }

  private static let crcTable: [UInt32] = (0..<256).map { index in
    var value = UInt32(index)
    for _ in 0..<8 { value = value & 1 == 1 ? 0xedb8_8320 ^ (value >> 1) : value >> 1 }
    return value
  }

  private static func crc(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    let table = crcTable
    var value: UInt32 = 0xffff_ffff
    for byte in bytes { value = table[Int((value ^ UInt32(byte)) & 0xff)] ^ (value >> 8) }
    return ~value
  }
}

/// Bits from the lowest of each byte on.
struct BitReader {
  let bytes: [UInt8]
  private var next = 0
  private var buffer: UInt32 = 0
  private var count = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  mutating func bit() throws(Gzip.Problem) -> Int { try bits(1) }

  /// 0 to 16 of them.
  mutating func bits(_ wanted: Int) throws(Gzip.Problem) -> Int {
    while count < wanted {
      guard next < bytes.count else { throw .endsEarly }
      buffer |= UInt32(bytes[next]) << UInt32(count)
      next += 1
      count += 8
    }
    let value = buffer & ((1 << UInt32(wanted)) - 1)
    buffer >>= UInt32(wanted)
    count -= wanted
    return Int(value)
  }

  /// What is left of a byte is dropped.
  mutating func alignToByte() {
    next -= count / 8
    buffer = 0
    count = 0
  }

  mutating func bytes(_ wanted: Int) throws(Gzip.Problem) -> ArraySlice<UInt8> {
    guard bytes.count - next >= wanted else { throw .endsEarly }
    defer { next += wanted }
    return ArraySlice(Array(bytes[next..<next + wanted]))
  }

  mutating func littleEndian32() throws(Gzip.Problem) -> UInt32 {
    try bytes(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }

  func startsWith(_ prefix: [UInt8]) -> Bool { bytes[min(next, bytes.count)...].starts(with: prefix) }
}

/// The deflate format, RFC 1951. Names and numbers are its own.
private enum Inflate {
  static func run(_ reader: inout BitReader, into out: inout [UInt8], longest: Int) throws(Gzip.Problem) {
    let start = out.count
    var isLast = false
    while !isLast {
      isLast = try reader.bit() == 1
      switch try reader.bits(2) {
      case 0: try stored(&reader, into: &out)
      case 1: try block(&reader, fixedLiterals, fixedDistances, from: start, into: &out, longest: longest)
      case 2:
        let (literals, distances) = try codes(&reader)
        try block(&reader, literals, distances, from: start, into: &out, longest: longest)
      default: throw .badBlock
      }
      guard out.count <= longest else { throw .tooLong(limit: longest) }
    }
  }

  private static func stored(_ reader: inout BitReader, into out: inout [UInt8]) throws(Gzip.Problem) {
    reader.alignToByte()
    let head = Array(try reader.bytes(4))
    let length = Int(head[0]) | Int(head[1]) << 8
    guard length == ~(Int(head[2]) | Int(head[3]) << 8) & 0xffff else { throw .badBlock }
    out += try reader.bytes(length)
  }

  private static let lengthBase = [
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
  ]
  private static let lengthBits = [
    0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
  ]
  private static let distanceBase = [
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
    8193, 12289, 16385, 24577,
  ]
  private static let distanceBits = [
    0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
  ]

  private static func block(
    _ reader: inout BitReader, _ literals: Huffman, _ distances: Huffman, from start: Int, into out: inout [UInt8],
    longest: Int
  ) throws(Gzip.Problem) {
    while true {
      let symbol = try literals.symbol(&reader)
      if symbol < 256 {
        out.append(UInt8(symbol))
      } else if symbol == 256 {
        return
      } else {
        guard symbol - 257 < lengthBase.count else { throw .badBlock }
        let length = lengthBase[symbol - 257] + (try reader.bits(lengthBits[symbol - 257]))
        let code = try distances.symbol(&reader)
        guard code < distanceBase.count else { throw .badBlock }
        let distance = distanceBase[code] + (try reader.bits(distanceBits[code]))
        guard distance <= out.count - start else { throw .badBlock }
        for _ in 0..<length { out.append(out[out.count - distance]) }
      }
      guard out.count <= longest else { throw .tooLong(limit: longest) }
    }
  }

  private static let codeOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

  private static func codes(_ reader: inout BitReader) throws(Gzip.Problem) -> (Huffman, Huffman) {
    let literals = try reader.bits(5) + 257
    let distances = try reader.bits(5) + 1
    var order = [Int](repeating: 0, count: 19)
    for i in 0..<(try reader.bits(4) + 4) { order[codeOrder[i]] = try reader.bits(3) }
    let lengthCode = try Huffman(order)
    var lengths: [Int] = []
    while lengths.count < literals + distances {
      let symbol = try lengthCode.symbol(&reader)
      switch symbol {
      case 0..<16: lengths.append(symbol)
      case 16:
        guard let last = lengths.last else { throw .badBlock }
        lengths += [Int](repeating: last, count: try reader.bits(2) + 3)
      case 17: lengths += [Int](repeating: 0, count: try reader.bits(3) + 3)
      default: lengths += [Int](repeating: 0, count: try reader.bits(7) + 11)
      }
    }
    guard lengths.count == literals + distances else { throw .badBlock }
    return (try Huffman(Array(lengths[..<literals])), try Huffman(Array(lengths[literals...])))
  }

  private static let fixedLiterals = Huffman(
    trusted: (0..<288).map { $0 < 144 ? 8 : $0 < 256 ? 9 : $0 < 280 ? 7 : 8 })
  private static let fixedDistances = Huffman(trusted: [Int](repeating: 5, count: 30))
}

/// A canonical code: how many symbols there are of each length, and the symbols in the order of their codes.
private struct Huffman {
  private var counts = [Int](repeating: 0, count: 16)
  private var symbols: [Int] = []

  init(trusted lengths: [Int]) {
    for length in lengths where length > 0 { counts[length] += 1 }
    for length in 1..<16 { symbols += lengths.indices.filter { lengths[$0] == length } }
  }

  init(_ lengths: [Int]) throws(Gzip.Problem) {
    self.init(trusted: lengths)
    // More codes than there is room for.
    var room = 1
    for length in 1..<16 {
      room = room * 2 - counts[length]
      guard room >= 0 else { throw .badBlock }
    }
  }

  func symbol(_ reader: inout BitReader) throws(Gzip.Problem) -> Int {
    var (code, first, index) = (0, 0, 0)
    for length in 1..<16 {
      code |= try reader.bit()
      let count = counts[length]
      if code - first < count { return symbols[index + code - first] }
      index += count
      first = (first + count) << 1
      code <<= 1
    }
    throw .badBlock
  }
}
