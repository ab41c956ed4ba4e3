/// Nodes of which jobs use parts. Each has a lane beside those of its group: free devices over time.
///
/// A lane is not bound to a node for ever. Where none of it is used it stands for any whole node of its leaf: it is worth
/// all devices while the leaf has a free node and nothing while it has none. Where it is used, one node is missing from
/// the leaf's count. So a part may join a node that is shared, keep one shared for longer, or open one, and the search
/// sees all three in one row.
struct SharedLanes: ~Copyable {
  private struct Lane {
    var leaf: Int32
    /// Place in the group's block.
    var place: Int32
    /// Next lane of the leaf; -1 is the end.
    var next: Int32
  }

  private let layout: FleetLayout
  var grid: TimeGrid
  private let shortcuts: PlannerShortcuts
  /// By group: devices of a node.
  private let devicesPerNode: [UInt8]
  private let blocks: UnsafeMutablePointer<ByteBlock>
  private var lanes: [Lane] = []
  private var firstOfLeaf: [Int32]
  /// By group and place: the lane.
  private var laneAt: [[Int32]]
  /// `[group][bucket]`: the most devices that one lane was seen to have free, as `RowBounds` of leaves. A lane that is
  /// added may have more: then it is forgotten.
  private let known: UnsafeMutablePointer<UInt16>
  private var scratch: UnsafeMutableRawPointer
  private var scratchBytes = 96

  init(layout: FleetLayout, topology: Topology, grid: TimeGrid, shortcuts: PlannerShortcuts) {
    self.layout = layout
    self.grid = grid
    self.shortcuts = shortcuts
    devicesPerNode = layout.groups.map { UInt8(topology.deviceTypes[Int($0.type)].devicesPerNode) }
    blocks = .allocate(capacity: max(1, layout.groups.count))
    for group in layout.groups.indices { (blocks + group).initialize(to: Self.makeBlock(stride: 32, grid)) }
    firstOfLeaf = Array(repeating: -1, count: topology.leaves.count)
    laneAt = Array(repeating: [], count: layout.groups.count)
    scratch = ByteBlock.allocate(scratchBytes)
    known = .allocate(capacity: max(1, layout.groups.count * grid.bucketCount))
    known.initialize(repeating: RowBounds.unknown, count: max(1, layout.groups.count * grid.bucketCount))
  }

  deinit {
    known.deallocate()
    for group in layout.groups.indices { blocks[group].rows.deallocate() }
    blocks.deallocate()
    scratch.deallocate()
  }

  /// `topology`: the one that this was made with.
  func copy(_ topology: Topology) -> SharedLanes {
    var copy = SharedLanes(layout: layout, topology: topology, grid: grid, shortcuts: shortcuts)
    (copy.lanes, copy.firstOfLeaf, copy.laneAt) = (lanes, firstOfLeaf, laneAt)
    for group in layout.groups.indices {
      copy.blocks[group].rows.deallocate()
      copy.blocks[group] = Self.makeBlock(stride: blocks[group].stride, grid)
      copy.blocks[group].rows.copyMemory(
        from: blocks[group].rows, byteCount: blocks[group].stride * grid.bucketCount * 9 / 8)
    }
    copy.known.update(from: known, count: layout.groups.count * grid.bucketCount)
    copy.scratch.deallocate()
    copy.scratchBytes = scratchBytes
    copy.scratch = ByteBlock.allocate(scratchBytes)
    return copy
  }

  var bytes: Int { layout.groups.indices.reduce(0) { $0 + blocks[$1].stride * grid.bucketCount * 9 / 8 } }

  private static func makeBlock(stride: Int, _ grid: TimeGrid) -> ByteBlock {
    let rowBytes = stride * grid.bucketCount
    let rows = ByteBlock.allocate(rowBytes + rowBytes / 8)
    return ByteBlock(rows: rows, minima: rows + rowBytes, stride: stride)
  }

