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
    for i in cluster.nodes.indices {
      let hot = cluster.nodes[i]
      let canServe = free(NodeID(Int32(i))) != nil || isFull(hot)
      let used = hot.devices - Int32(hot.freeDeviceCount)
      for level in fleetMap.levels.indices {
        let at = positions[level][Int(fleetMap.domainOfNode[level][i])]
        counts.domains[at].nodes += 1
        counts.domains[at].devices += Int64(hot.devices)
        counts.domains[at].devicesInUse += Int64(used)
        if !canServe { counts.domains[at].outOfService += 1 }
        if let use = use(of: i, canServe: canServe) { counts.domains[at][keyPath: use] += 1 }
      }
    }
    for level in fleetMap.levels.indices {
      for size in sizes {
        let count = counts.domains.reduce(Int32(0)) { $0 + ($1.level == level ? $1.free / size : 0) }
        counts.places.append(FleetCounts.Places(level: level, nodes: size, count: count))
      }
    }
    return counts
  }

  /// In service, and takes no more because it has as many members as a node may have.
  func isFull(_ node: Node) -> Bool { node.isSchedulable && node.members >= limits.membersPerNode }

  /// What a node is counted as; nil: it is only out of service.
  private func use(of node: Int, canServe: Bool) -> WritableKeyPath<FleetCounts.Domain, Int32>? {
    let (id, hot) = (NodeID(Int32(node)), cluster.nodes[node])
    switch hot.state {
    case .suspect: return \.suspect
    case .isolated: return \.isolated
    case .joining, .verifying, .ready, .draining, .drained: break
    }
    if hot.members > 0 || hot.freeDeviceCount < hot.devices { return \.busy }
    guard canServe else { return nil }
    if free(id) != hot.freeDevices { return \.held }
    return fleetMap.isTaken(id, from: now, to: now + .seconds(1)) ? \.maintenance : \.free
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
