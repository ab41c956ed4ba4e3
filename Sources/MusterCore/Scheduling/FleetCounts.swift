/// The fleet by its places: what is free, busy and out of service in each domain.
public struct FleetCounts: Hashable, Sendable {
  public struct Domain: Hashable, Sendable {
    /// Index in `levels`.
    public var level: Int
    public var name: String
    /// With the domains around it: `b1/r17`.
    public var path: String
    /// Place in `domains` of the one around it; -1 is none.
    public var parent: Int
    public var nodes: Int32 = 0
    /// Nothing runs on them, and they take work.
    public var free: Int32 = 0
    /// Nothing runs on them, and they are kept as spares: they take work when others of their place have failed.
    public var spare: Int32 = 0
    /// Of which a part is used, or all; neither suspect nor isolated.
    public var busy: Int32 = 0
    /// Nothing runs on them, and others are leaving them, or have left, for a gang that will start there.
    public var held: Int32 = 0
    /// Nothing runs on them, and they are in a maintenance.
    public var maintenance: Int32 = 0
    /// Suspect, isolated, drained, or with no agent connected. A drained one may be busy, too.
    public var outOfService: Int32 = 0
    /// Of those out of service, whatever may still run there.
    public var suspect: Int32 = 0
    public var isolated: Int32 = 0
    public var devices: Int64 = 0
    public var devicesInUse: Int64 = 0
  }

  /// Gangs of so many nodes that would find whole free nodes now, each within one domain of a level.
  public struct Places: Hashable, Sendable {
    public var level: Int
    public var nodes: Int32
    public var count: Int32
  }

  public var levels: [String] = []
  /// Outermost first; each is followed by those within it.
  public var domains: [Domain] = []
  public var places: [Places] = []
}

extension Controller {
  /// - Parameter sizes: of gangs, in nodes.
  public mutating func fleetCounts(sizes: [Int32]) -> FleetCounts {
    refreshMap()
    var counts = FleetCounts(levels: fleetMap.levels)
    let positions = addDomains(&counts)
    guard let innermost = positions.last, let domainOfNode = fleetMap.domainOfNode.last else { return counts }
    // The writer waits for this: each node is counted once, in its innermost domain.
    var leaves = fleetMap.spares.map { _ in LeafCount() }
    for i in cluster.nodes.indices {
      let domain = innermost[Int(domainOfNode[i])]
      let (free, out) = (counts.domains[domain].free, counts.domains[domain].outOfService)
      count(node: i, in: &counts.domains[domain])
      let leaf = Int(fleetMap.index.leaf(NodeID(Int32(i))))
      guard leaves.indices.contains(leaf), fleetMap.spares[leaf] > 0 else { continue }
      leaves[leaf].domain = domain
      leaves[leaf].free += counts.domains[domain].free - free
      if fleetMap.isPart(i) { leaves[leaf].failed += counts.domains[domain].outOfService - out }
    }
    for (leaf, count) in leaves.enumerated() where fleetMap.spares[leaf] > 0 {
      let kept = min(count.free, max(0, fleetMap.spares[leaf] - count.failed))
      counts.domains[count.domain].free -= kept
      counts.domains[count.domain].spare += kept
    }
    for i in counts.domains.indices.reversed() where counts.domains[i].parent >= 0 {
      counts.domains[counts.domains[i].parent].add(counts.domains[i])
    }
    for level in fleetMap.levels.indices {
      for size in sizes {
        let count = counts.domains.reduce(Int32(0)) { $0 + ($1.level == level ? $1.free / size : 0) }
        counts.places.append(FleetCounts.Places(level: level, nodes: size, count: count))
      }
    }
    return counts
  }

  /// What decides how many of a leaf's spares are kept.
  private struct LeafCount {
    var domain = 0
    var free: Int32 = 0
    var failed: Int32 = 0
  }

  /// In service, and takes no more because it has as many members as a node may have.
  func isFull(_ node: Node) -> Bool { node.isSchedulable && node.members >= limits.membersPerNode }

  private func count(node: Int, in domain: inout FleetCounts.Domain) {
    let (id, hot) = (NodeID(Int32(node)), cluster.nodes[node])
    let mask = free(id)
    let canServe = mask != nil || isFull(hot)
    domain.nodes += 1
    domain.devices += Int64(hot.devices)
    domain.devicesInUse += Int64(hot.devices - Int32(hot.freeDeviceCount))
    if !canServe { domain.outOfService += 1 }
    switch hot.state {
    case .suspect: domain.suspect += 1
    case .isolated: domain.isolated += 1
    case .joining, .verifying, .ready, .draining, .drained:
      if hot.members > 0 || hot.freeDeviceCount < hot.devices {
        domain.busy += 1
      } else if canServe {
        if mask != hot.freeDevices {
          domain.held += 1
        } else if fleetMap.isTaken(id, from: now, to: now + .seconds(1)) {
          domain.maintenance += 1
        } else {
          domain.free += 1
        }
      }
    }
  }

  /// - Returns: by level and domain, its place in `domains`.
  private func addDomains(_ counts: inout FleetCounts) -> [[Int]] {
    var positions = fleetMap.domains.map { $0.map { _ in 0 } }
    // The map numbers the domains of each level in the order of those around them.
    var next = fleetMap.levels.map { _ in 0 }
    var outer = fleetMap.domains.map { $0.map { _ in Int32(0) } }
    for level in fleetMap.levels.indices.dropFirst() {
      for (domain, around) in zip(fleetMap.domainOfNode[level], fleetMap.domainOfNode[level - 1]) {
        outer[level][Int(domain)] = around
      }
    }
    func add(_ level: Int, within parent: Int32, at place: Int) {
      while next[level] < fleetMap.domains[level].count, outer[level][next[level]] == parent {
        let i = next[level]
        next[level] += 1
        positions[level][i] = counts.domains.count
        let domain = fleetMap.domains[level][i]
        counts.domains.append(
          FleetCounts.Domain(level: level, name: domain.name, path: domain.path, parent: place))
        if level + 1 < fleetMap.levels.count { add(level + 1, within: Int32(i), at: positions[level][i]) }
      }
    }
    if !fleetMap.levels.isEmpty { add(0, within: 0, at: -1) }
    return positions
  }
}

extension FleetCounts.Domain {
  /// What was counted of one within it.
  fileprivate mutating func add(_ inner: FleetCounts.Domain) {
    nodes += inner.nodes
    free += inner.free
    spare += inner.spare
    busy += inner.busy
    held += inner.held
    maintenance += inner.maintenance
    outOfService += inner.outOfService
    suspect += inner.suspect
    isolated += inner.isolated
    devices += inner.devices
    devicesInUse += inner.devicesInUse
  }
}