  /// The view's shared nodes get the first lanes, in their order. `nodes` is built already.
  mutating func build(_ view: borrowing PlanningView, _ nodes: borrowing NodeProfile) {
    lanes.removeAll(keepingCapacity: true)
    for leaf in firstOfLeaf.indices { firstOfLeaf[leaf] = -1 }
    for group in laneAt.indices {
      laneAt[group].removeAll(keepingCapacity: true)
      let block = blocks[group]
      block.rows.initializeMemory(as: UInt8.self, repeating: 0, count: block.stride * grid.bucketCount * 9 / 8)
    }
    for group in layout.groups.indices { forget(group) }
    for node in view.sharedNodes { _ = addLane(leaf: node.leaf) }
    sweep(view, nodes)
    for leaf in firstOfLeaf.indices where firstOfLeaf[leaf] >= 0 {
      closeUnused(leaf: leaf, from: 0, through: grid.bucketCount - 1, nodes)
    }
    for window in view.maintenance { close(window, nodes.buckets(of: window, now: view.now)) }
    for group in layout.groups.indices where !laneAt[group].isEmpty {
      for octet in 0..<grid.bucketCount / 8 {
        for lane in stride(from: 0, to: blocks[group].stride, by: 16) { blocks[group].refreshMinimum(octet, lane) }
      }
    }
  }

  /// Backwards over time, in which the running parts come in as they end: a row is written at once, not a byte of every
  /// row for each part.
  private func sweep(_ view: borrowing PlanningView, _ nodes: borrowing NodeProfile) {
    var order = EndOrder(buckets: grid.bucketCount)
    for gang in view.running {
      if case .part = gang.place { order.count(nodes.lastBucket(of: gang, at: view.now)) }
    }
    order.sum()
    for (i, gang) in view.running.enumerated() {
      if case .part = gang.place { order.place(Int32(i), nodes.lastBucket(of: gang, at: view.now)) }
    }
    var first: [Int] = []
    var bytes = 0
    for group in layout.groups.indices {
      first.append(bytes)
      bytes += blocks[group].stride
    }
    let current = ByteBlock.allocate(bytes)
    defer { current.deallocate() }
    for lane in lanes.indices {
      let (group, place) = position(lane)
      current.storeBytes(of: devicesPerNode[group], toByteOffset: first[group] + place, as: UInt8.self)
    }
    for bucket in stride(from: grid.bucketCount - 1, through: 0, by: -1) {
      for i in order.ending(bucket) {
        guard case .part(let lane, let devices) = view.running[Int(i)].place else { continue }
        let (group, place) = position(Int(lane))
        let free = Int32(current.load(fromByteOffset: first[group] + place, as: UInt8.self)) - devices
        precondition(
          free >= 0, "more devices of shared node \(lane) are in use than it has: the view contradicts itself")
        current.storeBytes(of: UInt8(free), toByteOffset: first[group] + place, as: UInt8.self)
      }
      for group in layout.groups.indices where !laneAt[group].isEmpty {
        let block = blocks[group]
        (block.rows + bucket * block.stride).copyMemory(from: current + first[group], byteCount: block.stride)
      }
    }
  }

  var laneCount: Int { lanes.count }
  func leaf(ofLane lane: Int) -> Int32 { lanes[lane].leaf }
  func hasLanes(leaf: Int) -> Bool { firstOfLeaf[leaf] >= 0 }

  private func position(_ lane: Int) -> (group: Int, place: Int) {
    (Int(layout.groupOfLeaf[Int(lanes[lane].leaf)]), Int(lanes[lane].place))
  }

  /// A lane that nothing uses: worth a whole node wherever its leaf has a free one.
  private func fill(_ lane: Int, _ nodes: borrowing NodeProfile) {
    let (group, place) = position(lane)
    let leafPlace = Int(layout.laneOfLeaf[Int(lanes[lane].leaf)]) - layout.groups[group].firstLane
    let (block, leaves, all) = (blocks[group], nodes.blocks[group], devicesPerNode[group])
    for octet in 0..<grid.bucketCount / 8 {
      var least = all
      for bucket in octet &* 8..<octet &* 8 &+ 8 {
        let value = leaves.value(bucket, leafPlace) == 0 ? 0 : all
        least = min(least, value)
        block.setValue(value, bucket, place)
      }
      (block.minima + octet &* block.stride).storeBytes(of: least, toByteOffset: place, as: UInt8.self)
    }
  }

  private func refresh(_ lane: Int, from: Int, through: Int) {
    let (group, place) = position(lane)
    blocks[group].refreshMinima(ofLane: place, from: from, through: through)
  }

