/// What a row of lanes must hold: `segments` chunks of `size`, none of which lies in two lanes.
struct SegmentTest {
  var size: Int
  var segments: Int
  /// `size` as a power of two, -1 if it is none.
  var shift: Int
  /// For each value of a byte the chunks that fit in it.
  var chunks: UnsafeMutablePointer<UInt8>

  private typealias Words = SIMD8<UInt16>

  /// What a bucket must hold at least: nodes of one leaf where one segment is asked for, else segments.
  @inline(__always)
  var needed: UInt16 { UInt16(truncatingIfNeeded: segments == 1 ? size : min(segments, 65_535)) }

  /// The most that one lane has.
  func most(_ row: UnsafeMutableRawPointer, _ stride: Int) -> Int {
    let most = largest(row, stride)
    var value: UInt8 = 0
    for i in 0..<16 { value = max(value, most[i]) }
    return Int(value)
  }

  /// Chunks that fit into a row; stops counting when they are enough.
  @inline(__always)
  func count(_ row: UnsafeMutableRawPointer, _ stride: Int) -> Int {
    if segments == 1 { return fitsOne(row, stride) ? 1 : 0 }
    return shift >= 0 ? sumShifted(row, stride) : sumOfChunks(row, stride)
  }

  /// Writes the lesser of two rows, lane by lane, to `target`, and counts what fits into it.
  @inline(__always)
  func countLowered(
    _ a: UnsafeMutableRawPointer, to b: UnsafeMutableRawPointer, into target: UnsafeMutableRawPointer, _ stride: Int
  ) -> Int {
    if segments == 1 { return lowerForOne(a, b, target, stride) ? 1 : 0 }
    if shift >= 0 { return lowerAndSum(a, b, target, stride) }
    ByteBlock.lower(a, to: b, into: target, stride)
    return sumOfChunks(target, stride)
  }

  @inline(__always)
  private func lowerForOne(
    _ a: UnsafeMutableRawPointer, _ b: UnsafeMutableRawPointer, _ target: UnsafeMutableRawPointer, _ stride: Int
  ) -> Bool {
    var most = ByteBlock.Vector(repeating: 0)
    var lane = 0
    while lane < stride {
      let least = ByteBlock.least(
        a.load(fromByteOffset: lane, as: ByteBlock.Vector.self), b.load(fromByteOffset: lane, as: ByteBlock.Vector.self)
      )
      target.storeBytes(of: least, toByteOffset: lane, as: ByteBlock.Vector.self)
      most = most.replacing(with: least, where: least .> most)
      lane &+= 16
    }
    return ByteBlock.isAny(most .>= ByteBlock.Vector(repeating: UInt8(truncatingIfNeeded: size)))
  }

  @inline(__always)
  private func lowerAndSum(
    _ a: UnsafeMutableRawPointer, _ b: UnsafeMutableRawPointer, _ target: UnsafeMutableRawPointer, _ stride: Int
  ) -> Int {
    let (low, by) = (Words(repeating: 0xFF), Words(repeating: UInt16(truncatingIfNeeded: shift)))
    let byHigh = by &+ Words(repeating: 8)
    var total = 0
    var lane = 0
    while lane < stride {
      let end = min(stride, lane &+ 1024)
      var sums = Words(repeating: 0)
      while lane < end {
        let least = ByteBlock.least(
          a.load(fromByteOffset: lane, as: ByteBlock.Vector.self),
          b.load(fromByteOffset: lane, as: ByteBlock.Vector.self))
        target.storeBytes(of: least, toByteOffset: lane, as: ByteBlock.Vector.self)
        let pair = unsafeBitCast(least, to: Words.self)
        sums = sums &+ ((pair & low) &>> by) &+ (pair &>> byHigh)
        lane &+= 16
      }
      total &+= Self.sum(sums)
    }
    return total
  }

  /// As `count`, also where one chunk would be enough.
  func countAll(_ row: UnsafeMutableRawPointer, _ stride: Int) -> Int {
    shift >= 0 ? sumShifted(row, stride) : sumOfChunks(row, stride)
  }

  @inline(__always)
  private func fitsOne(_ row: UnsafeMutableRawPointer, _ stride: Int) -> Bool {
    ByteBlock.isAny(largest(row, stride) .>= ByteBlock.Vector(repeating: UInt8(truncatingIfNeeded: size)))
  }

  @inline(__always)
  private func largest(_ row: UnsafeMutableRawPointer, _ stride: Int) -> ByteBlock.Vector {
    var most = ByteBlock.Vector(repeating: 0)
    var lane = 0
    while lane < stride {
      let value = row.load(fromByteOffset: lane, as: ByteBlock.Vector.self)
      most = most.replacing(with: value, where: value .> most)
      lane &+= 16
    }
    return most
  }

  /// Sizes that are a power of two: sixteen lanes at a time, as eight words of two bytes.
  @inline(__always)
  private func sumShifted(_ row: UnsafeMutableRawPointer, _ stride: Int) -> Int {
    let (low, by) = (Words(repeating: 0xFF), Words(repeating: UInt16(truncatingIfNeeded: shift)))
    let byHigh = by &+ Words(repeating: 8)
    var total = 0
    var lane = 0
    while lane < stride {
      // 64 times at most 510 stay within a word.
      let end = min(stride, lane &+ 1024)
      var sums = Words(repeating: 0)
      while lane < end {
        let pair = row.load(fromByteOffset: lane, as: Words.self)
        sums = sums &+ ((pair & low) &>> by) &+ (pair &>> byHigh)
        lane &+= 16
      }
      total &+= Self.sum(sums)
    }
    return total
  }

  @inline(__always)
  private static func sum(_ words: Words) -> Int {
    let halves = unsafeBitCast(words, to: SIMD2<UInt64>.self)
    return sumOfFour(halves[0]) &+ sumOfFour(halves[1])
  }

  @inline(__always)
  private static func sumOfFour(_ word: UInt64) -> Int {
    let pairs = (word & 0x0000_FFFF_0000_FFFF) &+ ((word &>> 16) & 0x0000_FFFF_0000_FFFF)
    return Int((pairs & 0xFFFF_FFFF) &+ (pairs &>> 32))
  }

  @inline(__always)
  private func sumOfChunks(_ row: UnsafeMutableRawPointer, _ stride: Int) -> Int {
    var total = 0
    var lane = 0
    while lane < stride {
      total &+= Int(chunks[Int(row.load(fromByteOffset: lane, as: UInt8.self))])
      lane &+= 1
    }
    return total
  }
}

/// How many chunks of 1 to 255 nodes fit in 0 to 255: a table of 64 KiB, so that counting is one load a lane.
struct ChunkTables: ~Copyable {
  private let memory: UnsafeMutablePointer<UInt8>

  init() {
    memory = .allocate(capacity: 65_536)
    memory.initialize(repeating: 0, count: 65_536)
    for size in 1..<256 {
      for value in 0..<256 { memory[size * 256 + value] = UInt8(value / size) }
    }
  }

  deinit { memory.deallocate() }

  /// A test for `segments` chunks of `size` (1 to 255).
  func test(size: Int, segments: Int) -> SegmentTest {
    SegmentTest(
      size: size, segments: segments, shift: size & (size - 1) == 0 ? size.trailingZeroBitCount : -1,
      chunks: memory + size &* 256)
  }
}
