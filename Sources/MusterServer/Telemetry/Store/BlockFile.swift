import Glibc

/// Rows of one stretch of time, appended block by block: a header, a directory by key, the rows. Nothing is changed once
/// it is there; the last block may be torn by a power cut, and is then cut off.
///
/// Numbers are little-endian. Header, 40 bytes: the mark (4), rows (4), bytes of directory and rows (8), the earliest and
/// the latest row's time (8 each), FNV-1a over those (8). Directory, 12 bytes a row in the order of keys: key (8), the
/// row's offset behind the directory (4).
final class BlockFile {
  struct Block {
    var offset: Int64
    var rows: Int
    /// Of directory and rows.
    var size: Int64
    /// Milliseconds since 1970.
    var first: Int64
    var last: Int64
  }

  let path: String
  private let descriptor: Int32
  private(set) var blocks: [Block] = []
  private(set) var size: Int64 = 0

  private static let mark: UInt32 = 0x3142_524D  // "MRB1"
  private static let headerSize = 40
  private static let entrySize = 12

  /// - Parameter writes: makes it if it is not there, and cuts off what is torn.
  /// - Throws: `StoreFault`.
  init(path: String, writes: Bool) throws(StoreFault) {
    self.path = path
    descriptor = open(path, writes ? O_RDWR | O_CREAT | O_CLOEXEC : O_RDONLY | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw StoreFault(path: path, what: "open", code: errno) }
    readHeaders()
    guard writes else { return }
    guard ftruncate(descriptor, off_t(size)) == 0 else { throw StoreFault(path: path, what: "cut", code: errno) }
  }

  deinit { close(descriptor) }

  private func readHeaders() {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return }
    while let header = bytes(at: size, Self.headerSize), let block = Self.block(header, at: size),
      block.offset + Int64(Self.headerSize) + block.size <= Int64(status.st_size)
    {
      blocks.append(block)
      size += Int64(Self.headerSize) + block.size
    }
  }

  /// - Parameter rows: in any order, each of less than 4 GiB in all.
  func append(_ rows: [RollupRow]) throws(StoreFault) {
    guard let first = rows.lazy.map(\.at).min(), let last = rows.lazy.map(\.at).max() else { return }
    let sorted = rows.enumerated().sorted { ($0.element.key, $0.offset) < ($1.element.key, $1.offset) }
    var directory: [UInt8] = []
    var body: [UInt8] = []
    directory.reserveCapacity(rows.count * Self.entrySize)
    body.reserveCapacity(rows.reduce(0) { $0 + $1.bytes.count })
    for (_, row) in sorted {
      directory.append(little: UInt64(bitPattern: row.key))
      directory.append(little: UInt32(truncatingIfNeeded: body.count))
      body += row.bytes
    }
    var out: [UInt8] = []
    out.append(little: Self.mark)
    out.append(little: UInt32(rows.count))
    out.append(little: UInt64(directory.count + body.count))
    out.append(little: UInt64(bitPattern: first))
    out.append(little: UInt64(bitPattern: last))
    out.append(little: Self.sum(out[...]))
    let block = Block(
      offset: size, rows: rows.count, size: Int64(directory.count + body.count), first: first, last: last)
    out += directory
    out += body
    try write(out)
    blocks.append(block)
    size += Int64(out.count)
  }

  private func write(_ bytes: [UInt8]) throws(StoreFault) {
    var done = 0
    while done < bytes.count {
      let n = bytes.withUnsafeBytes {
        pwrite(descriptor, $0.baseAddress?.advanced(by: done), bytes.count - done, off_t(size) + off_t(done))
      }
      if n < 0, errno == EINTR { continue }
      guard n > 0 else {
        let code = errno
        // Half a block would hide all that follow.
        _ = ftruncate(descriptor, off_t(size))
        throw StoreFault(path: path, what: "write", code: code)
      }
      done += n
    }
  }

  /// Rows of that key in blocks that touch the range, in the order in which they were appended.
  func rows(of key: Int64, in range: Range<Int64>) -> [[UInt8]] {
    var found: [[UInt8]] = []
    for block in blocks where block.last >= range.lowerBound && block.first < range.upperBound {
      var place = place(of: key, in: block)
      while place < block.rows, entry(place, block)?.key == key {
        if let row = row(place, block) { found.append(row) }
        place += 1
      }
    }
    return found
  }

  /// The first row whose key is not below it. Where every node has a row, the key is the place.
  private func place(of key: Int64, in block: Block) -> Int {
    var (low, high) = (0, block.rows)
    if key >= 0, key < Int64(block.rows), entry(Int(key), block)?.key == key,
      key == 0 || entry(Int(key) - 1, block).map({ $0.key < key }) == true
    {
      return Int(key)
    }
    while low < high {
      let middle = (low + high) / 2
      guard let found = entry(middle, block) else { return block.rows }
      if found.key < key { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private func entry(_ i: Int, _ block: Block) -> (key: Int64, offset: Int64)? {
    let at = block.offset + Int64(Self.headerSize + i * Self.entrySize)
    guard let bytes = bytes(at: at, Self.entrySize) else { return nil }
    return (Int64(bitPattern: bytes.little(0, 8)), Int64(bytes.little(8, 4)))
  }

  private func row(_ i: Int, _ block: Block) -> [UInt8]? {
    guard let begin = entry(i, block)?.offset else { return nil }
    let directory = Int64(block.rows * Self.entrySize)
    let end = i + 1 < block.rows ? entry(i + 1, block)?.offset : block.size - directory
    guard let end, begin <= end, end <= block.size - directory else { return nil }
    return bytes(at: block.offset + Int64(Self.headerSize) + directory + begin, Int(end - begin))
  }

  private func bytes(at offset: Int64, _ count: Int) -> [UInt8]? {
    let read = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      initialized = max(0, pread(descriptor, buffer.baseAddress, count, off_t(offset)))
    }
    return read.count == count ? read : nil
  }

  private static func block(_ header: [UInt8], at offset: Int64) -> Block? {
    guard header.little(0, 4) == UInt64(mark), header.little(32, 8) == sum(header[..<32]) else { return nil }
    let (rows, size) = (Int(header.little(4, 4)), header.little(8, 8))
    guard size < 1 << 40, UInt64(rows * entrySize) <= size else { return nil }
    return Block(
      offset: offset, rows: rows, size: Int64(size), first: Int64(bitPattern: header.little(16, 8)),
      last: Int64(bitPattern: header.little(24, 8)))
  }

  /// FNV-1a (Fowler, Noll, Vo): offset basis and prime of 64 bits.
  private static func sum(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }
}

/// What a store of rollups could not do.
struct StoreFault: Error, Hashable, CustomStringConvertible {
  var path: String
  var what: String
  var code: Int32

  var description: String { "\(path): \(what): \(String(cString: strerror(code)))" }
}

extension [UInt8] {
  mutating func append(little value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }

  /// The number of `count` bytes at `offset`, least first.
  func little(_ offset: Int, _ count: Int) -> UInt64 {
    self[offset..<offset + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