  private func close(_ window: MaintenanceWindow, _ buckets: Range<Int>) {
    guard window.nodes == nil else {
      for lane in window.sharedNodes {
        let (group, place) = position(Int(lane))
        for bucket in buckets { blocks[group].setValue(0, bucket, place) }
      }
      return
    }
    for leaf in window.leaves {
      var lane = Int(firstOfLeaf[Int(leaf)])
      while lane >= 0 {
        let (group, place) = position(lane)
        for bucket in buckets { blocks[group].setValue(0, bucket, place) }
        lane = Int(lanes[lane].next)
      }
    }
  }

  /// Where the leaf has no free node any more, what is unused of its lanes is worth nothing.
  func closeUnused(leaf: Int, from: Int, through: Int, _ nodes: borrowing NodeProfile) {
    let group = Int(layout.groupOfLeaf[leaf])
    let leafPlace = Int(layout.laneOfLeaf[leaf]) - layout.groups[group].firstLane
    let (leaves, block, all) = (nodes.blocks[group], blocks[group], devicesPerNode[group])
    var (least, most) = (Int.max, -1)
    for bucket in from...through where leaves.value(bucket, leafPlace) == 0 {
      var lane = Int(firstOfLeaf[leaf])
      while lane >= 0 {
        let place = Int(lanes[lane].place)
        if block.value(bucket, place) == all {
          block.setValue(0, bucket, place)
          (least, most) = (min(least, bucket), bucket)
        }
        lane = Int(lanes[lane].next)
      }
    }
    guard most >= 0 else { return }
    var lane = Int(firstOfLeaf[leaf])
    while lane >= 0 {
      refresh(lane, from: least, through: most)
      lane = Int(lanes[lane].next)
    }
  }

  private mutating func addLane(leaf: Int32) -> Int {
    let group = Int(layout.groupOfLeaf[Int(leaf)])
    let place = laneAt[group].count
    if place == blocks[group].stride { grow(group) }
    forget(group)
    let lane = lanes.count
    laneAt[group].append(Int32(lane))
    lanes.append(Lane(leaf: leaf, place: Int32(place), next: firstOfLeaf[Int(leaf)]))
    firstOfLeaf[Int(leaf)] = Int32(lane)
    return lane
  }

  private func forget(_ group: Int) {
    (known + group &* grid.bucketCount).update(repeating: RowBounds.unknown, count: grid.bucketCount)
  }

  private mutating func grow(_ group: Int) {
    let old = blocks[group]
    let new = Self.makeBlock(stride: old.stride * 2, grid)
    for bucket in 0..<grid.bucketCount {
      (new.rows + bucket * new.stride).copyMemory(from: old.rows + bucket * old.stride, byteCount: old.stride)
    }
    for octet in 0..<grid.bucketCount / 8 {
      (new.minima + octet * new.stride).copyMemory(from: old.minima + octet * old.stride, byteCount: old.stride)
    }
    old.rows.deallocate()
    blocks[group] = new
    if new.stride * 3 > scratchBytes {
      scratch.deallocate()
      scratchBytes = new.stride * 3
      scratch = ByteBlock.allocate(scratchBytes)
    }
  }

  // MARK: Searching

  /// As `WindowSearch.firstStart`, in the lanes of one group.
  func firstStart(_ search: WindowSearch, group: Int, from: Int, before: Int) -> Int {
    guard !laneAt[group].isEmpty else { return before }
    return search.firstStart(
      Lanes(
        blocks: blocks + group, groups: 1, totals: nil, scratch: scratch, scratchRow: blocks[group].stride,
        known: shortcuts.contains(.rows) ? known + group &* grid.bucketCount : nil), grid, shortcuts, from: from,
      before: before)
  }

  /// The lane of the group that has least left, but at least `devices`, for a whole window, and is in use at some time
  /// in it: opening a node is compared with the leaves instead.
  func tightest(_ devices: Int, group: Int, from: Int, through: Int) -> (lane: Int, free: Int)? {
    guard !laneAt[group].isEmpty else { return nil }
    let block = blocks[group]
    block.windowMinimum(from: from, through: through, useMinima: shortcuts.contains(.minima), into: scratch)
    var best: (lane: Int, free: Int)?
    for place in laneAt[group].indices {
      let free = Int(scratch.load(fromByteOffset: place, as: UInt8.self))
      if free >= devices, free < Int(devicesPerNode[group]), free < best?.free ?? 256 {
        best = (Int(laneAt[group][place]), free)
      }
    }
    return best
  }

