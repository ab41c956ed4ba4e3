/// One group's lanes over time: a byte each, how much of it is free in a bucket. Lanes of a bucket lie side by side, so
/// that one instruction looks at 16 or 32 of them.
///
/// The memory belongs to whoever made the block; offsets are not checked. Raw loads are used because a subscript of a
/// typed buffer costs up to 20 times as much in these loops.
struct ByteBlock {
  /// `[bucket][stride]`, aligned to 64.
  var rows: UnsafeMutableRawPointer
  /// `[bucket / 8][stride]`: the least of 8 buckets.
  var minima: UnsafeMutableRawPointer
  /// Bytes of a row, a multiple of 32.
  var stride: Int

  typealias Vector = SIMD32<UInt8>

  static func allocate(_ bytes: Int) -> UnsafeMutableRawPointer {
    let pointer = UnsafeMutableRawPointer.allocate(byteCount: max(bytes, 64), alignment: 64)
    pointer.initializeMemory(as: UInt8.self, repeating: 0, count: max(bytes, 64))
    return pointer
  }

  /// Writes each lane's least value over buckets `from` to `through` to `out`.
  @inline(__always)
  func windowMinimum(from: Int, through: Int, useMinima: Bool, into out: UnsafeMutableRawPointer) {
    // Whole octets lie in first..<end; rows before and after them are looked at one by one.
    var (first, end) = ((from &+ 7) &>> 3, (through &+ 1) &>> 3)
    if !useMinima || first >= end { (first, end) = (through &+ 1, through &+ 1) }
    let (headEnd, tailStart) =
      first > through ? (through &+ 1, through &+ 1) : (first &<< 3, end &<< 3)
    var lane = 0
    while lane < stride {
      var least = Vector(repeating: 255)
      var bucket = from
      while bucket < headEnd {
        least = Self.least(least, rows.load(fromByteOffset: bucket &* stride &+ lane, as: Vector.self))
        bucket &+= 1
      }
      var octet = first
      while octet < end {
        least = Self.least(least, minima.load(fromByteOffset: octet &* stride &+ lane, as: Vector.self))
        octet &+= 1
      }
      bucket = tailStart
      while bucket <= through {
        least = Self.least(least, rows.load(fromByteOffset: bucket &* stride &+ lane, as: Vector.self))
        bucket &+= 1
      }
      out.storeBytes(of: least, toByteOffset: lane, as: Vector.self)
      lane &+= 32
    }
  }

  /// Writes the lesser of two rows of this block's stride, lane by lane, to `target`.
  @inline(__always)
  func lower(_ a: UnsafeMutableRawPointer, to b: UnsafeMutableRawPointer, into target: UnsafeMutableRawPointer) {
    var lane = 0
    while lane < stride {
      let least = Self.least(a.load(fromByteOffset: lane, as: Vector.self), b.load(fromByteOffset: lane, as: Vector.self))
      target.storeBytes(of: least, toByteOffset: lane, as: Vector.self)
      lane &+= 32
    }
  }

  /// `replacing(with:where:)` becomes one instruction for bytes; `pointwiseMin` does not.
  @inline(__always)
  static func least(_ a: Vector, _ b: Vector) -> Vector { a.replacing(with: b, where: b .< a) }

  /// Takes `delta` (a row) from buckets `from` to `through`.
  func subtract(_ delta: UnsafeMutableRawPointer, from: Int, through: Int) {
    var lane = 0
    while lane < stride {
      let taken = delta.load(fromByteOffset: lane, as: Vector.self)
      if any(taken .!= 0) { subtract(taken, lane, from, through) }
      lane &+= 32
    }
  }

  private func subtract(_ taken: Vector, _ lane: Int, _ from: Int, _ through: Int) {
    var offset = from &* stride &+ lane
    for _ in from...through {
      let row = rows.load(fromByteOffset: offset, as: Vector.self)
      rows.storeBytes(of: row &- taken, toByteOffset: offset, as: Vector.self)
      offset &+= stride
    }
    var octet = from &>> 3
    let last = through &>> 3
    while octet <= last {
      let place = octet &* stride &+ lane
      if octet &<< 3 >= from && octet &<< 3 &+ 7 <= through {
        let least = minima.load(fromByteOffset: place, as: Vector.self)
        minima.storeBytes(of: least &- taken, toByteOffset: place, as: Vector.self)
      } else {
        refreshMinimum(octet, lane)
      }
      octet &+= 1
    }
  }

  /// Computes the minima of 32 lanes over an octet anew.
  func refreshMinimum(_ octet: Int, _ lane: Int) {
    var least = Vector(repeating: 255)
    var offset = octet &* 8 &* stride &+ lane
    for _ in 0..<8 {
      least = Self.least(least, rows.load(fromByteOffset: offset, as: Vector.self))
      offset &+= stride
    }
    minima.storeBytes(of: least, toByteOffset: octet &* stride &+ lane, as: Vector.self)
  }

  @inline(__always)
  func value(_ bucket: Int, _ lane: Int) -> UInt8 { rows.load(fromByteOffset: bucket &* stride &+ lane, as: UInt8.self) }

  @inline(__always)
  func setValue(_ value: UInt8, _ bucket: Int, _ lane: Int) {
    rows.storeBytes(of: value, toByteOffset: bucket &* stride &+ lane, as: UInt8.self)
  }

  /// After single values of a lane were changed in buckets `from` to `through`.
  func refreshMinima(ofLane lane: Int, from: Int, through: Int) {
    for octet in from &>> 3...through &>> 3 {
      var least = UInt8.max
      for bucket in octet &* 8..<octet &* 8 &+ 8 { least = min(least, value(bucket, lane)) }
      minima.storeBytes(of: least, toByteOffset: octet &* stride &+ lane, as: UInt8.self)
    }
  }
}

/// What a row of lanes must hold: `segments` chunks of `size`, none of which lies in two lanes.
struct SegmentTest {
  var size: Int
  var segments: Int
  /// For each value of a byte the chunks that fit in it.
  var chunks: UnsafeMutablePointer<UInt8>

  /// Chunks that fit into a row; stops counting when they are enough.
  @inline(__always)
  func count(_ row: UnsafeMutableRawPointer, _ stride: Int) -> Int {
    if segments == 1 { return fitsOne(row, stride) ? 1 : 0 }
    return size == 1 ? sum(row, stride) : sumOfChunks(row, stride)
  }

  /// As `count`, also where one chunk would be enough.
  func countAll(_ row: UnsafeMutableRawPointer, _ stride: Int) -> Int {
    size == 1 ? sum(row, stride) : sumOfChunks(row, stride)
  }

  @inline(__always)
  private func fitsOne(_ row: UnsafeMutableRawPointer, _ stride: Int) -> Bool {
    let least = ByteBlock.Vector(repeating: UInt8(truncatingIfNeeded: size))
    var lane = 0
    while lane < stride {
      if any(row.load(fromByteOffset: lane, as: ByteBlock.Vector.self) .>= least) { return true }
      lane &+= 32
    }
    return false
  }

  /// Eight bytes at a time.
  @inline(__always)
  private func sum(_ row: UnsafeMutableRawPointer, _ stride: Int) -> Int {
    var total: UInt64 = 0
    var lane = 0
    while lane < stride {
      let word = row.load(fromByteOffset: lane, as: UInt64.self)
      let pairs = (word & 0x00FF_00FF_00FF_00FF) &+ ((word &>> 8) & 0x00FF_00FF_00FF_00FF)
      total &+= (pairs &* 0x0001_0001_0001_0001) &>> 48
      lane &+= 8
    }
    return Int(total)
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
