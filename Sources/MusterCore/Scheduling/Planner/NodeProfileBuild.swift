extension NodeProfile {
  /// Fills the profile from a view: one sweep backwards over time, in which the running gangs come in as they end.
  func build(_ view: borrowing PlanningView) {
    let buckets = grid.bucketCount
    var order = EndOrder(buckets: buckets)
    for gang in view.running { order.count(lastBucket(of: gang, at: view.now)) }
    order.sum()
    for (i, gang) in view.running.enumerated() { order.place(Int32(i), lastBucket(of: gang, at: view.now)) }

    let current = row(0, 0)
    current.initializeMemory(as: UInt8.self, repeating: 0, count: layout.laneCount)
    var free = [Int32](repeating: 0, count: layout.groups.count)
    for (leaf, nodes) in view.nodesInService.enumerated() {
      current.storeBytes(of: UInt8(nodes), toByteOffset: Int(layout.laneOfLeaf[leaf]), as: UInt8.self)
      free[Int(layout.groupOfLeaf[leaf])] += nodes
    }
    // A shared node is in no leaf's count until the last of its parts has ended.
    let sharedUntil = sharedEnds(view)
    var sharedOrder = EndOrder(buckets: buckets)
    for end in sharedUntil where end >= 0 { sharedOrder.count(end) }
    sharedOrder.sum()
    for (i, end) in sharedUntil.enumerated() where end >= 0 { sharedOrder.place(Int32(i), end) }

    for bucket in stride(from: buckets - 1, through: 0, by: -1) {
      for gang in order.ending(bucket) {
        guard case .whole(let places) = view.running[Int(gang)].place else { continue }
        for place in places { take(place.nodes, Int(place.leaf), current, &free) }
      }
      for node in sharedOrder.ending(bucket) { take(1, Int(view.sharedNodes[Int(node)].leaf), current, &free) }
      store(current, free, bucket)
    }
    for window in view.maintenance { close(window, now: view.now) }
    refreshMinima()
  }

  func lastBucket(of gang: borrowing RunningGang, at now: Instant) -> Int {
    NodeEnds(grid: grid).lastBucket(of: gang, at: now)
  }

  /// The buckets that a window touches; empty if it lies outside of the grid.
  func buckets(of window: MaintenanceWindow, now: Instant) -> Range<Int> {
    guard window.to > now, window.to > window.from else { return 0..<0 }
    let first = grid.bucket(containing: window.from - now)
    guard first < grid.bucketCount else { return 0..<0 }
    return first..<grid.lastBucket(from: 0, units: grid.units(window.to - now)) + 1
  }

  private func sharedEnds(_ view: borrowing PlanningView) -> [Int] {
    var ends = [Int](repeating: -1, count: view.sharedNodes.count)
    for gang in view.running {
      if case .part(let node, _) = gang.place {
        ends[Int(node)] = max(ends[Int(node)], lastBucket(of: gang, at: view.now))
      }
    }
    return ends
  }

  private func take(_ nodes: Int32, _ leaf: Int, _ current: UnsafeMutableRawPointer, _ free: inout [Int32]) {
    let lane = Int(layout.laneOfLeaf[leaf])
    let left = Int32(current.load(fromByteOffset: lane, as: UInt8.self)) - nodes
    precondition(left >= 0, "more nodes of leaf \(leaf) are in use than are in service: the view contradicts itself")
    current.storeBytes(of: UInt8(left), toByteOffset: lane, as: UInt8.self)
    free[Int(layout.groupOfLeaf[leaf])] -= nodes
  }

  private func store(_ current: UnsafeMutableRawPointer, _ free: [Int32], _ bucket: Int) {
    for domain in layout.domains.indices { total(domain)[bucket] = 0 }
    for (i, group) in layout.groups.enumerated() {
      let block = blocks[i]
      (block.rows + bucket * block.stride).copyMemory(from: current + group.firstLane, byteCount: block.stride)
      for level in 0..<layout.levelCount { total(layout.domain(ofGroup: i, level: level))[bucket] += free[i] }
    }
  }

  private func close(_ window: MaintenanceWindow, now: Instant) {
    for leaf in window.leaves {
      let group = Int(layout.groupOfLeaf[Int(leaf)])
      let (block, lane) = (blocks[group], Int(layout.laneOfLeaf[Int(leaf)]) - layout.groups[group].firstLane)
      for bucket in buckets(of: window, now: now) {
        let free = block.value(bucket, lane)
        guard free > 0 else { continue }
        let taken = UInt8(min(Int32(free), window.nodes ?? Int32(free)))
        block.setValue(free - taken, bucket, lane)
        lowerTotals(group: group, by: Int32(taken), from: bucket, through: bucket)
      }
    }
  }

  private func refreshMinima() {
    for group in layout.groups.indices {
      let block = blocks[group]
      for octet in 0..<grid.bucketCount / 8 {
        for lane in stride(from: 0, to: block.stride, by: 16) { block.refreshMinimum(octet, lane) }
      }
    }
  }
}

/// Items by the bucket that they end in: a counting sort.
struct EndOrder {
  private var offsets: [Int32]
  private var items: [Int32] = []

  init(buckets: Int) { offsets = Array(repeating: 0, count: buckets + 2) }

  mutating func count(_ bucket: Int) { offsets[bucket + 2] += 1 }

  mutating func sum() {
    for i in 1..<offsets.count { offsets[i] += offsets[i - 1] }
    items = Array(repeating: 0, count: Int(offsets[offsets.count - 1]))
  }

  /// In the order of the calls. `offsets[bucket + 1]` runs from the bucket's first place to its end.
  mutating func place(_ item: Int32, _ bucket: Int) {
    items[Int(offsets[bucket + 1])] = item
    offsets[bucket + 1] += 1
  }

  func ending(_ bucket: Int) -> ArraySlice<Int32> { items[Int(offsets[bucket])..<Int(offsets[bucket + 1])] }
}
