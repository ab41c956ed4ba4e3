/// What the best domain of a level holds, of all nodes known ("can it ever run?") and of those free now ("what does it
/// wait on?"). Few (type, level, segment) are asked for in a round, so each is counted once.
struct CapacityTables: ~Copyable {
  private let levels: Int
  private let layout: FleetLayout
  /// Every node known, by lane.
  private var known: UnsafeMutableRawPointer
  private let largestLeaves: [Int32]
  private let knownNodes: [Int32]
  /// `[type][level][segment]`: segments in the best domain; -1: not counted yet.
  private var knownBest: [Int32]
  private var freeBest: [Int32]
  private var freeVersions: [Int32]
  private var version: Int32 = 0
  /// By type: most devices free on one shared node, and when that was counted.
  private var partFree: [Int32]
  private var partVersions: [Int32]
  /// By type, of the view.
  private(set) var outOfService: [Int32]
  /// By type: the first window to come, -1 if none, and its first bucket.
  private(set) var maintenance: [Int32]
  private(set) var maintenanceBuckets: [Int]

  init(_ topology: Topology, _ layout: FleetLayout) {
    self.layout = layout
    levels = layout.levelCount
    known = ByteBlock.allocate(layout.laneCount)
    let types = topology.deviceTypes.count
    var (largest, total) = ([Int32](repeating: 0, count: types), [Int32](repeating: 0, count: types))
    for (i, leaf) in topology.leaves.enumerated() {
      known.storeBytes(of: UInt8(leaf.nodes), toByteOffset: Int(layout.laneOfLeaf[i]), as: UInt8.self)
      largest[Int(leaf.deviceType)] = max(largest[Int(leaf.deviceType)], leaf.nodes)
      total[Int(leaf.deviceType)] += leaf.nodes
    }
    (largestLeaves, knownNodes) = (largest, total)
    knownBest = Array(repeating: -1, count: types * levels * 256)
    freeBest = knownBest
    freeVersions = knownBest
    partFree = Array(repeating: 0, count: types)
    partVersions = Array(repeating: -1, count: types)
    outOfService = partFree
    maintenance = partVersions
    maintenanceBuckets = Array(repeating: 0, count: types)
  }

  deinit { known.deallocate() }

  mutating func begin(
    _ view: borrowing PlanningView, _ topology: borrowing Topology, _ layout: FleetLayout, _ grid: TimeGrid
  ) {
    bumpVersion()
    outOfService = knownNodes
    for (leaf, nodes) in view.nodesInService.enumerated() {
      outOfService[Int(topology.leaves[leaf].deviceType)] -= nodes
    }
    for type in maintenance.indices { maintenance[type] = -1 }
    for (i, window) in view.maintenance.enumerated() where window.to > view.now {
      for leaf in window.leaves {
        let type = Int(topology.leaves[Int(leaf)].deviceType)
        if maintenance[type] < 0 || window.from < view.maintenance[Int(maintenance[type])].from {
          maintenance[type] = Int32(i)
          maintenanceBuckets[type] = grid.bucket(containing: window.from - view.now)
        }
      }
    }
  }

  /// The first window on a type, if it begins in this bucket or before; else -1.
  func window(_ type: Int32, before bucket: Int) -> Int32 {
    maintenanceBuckets[Int(type)] <= bucket ? maintenance[Int(type)] : -1
  }

  /// Something starts now: what was counted of the free nodes is old.
  mutating func bumpVersion() { version &+= 1 }

  func largestLeaf(_ type: Int32) -> Int32 { largestLeaves[Int(type)] }

  /// Segments of `test` in the best domain of a level of `FleetLayout`, all nodes known being free.
  mutating func bestKnown(type: Int32, level: Int, _ test: SegmentTest) -> Int32 {
    let key = (Int(type) * levels + level) * 256 + test.size
    if knownBest[key] >= 0 { return knownBest[key] }
    var best = 0
    for domain in layout.domains(type: type, level: level) {
      var found = 0
      for group in layout.domains[domain].groups {
        found += test.countAll(known + layout.groups[group].firstLane, layout.groups[group].stride)
      }
      best = max(best, found)
    }
    knownBest[key] = Int32(best)
    return Int32(best)
  }

  /// As `bestKnown`, of the nodes free in the first bucket.
  mutating func bestFree(type: Int32, level: Int, _ test: SegmentTest, _ nodes: borrowing NodeProfile) -> Int32 {
    let key = (Int(type) * levels + level) * 256 + test.size
    if freeVersions[key] == version { return freeBest[key] }
    var best = 0
    for domain in layout.domains(type: type, level: level) {
      var found = 0
      for group in layout.domains[domain].groups {
        let block = nodes.blocks[group]
        found += test.countAll(block.rows, block.stride)
      }
      best = max(best, found)
    }
    (freeBest[key], freeVersions[key]) = (Int32(best), version)
    return Int32(best)
  }

  /// Most devices free now on one shared node of the type.
  mutating func mostFreeDevices(type: Int32, _ shared: borrowing SharedLanes) -> Int32 {
    if partVersions[Int(type)] == version { return partFree[Int(type)] }
    var most = 0
    for group in layout.groups.indices where layout.groups[group].type == type {
      most = max(most, shared.mostFreeNow(group: group))
    }
    (partFree[Int(type)], partVersions[Int(type)]) = (Int32(most), version)
    return Int32(most)
  }
}
