/// One group's lanes over time: a byte each, how much of it is free in a bucket. Lanes of a bucket lie side by side, so
/// that one instruction looks at 16 of them.
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

  /// 16 lanes. Not more: for larger vectors the compiler (6.3) falls back to one lane at a time.
  typealias Vector = SIMD16<UInt8>

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
    // Two vectors at a time: the loads of one hide behind the other's.
    var lane = 0
    while lane < stride {
      var (a, b) = (Vector(repeating: 255), Vector(repeating: 255))
      lower(&a, &b, rows + lane, from, headEnd)
      lower(&a, &b, minima + lane, first, end)
      lower(&a, &b, rows + lane, tailStart, through &+ 1)
      out.storeBytes(of: a, toByteOffset: lane, as: Vector.self)
      out.storeBytes(of: b, toByteOffset: lane &+ 16, as: Vector.self)
      lane &+= 32
    }
  }

  @inline(__always)
  private func lower(_ a: inout Vector, _ b: inout Vector, _ base: UnsafeMutableRawPointer, _ from: Int, _ end: Int) {
    var row = base + from &* stride
    var left = end &- from
    while left > 0 {
      a = Self.least(a, row.load(as: Vector.self))
      b = Self.least(b, row.load(fromByteOffset: 16, as: Vector.self))
      row += stride
      left &-= 1
    }
  }

  /// Writes the lesser of two rows, lane by lane, to `target`.
  @inline(__always)
  static func lower(
    _ a: UnsafeMutableRawPointer, to b: UnsafeMutableRawPointer, into target: UnsafeMutableRawPointer, _ stride: Int
  ) {
    var lane = 0
    while lane < stride {
      let least = least(
        a.load(fromByteOffset: lane, as: Vector.self), b.load(fromByteOffset: lane, as: Vector.self))
      target.storeBytes(of: least, toByteOffset: lane, as: Vector.self)
      lane &+= 16
    }
  }

  /// `replacing(with:where:)` becomes one instruction for bytes; `pointwiseMin` does not.
  @inline(__always)
  static func least(_ a: Vector, _ b: Vector) -> Vector { a.replacing(with: b, where: b .< a) }

  /// Whether any lane of a mask is set; `any` goes through a function that looks at one lane after the other.
  @inline(__always)
  static func isAny(_ mask: SIMDMask<SIMD16<Int8>>) -> Bool {
    let words = unsafeBitCast(mask, to: SIMD2<UInt64>.self)
    return words[0] | words[1] != 0
  }

  /// Takes `delta` (a row) from buckets `from` to `through`.
  func subtract(_ delta: UnsafeMutableRawPointer, from: Int, through: Int) {
    var lane = 0
    while lane < stride {
      let taken = delta.load(fromByteOffset: lane, as: Vector.self)
      if Self.isAny(taken .!= Vector(repeating: 0)) { subtract(taken, lane, from, through) }
      lane &+= 16
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

  /// Computes the minima of 16 lanes over an octet anew.
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
  func value(_ bucket: Int, _ lane: Int) -> UInt8 {
    rows.load(fromByteOffset: bucket &* stride &+ lane, as: UInt8.self)
  }

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
