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
  private(set) var opened: [Int32: NodeID]

  /// - Parameter opened: of the round that goes on, by starts before this choice.
  public init(topology: Topology, index: LeafNodeIndex, nodeCount: Int, opened: [Int32: NodeID] = [:]) {
    self.topology = topology
    self.index = index
    self.opened = opened
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
  /// is taken. Each member gets the lowest devices that are free. So do nodes that `vacated` others leave for it: what is
  /// free beside them is somebody else's.
  public mutating func choose(
    _ place: HeldPlace, devicesPerNode: Int32, previous: [NodeID] = [], vacated: [NodeID] = [],
    sharedNodes: [SharedNode] = [], isAllowed: (NodeID) -> Bool = { _ in true },
    in fleet: borrowing some FleetView & ~Copyable
  ) -> [Place]? {
    switch place {
    case .mixed(let members): return chooseMixed(members, vacated, sharedNodes, isAllowed, fleet)
    case .part(let leaf, let lane, let devices):
      return choosePart(leaf, lane, devices, vacated, sharedNodes, fleet, isAllowed).map { [$0] }
    case .whole(let leaves):
      var chosen: [Place] = []
      chosen.reserveCapacity(Int(leaves.reduce(0) { $0 + $1.nodes }))
      let kept = vacated.isEmpty && previous.isEmpty ? [] : keptByLeaf(vacated + previous)
      var firstKept = 0
      for leaf in leaves {
        let before = chosen.count
        while firstKept < kept.count, kept[firstKept].leaf < leaf.leaf { firstKept += 1 }
        for entry in kept[firstKept...].prefix(while: { $0.leaf == leaf.leaf }) {
          if chosen.count - before < leaf.nodes, isAllowed(entry.node) {
            giveWhole(entry.node, leaf.leaf, devicesPerNode, fleet, &chosen)
          }
        }
        for node in index.nodes(leaf.leaf) where chosen.count - before < leaf.nodes && isAllowed(node) {
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

  /// Member by member.
  private mutating func chooseMixed(
    _ members: [MemberPlace], _ vacated: [NodeID], _ sharedNodes: [SharedNode], _ isAllowed: (NodeID) -> Bool,
    _ fleet: borrowing some FleetView & ~Copyable
  ) -> [Place]? {
    var chosen: [Place] = []
    chosen.reserveCapacity(members.count)
    var before: [(node: NodeID, given: UInt64)] = []
    let openedBefore = opened
    for member in members {
      let place: Place?
      if member.lane >= 0 {
        place = choosePart(member.leaf, member.lane, member.devices, vacated, sharedNodes, fleet, isAllowed)
        if let place { before.append((place.node, given[Int(place.node.index)] & ~place.devices)) }
      } else {
        let node = firstWhole(member.leaf, vacated, isAllowed, fleet)
        place = node.map { Place(node: $0, devices: Self.lowest(member.devices, of: all(member.leaf))) }
        if let node {
          before.append((node, given[Int(node.index)]))
          given[Int(node.index)] = .max
        }
      }
      guard let place, isAllowed(place.node), !chosen.contains(where: { $0.node == place.node }) else {
        for (node, mask) in before.reversed() { given[Int(node.index)] = mask }
        opened = openedBefore
        return nil
      }
      chosen.append(place)
    }
    return chosen
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
    _ leaf: Int32, _ lane: Int32, _ devices: Int32, _ vacated: [NodeID], _ sharedNodes: [SharedNode],
    _ fleet: borrowing some FleetView & ~Copyable, _ isAllowed: (NodeID) -> Bool
  ) -> Place? {
    var node = opened[lane]
    if Int(lane) < sharedNodes.count { node = sharedNodes[Int(lane)].node }
    guard let node = node ?? firstWhole(leaf, vacated, isAllowed, fleet) else { return nil }
    let free = free(node, fleet)
    guard free.nonzeroBitCount >= devices, isAllowed(node) else { return nil }
    let picked = Self.lowest(devices, of: free)
    given[Int(node.index)] |= picked
    if Int(lane) >= sharedNodes.count { opened[lane] = node }
    return Place(node: node, devices: picked)
  }

  private func firstWhole(
    _ leaf: Int32, _ vacated: [NodeID], _ isAllowed: (NodeID) -> Bool, _ fleet: borrowing some FleetView & ~Copyable
  ) -> NodeID? {
    for node in vacated where index.leaf(node) == leaf && isAllowed(node) && isWhole(node, leaf, fleet) { return node }
    return index.nodes(leaf).first { isAllowed($0) && isWhole($0, leaf, fleet) }
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

  /// Others do not get these.
  mutating func give(_ places: [Place]) {
    for place in places { given[Int(place.node.index)] |= place.devices }
  }

  // MARK: Repair in place

  /// The gang's nodes again with the lost ones replaced: healthy nodes keep their rank. Each replacement comes from the
  /// segment's leaf, else from the leaves nearest to it, level by level outwards, but never out of the domain of level
  /// `within`. A segment that its leaf cannot complete moves as a whole. nil: nothing suitable is free.
  ///
  /// `previous` is in rank order; `fleet` says what is free once the gang has left.
  public mutating func repair(
    previous: [NodeID], segment: Int32, within level: Int?, devicesPerNode: Int32, isExclusive: Bool = false,
    isAllowed: (NodeID) -> Bool = { _ in true }, in fleet: borrowing some FleetView & ~Copyable
  ) -> [Place]? {
    var repair = Repair(
      choice: self, previous: previous, size: Int(segment), level: level, devices: devicesPerNode,
      isExclusive: isExclusive)
    return repair.places(isAllowed, fleet)
  }

  /// One gang that is put together again.
  private struct Repair {
    var choice: NodeChoice
    /// What others were given before this gang.
    let before: NodeChoice
    let previous: [NodeID]
    let size: Int
    let level: Int?
    let devices: Int32
    let isExclusive: Bool
    var nodes: [NodeID?] = []

    init(choice: NodeChoice, previous: [NodeID], size: Int, level: Int?, devices: Int32, isExclusive: Bool) {
      self.choice = choice
      before = choice
      self.previous = previous
      self.size = size
      self.level = level
      self.devices = devices
      self.isExclusive = isExclusive
      nodes = Array(repeating: nil, count: previous.count)
    }

    mutating func places(_ isAllowed: (NodeID) -> Bool, _ fleet: borrowing some FleetView & ~Copyable) -> [Place]? {
      for (rank, node) in previous.enumerated() where isGood(node, isAllowed, fleet) { take(node, rank) }
      let broken = stride(from: 0, to: previous.count, by: size).filter { nodes[$0..<$0 + size].contains(nil) }
      // First what the own leaf can complete, so that no segment that moves takes another's spares.
      let moving = broken.filter { first in
        !complete(first, from: choice.index.leaf(previous[first]), isAllowed, fleet)
      }
      for first in moving where !move(first, isAllowed, fleet) { return nil }
      return nodes.compactMap { $0 }.map { node in
        let free = before.free(node, fleet)
        return Place(node: node, devices: isExclusive ? free : NodeChoice.lowest(devices, of: free))
      }
    }

    private func isGood(
      _ node: NodeID, _ isAllowed: (NodeID) -> Bool, _ fleet: borrowing some FleetView & ~Copyable
    ) -> Bool {
      let leaf = choice.index.leaf(node)
      guard leaf >= 0, isAllowed(node) else { return false }
      let free = choice.free(node, fleet)
      return isExclusive ? free == choice.all(leaf) : free.nonzeroBitCount >= devices
    }

    private mutating func take(_ node: NodeID, _ rank: Int) {
      nodes[rank] = node
      choice.given[Int(node.index)] = .max
    }

    /// Fills the holes of one segment from a leaf, if it has enough.
    private mutating func complete(
      _ first: Int, from leaf: Int32, _ isAllowed: (NodeID) -> Bool, _ fleet: borrowing some FleetView & ~Copyable
    ) -> Bool {
      guard leaf >= 0 else { return false }
      let holes = (first..<first + size).filter { nodes[$0] == nil }
      var good: [NodeID] = []
      for node in choice.index.nodes(leaf) where good.count < holes.count && isGood(node, isAllowed, fleet) {
        good.append(node)
      }
      guard good.count == holes.count else { return false }
      for (hole, node) in zip(holes, good) { take(node, hole) }
      return true
    }

    /// Puts a segment that its leaf cannot complete into the nearest one that can take it whole.
    private mutating func move(
      _ first: Int, _ isAllowed: (NodeID) -> Bool, _ fleet: borrowing some FleetView & ~Copyable
    ) -> Bool {
      let home = choice.index.leaf(previous[first])
      guard home >= 0 else { return false }
      let kept = nodes[first..<first + size]
      for rank in first..<first + size {
        if let node = nodes[rank] { choice.given[Int(node.index)] = 0 }
        nodes[rank] = nil
      }
      let topology = choice.topology
      let type = topology.leaves[Int(home)].deviceType
      for at in stride(from: topology.levels.count - 1, through: level ?? -1, by: -1) {
        for isSameType in [true, false] {
          for leaf in topology.leaves.indices
          where isNear(leaf, Int(home), at) && (topology.leaves[leaf].deviceType == type) == isSameType {
            guard isSameType || mayChange(to: topology.leaves[leaf].deviceType, from: type) else { continue }
            if complete(first, from: Int32(leaf), isAllowed, fleet) { return true }
          }
        }
      }
      // As it was, for whoever gives the rest back.
      nodes.replaceSubrange(first..<first + size, with: kept)
      return false
    }

    private func isNear(_ leaf: Int, _ home: Int, _ level: Int) -> Bool {
      let topology = choice.topology
      if level < 0 { return true }
      if level == topology.levels.count - 1 { return topology.rack(ofLeaf: leaf) == topology.rack(ofLeaf: home) }
      return topology.domain(ofLeaf: leaf, level: level) == topology.domain(ofLeaf: home, level: level)
    }

    /// A node with another number of the same devices will do.
    private func mayChange(to other: Int32, from type: Int32) -> Bool {
      choice.topology.deviceTypes[Int(other)].name == choice.topology.deviceTypes[Int(type)].name
    }
  }
}
