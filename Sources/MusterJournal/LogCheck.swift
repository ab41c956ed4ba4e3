import Glibc

/// Finds damage in the middle of SQLite's write-ahead log, which SQLite itself does not tell from a torn end: it reads up
/// to the first frame that is not as written and drops the rest, also commits that were synced and acknowledged.
///
/// The end of a log may be torn, but only its last transaction: the next one is written after the sync of the one before
/// (`synchronous = FULL`). So what is not as written is damage if a later transaction follows it.
/// The format: https://www.sqlite.org/fileformat2.html#the_write_ahead_log
struct LogCheck {
  private static let headerBytes = 32
  private static let frameHeaderBytes = 24

  private let bytes: [UInt8]
  private let pageBytes: Int
  /// The order of the bytes in the words that a checksum adds up.
  private let isBigEndian: Bool

  /// The offset of the first byte range that is not as written though a later transaction follows; nil if there is none.
  /// A log that a server writes to meanwhile is looked at twice: damage stays where it is.
  static func damage(in path: String) throws(JournalError) -> Int64? {
    guard let first = try look(path) else { return nil }
    return try look(path) == first ? first : nil
  }

  private static func look(_ path: String) throws(JournalError) -> Int64? {
    guard Folder.fileBytes(path) ?? 0 > Int64(headerBytes + frameHeaderBytes) else { return nil }
    let bytes = try OpenFile(path, flags: O_RDONLY).read()
    // Frames come after a header that was synced: one that is not readable was readable once.
    guard let log = LogCheck(bytes) else { return 0 }
    return log.damage().map { Int64($0) }
  }

  private init?(_ bytes: [UInt8]) {
    guard bytes.count >= LogCheck.headerBytes else { return nil }
    self.bytes = bytes
    let magic = LogCheck.word(bytes, 0)
    guard magic & ~1 == 0x377f_0682 else { return nil }
    isBigEndian = magic & 1 == 1
    pageBytes = Int(LogCheck.word(bytes, 8))
    guard pageBytes >= 512, pageBytes <= 65_536, pageBytes & (pageBytes - 1) == 0,
      sum(0..<24, from: Sum()) == Sum(LogCheck.word(bytes, 24), LogCheck.word(bytes, 28))
    else { return nil }
  }

  private var frameBytes: Int { LogCheck.frameHeaderBytes + pageBytes }
  private var frameCount: Int { (bytes.count - LogCheck.headerBytes) / frameBytes }
  private func offset(_ frame: Int) -> Int { LogCheck.headerBytes + frame * frameBytes }

  private func damage() -> Int? {
    var frame = 0
    while frame < frameCount, isChained(frame) { frame += 1 }
    let broken = frame
    // The end of the transaction that the broken frame is in, and one that was written after it.
    while frame + 1 < frameCount {
      if isOfThisLog(frame), endsTransaction(frame), isChained(frame + 1) { return offset(broken) }
      frame += 1
    }
    return nil
  }

  /// Whether the frame is one of this log's and follows on the one before as that is stored.
  private func isChained(_ frame: Int) -> Bool {
    guard isOfThisLog(frame) else { return false }
    let start = offset(frame)
    let seed = frame == 0 ? 24 : offset(frame - 1) + 16
    let before = Sum(LogCheck.word(bytes, seed), LogCheck.word(bytes, seed + 4))
    let header = sum(start..<start + 8, from: before)
    let page = start + LogCheck.frameHeaderBytes
    return sum(page..<page + pageBytes, from: header)
      == Sum(LogCheck.word(bytes, start + 16), LogCheck.word(bytes, start + 20))
  }

  /// Frames of an earlier use of the file carry other salts.
  private func isOfThisLog(_ frame: Int) -> Bool { bytes[offset(frame) + 8..<offset(frame) + 16] == bytes[16..<24] }

  private func endsTransaction(_ frame: Int) -> Bool { LogCheck.word(bytes, offset(frame) + 4) != 0 }

  private struct Sum: Equatable {
    var (first, second): (UInt32, UInt32)
    init(_ first: UInt32 = 0, _ second: UInt32 = 0) { (self.first, self.second) = (first, second) }
  }

  private func sum(_ range: Range<Int>, from seed: Sum) -> Sum {
    var sum = seed
    bytes.withUnsafeBytes { raw in
      for place in stride(from: range.lowerBound, to: range.upperBound, by: 8) {
        let (a, b) = (
          raw.loadUnaligned(fromByteOffset: place, as: UInt32.self),
          raw.loadUnaligned(fromByteOffset: place + 4, as: UInt32.self)
        )
        sum.first &+= (isBigEndian ? UInt32(bigEndian: a) : UInt32(littleEndian: a)) &+ sum.second
        sum.second &+= (isBigEndian ? UInt32(bigEndian: b) : UInt32(littleEndian: b)) &+ sum.first
      }
    }
    return sum
  }

  private static func word(_ bytes: [UInt8], _ place: Int) -> UInt32 {
    bytes.withUnsafeBytes { UInt32(bigEndian: $0.loadUnaligned(fromByteOffset: place, as: UInt32.self)) }
  }
}