  /// A lane of the leaf that nothing uses in a window: one that there is, or a new one.
  mutating func unusedLane(leaf: Int32, from: Int, through: Int, _ nodes: borrowing NodeProfile) -> Int {
    let group = Int(layout.groupOfLeaf[Int(leaf)])
    var lane = Int(firstOfLeaf[Int(leaf)])
    while lane >= 0 {
      let place = Int(lanes[lane].place)
      if (from...through).allSatisfy({ blocks[group].value($0, place) == devicesPerNode[group] }) { return lane }
      lane = Int(lanes[lane].next)
    }
    lane = addLane(leaf: leaf)
    fill(lane, nodes)
    return lane
  }

  /// Takes devices of a lane, and a node of its leaf where the lane was unused.
  func take(_ devices: Int, lane: Int, from: Int, through: Int, _ nodes: borrowing NodeProfile) {
    let (group, place) = position(lane)
    let leaf = Int(lanes[lane].leaf)
    let leafPlace = Int(layout.laneOfLeaf[leaf]) - layout.groups[group].firstLane
    var opened = false
    for bucket in from...through {
      let free = blocks[group].value(bucket, place)
      if free == devicesPerNode[group] {
        nodes.takeOne(group: group, lane: leafPlace, bucket: bucket)
        opened = true
      }
      blocks[group].setValue(free &- UInt8(devices), bucket, place)
    }
    refresh(lane, from: from, through: through)
    if opened {
      nodes.blocks[group].refreshMinima(ofLane: leafPlace, from: from, through: through)
      closeUnused(leaf: leaf, from: from, through: through, nodes)
    }
  }

  /// Lanes that are in use in the first bucket and have at least `devices` left for a whole window, each with its leaf.
  func lanesInUse(group: Int, devices: Int32, through: Int) -> [(lane: Int32, leaf: Int32)] {
    guard !laneAt[group].isEmpty else { return [] }
    let block = blocks[group]
    block.windowMinimum(from: 0, through: through, useMinima: shortcuts.contains(.minima), into: scratch)
    var found: [(lane: Int32, leaf: Int32)] = []
    for (place, lane) in laneAt[group].enumerated() {
      let free = Int32(scratch.load(fromByteOffset: place, as: UInt8.self))
      if free >= devices, block.value(0, place) < devicesPerNode[group] { found.append((lane, lanes[Int(lane)].leaf)) }
    }
    return found
  }

  /// Least that a lane has free in the buckets up to one.
  func least(lane: Int, through: Int) -> UInt8 {
    let (group, place) = position(lane)
    return (0...through).reduce(.max) { min($0, blocks[group].value($1, place)) }
  }

  func change(
    lane: Int, by devices: Int32, from: Int = 0, through: Int, _ nodes: borrowing NodeProfile,
    isClosed: (Int) -> Bool = { _ in false }
  ) {
    let (group, place) = position(lane)
    let leafPlace = Int(layout.laneOfLeaf[Int(lanes[lane].leaf)]) - layout.groups[group].firstLane
    let all = Int32(devicesPerNode[group])
    forget(group)
    for bucket in from...through where !isClosed(bucket) {
      let old = Int32(blocks[group].value(bucket, place))
      if old == all { nodes.takeOne(group: group, lane: leafPlace, bucket: bucket) }
      if old + devices == all { nodes.takeOne(group: group, lane: leafPlace, bucket: bucket, sign: -1) }
      blocks[group].setValue(UInt8(old + devices), bucket, place)
    }
    refresh(lane, from: from, through: through)
    nodes.blocks[group].refreshMinima(ofLane: leafPlace, from: from, through: through)
  }

  func isUnused(lane: Int, bucket: Int) -> Bool {
    let (group, place) = position(lane)
    return blocks[group].value(bucket, place) == devicesPerNode[group]
  }

  /// Most devices that one node of the group's lanes has free in the first bucket.
  func mostFreeNow(group: Int) -> Int {
    laneAt[group].indices.reduce(0) { max($0, Int(blocks[group].value(0, $1))) }
  }
}
