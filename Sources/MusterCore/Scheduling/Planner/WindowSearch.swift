/// Lanes to search: one block, or those of neighbouring groups together.
struct Lanes {
  var blocks: UnsafeMutablePointer<ByteBlock>
  var groups: Int
  /// By bucket: the sum of all lanes; nil where it would say nothing.
  var totals: UnsafeMutablePointer<Int32>?
  /// Of several groups: `[group][bucket]`, the sum of the group's lanes; rows lie `totalStride` apart.
  var groupTotals: UnsafeMutablePointer<Int32>?
  var totalStride = 0
  /// Three rows of all lanes, `scratchRow` bytes apart.
  var scratch: UnsafeMutableRawPointer
  var scratchRow: Int
  /// By bucket: the most that it can hold, as `SegmentTest.needed` counts; nil where nothing is learned.
  var known: UnsafeMutablePointer<UInt16>?
}

/// What a search looks for, and the search: the first bucket from which on the lanes hold it for its whole time.
///
/// A window is looked at from its end backwards: the first bucket that makes it fail is then the last one, and no window
/// that reaches over it can do better, so the next start to try is the bucket behind it.
struct WindowSearch {
  /// What the sum of all lanes must be at least.
  var least: Int32
  var test: SegmentTest
  /// Length of the hold, in units of the grid.
  var units: Int32

  /// The first bucket from `from` on that holds; any bucket from `before` on if there is none before it. All buckets
  /// from `from` up to the answer fail.
  func firstStart(
    _ lanes: Lanes, _ grid: borrowing TimeGrid, _ shortcuts: PlannerShortcuts, from: Int, before: Int
  ) -> Int {
    let jumps = shortcuts.contains(.jumps)
    let minima = shortcuts.contains(.minima)
    var bucket = from
    let needed = test.needed
    while bucket < before {
      if jumps {
        if shortcuts.contains(.totals), let totals = lanes.totals, totals[bucket] < least {
          bucket = Self.firstAtLeast(totals, least, from: bucket &+ 1, end: before)
          continue
        }
        if let known = lanes.known, known[bucket] < needed {
          bucket = Self.firstAtLeast(known, needed, from: bucket &+ 1, end: before)
          continue
        }
      }
      let last = grid.lastBucket(from: bucket, units: units)
      if shortcuts.contains(.totals), let totals = lanes.totals {
        let low = Self.lastBelow(totals, least, from: bucket, through: last)
        if low >= 0 {
          bucket = jumps ? low &+ 1 : bucket &+ 1
          continue
        }
      }
      if let known = lanes.known {
        let low = Self.lastBelow(known, needed, from: bucket, through: last)
        if low >= 0 {
          bucket = jumps ? low &+ 1 : bucket &+ 1
          continue
        }
      }
      if shortcuts.contains(.totals), let totals = lanes.groupTotals {
        let low = lastFailing(totals, lanes, from: bucket, through: last)
        if low >= 0 {
          bucket = jumps ? low &+ 1 : bucket &+ 1
          continue
        }
      }
      // Most windows fail.
      let failing = lastFailing(lanes, from: bucket, through: last, minima)
      if failing < 0 { return bucket }
      guard jumps else {
        bucket &+= 1
        continue
      }
      if let known = lanes.known { known[failing] = min(known[failing], mostOf(lanes, failing)) }
      bucket = failing &+ 1
    }
    return bucket
  }

  /// The last bucket whose number is less than `needed`; -1 if none is.
  @inline(__always)
  static func lastBelow(_ row: UnsafeMutablePointer<Int32>, _ needed: Int32, from: Int, through: Int) -> Int {
    var bucket = through
    let bytes = UnsafeRawPointer(row)
    let least = SIMD4<Int32>(repeating: needed)
    // Eight at a time while none of them is less.
    while bucket &- 7 >= from {
      let place = (bucket &- 7) &* 4
      let low = bytes.loadUnaligned(fromByteOffset: place, as: SIMD4<Int32>.self) .< least
      let high = bytes.loadUnaligned(fromByteOffset: place &+ 16, as: SIMD4<Int32>.self) .< least
      let words = unsafeBitCast(low .| high, to: SIMD2<UInt64>.self)
      if words[0] | words[1] != 0 { break }
      bucket &-= 8
    }
    while bucket >= from {
      if row[bucket] < needed { return bucket }
      bucket &-= 1
    }
    return -1
  }

