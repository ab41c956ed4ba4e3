/// The nodes of each leaf by number: where a count becomes names.
public struct LeafNodeIndex: Sendable {
  private let offsets: [Int32]
  private let nodes: [NodeID]
  /// By node; -1 for one that lies in no leaf.
  private let leaves: [Int32]

  /// `leafOfNode` by node number; -1 leaves a node out.
  public init(leafOfNode: [Int32], leafCount: Int) {
    leaves = leafOfNode
    var counts = [Int32](repeating: 0, count: leafCount + 1)
    for leaf in leafOfNode where leaf >= 0 { counts[Int(leaf) + 1] += 1 }
    for leaf in 0..<leafCount { counts[leaf + 1] += counts[leaf] }
    offsets = counts
    var sorted = [NodeID](repeating: NodeID(0), count: Int(counts[leafCount]))
    for (node, leaf) in leafOfNode.enumerated() where leaf >= 0 {
      sorted[Int(counts[Int(leaf)])] = NodeID(Int32(node))
      counts[Int(leaf)] += 1
    }
    nodes = sorted
  }

  public var leafCount: Int { offsets.count - 1 }
  public func leaf(_ node: NodeID) -> Int32 {
    node.index >= 0 && Int(node.index) < leaves.count ? leaves[Int(node.index)] : -1
  }
  /// In rising order.
  public func nodes(_ leaf: Int32) -> ArraySlice<NodeID> {
    nodes[Int(offsets[Int(leaf)])..<Int(offsets[Int(leaf) + 1])]
  }
}

/// From counts per leaf to named nodes with their devices, in rank order. What one choice takes, a later one does not
/// give again: one value serves all gangs that start in a round.
public struct NodeChoice: Sendable {
  private let index: LeafNodeIndex
  private let topology: Topology
  /// By node, a bit a device: given in this round.
  private var given: [UInt64]
  /// By lane of a round behind the shared nodes: the node that was opened for it.
  private var opened: [Int32: NodeID] = [:]

  public init(topology: Topology, index: LeafNodeIndex, nodeCount: Int) {
    self.topology = topology
    self.index = index
    given = Array(repeating: 0, count: nodeCount)
  }

  private func free(_ node: NodeID, _ fleet: borrowing some FleetView & ~Copyable) -> UInt64 {
    (fleet.free(node) ?? 0) & ~given[Int(node.index)]
  }

  private func all(_ leaf: Int32) -> UInt64 {
    let devices = topology.deviceTypes[Int(topology.leaves[Int(leaf)].deviceType)].devicesPerNode
    return devices == 64 ? .max : (1 << UInt64(devices)) - 1
  }

  private func isWhole(_ node: NodeID, _ leaf: Int32, _ fleet: borrowing some FleetView & ~Copyable) -> Bool {
    free(node, fleet) == all(leaf)
  }

  // MARK: A place of the planner

  /// Names the nodes of a place that starts now, leaf by leaf, so that segments are contiguous in rank order; free nodes
  /// of `previous` come first in their leaf, in their old order. nil: the fleet has changed since the view, and nothing
  /// is taken. Each member gets the lowest devices that are free.
  public mutating func choose(
    _ place: HeldPlace, devicesPerNode: Int32, previous: [NodeID] = [], sharedNodes: [SharedNode] = [],
    in fleet: borrowing some FleetView & ~Copyable
  ) -> [Place]? {
    switch place {
    case .part(let leaf, let lane, let devices):
      return choosePart(leaf, lane, devices, sharedNodes, fleet).map { [$0] }
    case .whole(let leaves):
      var chosen: [Place] = []
      chosen.reserveCapacity(Int(leaves.reduce(0) { $0 + $1.nodes }))
      let kept = previous.isEmpty ? [] : keptByLeaf(previous)
      var firstKept = 0
      for leaf in leaves {
        let before = chosen.count
        while firstKept < kept.count, kept[firstKept].leaf < leaf.leaf { firstKept += 1 }
        for entry in kept[firstKept...].prefix(while: { $0.leaf == leaf.leaf }) {
          if chosen.count - before < leaf.nodes { giveWhole(entry.node, leaf.leaf, devicesPerNode, fleet, &chosen) }
        }
        for node in index.nodes(leaf.leaf) where chosen.count - before < leaf.nodes {
          giveWhole(node, leaf.leaf, devicesPerNode, fleet, &chosen)
        }
        if chosen.count - before < leaf.nodes {
          for place in chosen { given[Int(place.node.index)] = 0 }
          return nil
        }
      }
      return chosen
    }
  }

  private func keptByLeaf(_ previous: [NodeID]) -> [(leaf: Int32, rank: Int, node: NodeID)] {
    previous.enumerated().map { (index.leaf($0.element), $0.offset, $0.element) }
      .sorted { ($0.leaf, $0.rank) < ($1.leaf, $1.rank) }
  }

