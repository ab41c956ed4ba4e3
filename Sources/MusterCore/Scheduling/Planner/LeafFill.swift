/// Chooses leaves in one group for a number of segments: as few leaves as possible, whole ones first where they fit, and
/// the rest in the leaf that it fills best, so that whole leaves stay whole.
struct LeafFill: ~Copyable {
  /// By free count: the first lane that has it, -1 if none; and the next lane of the same count.
  private let first: UnsafeMutablePointer<Int32>
  private let next: UnsafeMutablePointer<Int32>

  init(lanes: Int) {
    first = .allocate(capacity: 256)
    next = .allocate(capacity: max(1, lanes))
    next.initialize(repeating: -1, count: max(1, lanes))
    first.initialize(repeating: -1, count: 256)
  }

  deinit {
    first.deallocate()
    next.deallocate()
  }

  /// Writes nodes by lane to `delta`. `row` holds what each lane has free, at least `segments` in all.
  func choose(
    _ row: UnsafeMutableRawPointer, lanes: Int, size: Int, segments: Int, into delta: UnsafeMutableRawPointer
  ) {
    for count in 0..<256 { first[count] = -1 }
    var most = 0
    for lane in stride(from: lanes - 1, through: 0, by: -1) {
      let free = Int(row.load(fromByteOffset: lane, as: UInt8.self))
      most = max(most, free)
      next[lane] = first[free]
      first[free] = Int32(lane)
    }
    var left = segments
    var chunks = most / size
    while left > 0 {
      if left <= chunks, let free = leastFree(from: left * size, through: most) {
        delta.storeBytes(of: UInt8(left * size), toByteOffset: Int(first[free]), as: UInt8.self)
        return
      }
      // No leaf holds the rest: take the largest whole, of equal ones the one that it leaves least of.
      var free = chunks * size
      let end = min(free + size, 256)
      while free < end, first[free] < 0 { free += 1 }
      if free == end {
        chunks -= 1
        precondition(chunks > 0, "a group was chosen that does not hold the segments")
        continue
      }
      let lane = Int(first[free])
      first[free] = next[lane]
      delta.storeBytes(of: UInt8(chunks * size), toByteOffset: lane, as: UInt8.self)
      left -= chunks
    }
  }

  private func leastFree(from least: Int, through most: Int) -> Int? {
    var free = least
    while free <= most {
      if first[free] >= 0 { return free }
      free += 1
    }
    return nil
  }
}