  /// The first bucket before `end` whose number is at least `needed`; `end` if none is.
  @inline(__always)
  static func firstAtLeast(_ row: UnsafeMutablePointer<Int32>, _ needed: Int32, from: Int, end: Int) -> Int {
    var bucket = from
    let bytes = UnsafeRawPointer(row)
    let most = SIMD4<Int32>(repeating: needed &- 1)
    while bucket &+ 8 <= end {
      let low = bytes.loadUnaligned(fromByteOffset: bucket &* 4, as: SIMD4<Int32>.self) .> most
      let high = bytes.loadUnaligned(fromByteOffset: bucket &* 4 &+ 16, as: SIMD4<Int32>.self) .> most
      let words = unsafeBitCast(low .| high, to: SIMD2<UInt64>.self)
      if words[0] | words[1] != 0 { break }
      bucket &+= 8
    }
    while bucket < end, row[bucket] < needed { bucket &+= 1 }
    return bucket
  }

  /// As `firstAtLeast`, for what is known of buckets.
  @inline(__always)
  static func firstAtLeast(_ row: UnsafeMutablePointer<UInt16>, _ needed: UInt16, from: Int, end: Int) -> Int {
    var bucket = from
    let bytes = UnsafeRawPointer(row)
    let least = SIMD8<UInt16>(repeating: needed)
    while bucket &+ 8 <= end {
      let enough = bytes.loadUnaligned(fromByteOffset: bucket &* 2, as: SIMD8<UInt16>.self) .>= least
      let words = unsafeBitCast(enough, to: SIMD2<UInt64>.self)
      if words[0] | words[1] != 0 { break }
      bucket &+= 8
    }
    while bucket < end, row[bucket] < needed { bucket &+= 1 }
    return bucket
  }

  /// As `lastBelow`, for what is known of buckets.
  @inline(__always)
  static func lastBelow(_ row: UnsafeMutablePointer<UInt16>, _ needed: UInt16, from: Int, through: Int) -> Int {
    var bucket = through
    while bucket >= from {
      if row[bucket] < needed { return bucket }
      bucket &-= 1
    }
    return -1
  }

  /// What one bucket alone holds, as `SegmentTest.needed` counts.
  private func mostOf(_ lanes: Lanes, _ bucket: Int) -> UInt16 {
    var most = 0
    for group in 0..<lanes.groups {
      let block = lanes.blocks[group]
      let row = block.rows + bucket &* block.stride
      most = test.segments == 1 ? max(most, test.most(row, block.stride)) : most &+ test.count(row, block.stride)
    }
    return UInt16(min(most, Int(UInt16.max)))
  }

  /// As below, of the groups' sums alone: no group holds more for a window than it has free in any of its buckets. It sees
  /// most of what fails, and looks at a number for each group instead of all its lanes.
  private func lastFailing(
    _ totals: UnsafeMutablePointer<Int32>, _ lanes: Lanes, from: Int, through: Int
  ) -> Int {
    // A row has at least 32 bytes for each group.
    let kept = lanes.scratch
    for group in 0..<lanes.groups { kept.storeBytes(of: .max, toByteOffset: group &* 4, as: Int32.self) }
    var bucket = through
    while bucket >= from {
      var sum: Int32 = 0
      var place = totals + bucket
      for group in 0..<lanes.groups {
        let free = min(kept.load(fromByteOffset: group &* 4, as: Int32.self), place.pointee)
        kept.storeBytes(of: free, toByteOffset: group &* 4, as: Int32.self)
        sum &+= free
        place += lanes.totalStride
      }
      if sum < least { return bucket }
      bucket &-= 1
    }
    return -1
  }

  /// The bucket that makes a window fail, seen from its end; -1 if it holds.
  private func lastFailing(_ lanes: Lanes, from: Int, through: Int, _ minima: Bool) -> Int {
    var kept = lanes.scratch + lanes.scratchRow
    var tried = kept + lanes.scratchRow
    var width = 0
    for group in 0..<lanes.groups { width &+= lanes.blocks[group].stride }
    kept.initializeMemory(as: UInt8.self, repeating: 255, count: width)
    var bucket = through
    while bucket >= from {
      // A whole octet at once, unless the failing bucket is in it.
      if minima, bucket & 7 == 7, bucket &- 7 >= from {
        if lowered(lanes, kept, into: tried, bucket &>> 3, ofMinima: true) >= test.segments {
          swap(&kept, &tried)
          bucket &-= 8
          continue
        }
      }
      if lowered(lanes, kept, into: kept, bucket, ofMinima: false) < test.segments { return bucket }
      bucket &-= 1
    }
    return -1
  }

  /// Writes `source` lowered to one row of all lanes to `target`, and counts what fits.
  @inline(__always)
  private func lowered(
    _ lanes: Lanes, _ source: UnsafeMutableRawPointer, into target: UnsafeMutableRawPointer, _ index: Int,
    ofMinima: Bool
  ) -> Int {
    var (found, offset) = (0, 0)
    for group in 0..<lanes.groups {
      let block = lanes.blocks[group]
      let row = (ofMinima ? block.minima : block.rows) + index &* block.stride
      found &+= test.countLowered(source + offset, to: row, into: target + offset, block.stride)
      offset &+= block.stride
    }
    return found
  }
}