  private mutating func giveWhole(
    _ node: NodeID, _ leaf: Int32, _ devices: Int32, _ fleet: borrowing some FleetView & ~Copyable,
    _ chosen: inout [Place]
  ) {
    guard isWhole(node, leaf, fleet) else { return }
    // All of the node is taken, also where the gang uses fewer of its devices.
    chosen.append(Place(node: node, devices: Self.lowest(devices, of: all(leaf))))
    given[Int(node.index)] = .max
  }

  private mutating func choosePart(
    _ leaf: Int32, _ lane: Int32, _ devices: Int32, _ sharedNodes: [SharedNode],
    _ fleet: borrowing some FleetView & ~Copyable
  ) -> Place? {
    var node = opened[lane]
    if Int(lane) < sharedNodes.count { node = sharedNodes[Int(lane)].node }
    guard let node = node ?? index.nodes(leaf).first(where: { isWhole($0, leaf, fleet) }) else { return nil }
    let free = free(node, fleet)
    guard free.nonzeroBitCount >= devices else { return nil }
    let picked = Self.lowest(devices, of: free)
    given[Int(node.index)] |= picked
    if Int(lane) >= sharedNodes.count { opened[lane] = node }
    return Place(node: node, devices: picked)
  }

  static func lowest(_ count: Int32, of free: UInt64) -> UInt64 {
    var (rest, picked): (UInt64, UInt64) = (free, 0)
    for _ in 0..<count {
      let lowest = rest & (~rest &+ 1)
      picked |= lowest
      rest &= ~lowest
    }
    return picked
  }

  // MARK: Repair in place

  /// The gang's nodes again with the lost ones replaced: healthy nodes keep their rank. Each replacement comes from the
  /// segment's leaf, else from the leaves nearest to it, level by level outwards, but never out of the domain of level
  /// `within`. A segment that its leaf cannot complete moves as a whole. nil: nothing suitable is free.
  ///
  /// `previous` is in rank order and of whole nodes; `fleet` says what is free once the gang has left.
  public mutating func repair(
    previous: [NodeID], segment: Int32, within level: Int?, devicesPerNode: Int32,
    in fleet: borrowing some FleetView & ~Copyable
  ) -> [Place]? {
    var places = [NodeID?](repeating: nil, count: previous.count)
    for (rank, node) in previous.enumerated() where index.leaf(node) >= 0 {
      guard isWhole(node, index.leaf(node), fleet) else { continue }
      places[rank] = node
      given[Int(node.index)] = .max
    }
    let size = Int(segment)
    let broken = stride(from: 0, to: previous.count, by: size).filter { first in
      places[first..<first + size].contains(nil)
    }
    // First what the own leaf can complete, so that no segment that moves takes another's spares.
    let moving = broken.filter { !complete($0, size, home: index.leaf(previous[$0]), previous, &places, fleet) }
    for first in moving where !move(first, size, within: level, previous, &places, fleet) {
      for node in places { if let node { given[Int(node.index)] = 0 } }
      return nil
    }
    return places.compactMap { $0 }.map { node in
      Place(node: node, devices: Self.lowest(devicesPerNode, of: all(index.leaf(node))))
    }
  }

  private func spares(_ leaf: Int32, _ fleet: borrowing some FleetView & ~Copyable) -> [NodeID] {
    index.nodes(leaf).filter { isWhole($0, leaf, fleet) }
  }

  /// Fills the holes of one segment from a leaf, if it has enough.
  private mutating func complete(
    _ first: Int, _ size: Int, home leaf: Int32, _ previous: [NodeID], _ places: inout [NodeID?],
    _ fleet: borrowing some FleetView & ~Copyable
  ) -> Bool {
    guard leaf >= 0 else { return false }
    let holes = (first..<first + size).filter { places[$0] == nil }
    let free = spares(leaf, fleet)
    guard free.count >= holes.count else { return false }
    for (hole, node) in zip(holes, free) {
      places[hole] = node
      given[Int(node.index)] = .max
    }
    return true
  }

  private mutating func move(
    _ first: Int, _ size: Int, within level: Int?, _ previous: [NodeID], _ places: inout [NodeID?],
    _ fleet: borrowing some FleetView & ~Copyable
  ) -> Bool {
    let home = index.leaf(previous[first])
    guard home >= 0 else { return false }
    let kept = places[first..<first + size]
    for rank in first..<first + size {
      if let node = places[rank] { given[Int(node.index)] = 0 }
      places[rank] = nil
    }
    let type = topology.leaves[Int(home)].deviceType
    for at in stride(from: topology.levels.count - 2, through: level ?? -1, by: -1) {
      for leaf in topology.leaves.indices where topology.leaves[leaf].deviceType == type {
        let isNear =
          at < 0 || topology.domain(ofLeaf: leaf, level: at) == topology.domain(ofLeaf: Int(home), level: at)
        if isNear, complete(first, size, home: Int32(leaf), previous, &places, fleet) { return true }
      }
    }
    // As it was, for whoever gives the rest back.
    places.replaceSubrange(first..<first + size, with: kept)
    return false
  }
}
