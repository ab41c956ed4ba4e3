/// Free whole nodes of every leaf over time: counts, not names. That is exact: holds whose number in a leaf never passes
/// the leaf's free nodes can always be given nodes in the order of their starts.
///
/// It owns one buffer for all groups, made once and used again by every round. Within a round it only shrinks, which is
/// what `StartBounds` rests on.
struct NodeProfile: ~Copyable {
  let layout: FleetLayout
  var grid: TimeGrid
  let shortcuts: PlannerShortcuts
  let blocks: UnsafeMutablePointer<ByteBlock>
  /// `[domain][bucket]`: free nodes.
  let totals: UnsafeMutablePointer<Int32>
  private let totalStride: Int
  /// Bytes between groups: a search looks at the same bucket of all of them, and multiples of 4 KiB would all fall into one
  /// place of a processor's cache.
  private static let skew = 192
  /// Three rows of all lanes, for searches.
  private let scratch: UnsafeMutableRawPointer
  /// One row of all lanes, 0 between uses: the nodes that a hold takes.
  let delta: UnsafeMutableRawPointer
  private let memory: UnsafeMutableRawPointer
  private let memoryBytes: Int

  init(layout: FleetLayout, grid: TimeGrid, shortcuts: PlannerShortcuts) {
    self.layout = layout
    self.grid = grid
    self.shortcuts = shortcuts
    let buckets = grid.bucketCount
    let rowBytes = layout.laneCount * buckets + layout.groups.count * Self.skew
    memoryBytes = rowBytes + layout.laneCount * buckets / 8 + layout.groups.count * Self.skew
    memory = ByteBlock.allocate(memoryBytes)
    blocks = .allocate(capacity: max(1, layout.groups.count))
    for (i, group) in layout.groups.enumerated() {
      (blocks + i).initialize(
        to: ByteBlock(
          rows: memory + group.firstLane * buckets + i * Self.skew,
          minima: memory + rowBytes + group.firstLane * buckets / 8 + i * Self.skew, stride: group.stride))
    }
    totalStride = buckets + Self.skew / 4
    totals = .allocate(capacity: max(1, layout.domains.count * totalStride))
    totals.initialize(repeating: 0, count: max(1, layout.domains.count * totalStride))
    scratch = ByteBlock.allocate(layout.laneCount * 3)
    delta = ByteBlock.allocate(layout.laneCount)
  }

  deinit {
    memory.deallocate()
    blocks.deallocate()
    totals.deallocate()
    scratch.deallocate()
    delta.deallocate()
  }

  func copy() -> NodeProfile {
    let copy = NodeProfile(layout: layout, grid: grid, shortcuts: shortcuts)
    copy.memory.copyMemory(from: memory, byteCount: memoryBytes)
    copy.totals.update(from: totals, count: layout.domains.count * totalStride)
    return copy
  }

  var bytes: Int { layout.laneCount * (grid.bucketCount * 9 / 8 + 4) + layout.domains.count * grid.bucketCount * 4 }

  func total(_ domain: Int) -> UnsafeMutablePointer<Int32> { totals + domain &* totalStride }

  /// A row of the lanes of `group` that lasts until the next search.
  func row(_ index: Int, _ group: Int) -> UnsafeMutableRawPointer {
    scratch + (index &* layout.laneCount &+ layout.groups[group].firstLane)
  }

  // MARK: Searching

  /// As `WindowSearch.firstStart`, in all groups of a domain together.
  func firstStart(_ search: WindowSearch, domain: Int, known: UnsafeMutablePointer<UInt16>?, from: Int, before: Int)
    -> Int
  {
    let groups = layout.domains[domain].groups
    // Domains of neighbouring groups are neighbours.
    let first = layout.domain(ofGroup: groups.lowerBound, level: layout.groupLevel)
    return search.firstStart(
      Lanes(
        blocks: blocks + groups.lowerBound, groups: groups.count, totals: total(domain),
        groupTotals: groups.count > 1 ? total(first) : nil, totalStride: totalStride, scratch: scratch,
        scratchRow: layout.laneCount,
        known: known), grid, shortcuts, from: from, before: before)
  }

  /// Chunks that a group holds for a whole window. Row 0 has each lane's least count afterwards.
  func count(_ test: SegmentTest, group: Int, from: Int, through: Int) -> Int {
    let block = blocks[group]
    let least = row(0, group)
    block.windowMinimum(from: from, through: through, useMinima: shortcuts.contains(.minima), into: least)
    return test.count(least, block.stride)
  }

  // MARK: Taking

  /// Takes what `delta` says of one group, `nodes` in all, and clears it.
  func take(group: Int, nodes: Int32, from: Int, through: Int) {
    let source = delta + layout.groups[group].firstLane
    blocks[group].subtract(source, from: from, through: through)
    source.initializeMemory(as: UInt8.self, repeating: 0, count: blocks[group].stride)
    lowerTotals(group: group, by: nodes, from: from, through: through)
  }

  func lowerTotals(group: Int, by nodes: Int32, from: Int, through: Int) {
    for level in 0..<layout.levelCount {
      let row = total(layout.domain(ofGroup: group, level: level))
      for bucket in from...through { row[bucket] &-= nodes }
    }
  }

  /// One node less in single buckets: a node is opened for parts; or one more (`sign` -1).
  func takeOne(group: Int, lane: Int, bucket: Int, sign: Int32 = 1) {
    let block = blocks[group]
    let left = sign > 0 ? block.value(bucket, lane) &- 1 : block.value(bucket, lane) &+ 1
    block.setValue(left, bucket, lane)
    lowerTotals(group: group, by: sign, from: bucket, through: bucket)
  }
}
