/// The devices that there are, and those that running attempts hold, by type: what quotas are told from.
public struct DeviceUse: Sendable {
  /// Of one project's own jobs, without its children's.
  public struct Project: Hashable, Sendable {
    /// Attempts that have not ended.
    public var jobs: Int64 = 0
    /// By type; only those of which it holds some.
    public var devices: [String: Int64] = [:]

    public init() {}
  }

  /// By type; only those of which there are some. Of nodes in any state.
  public internal(set) var capacity: [String: Int64] = [:]
  /// Those with an attempt that has not ended.
  public internal(set) var projects: [String: Project] = [:]
}

extension Controller {
  /// Takes time with nodes and with what runs. The writer waits for it: kinds of nodes are numbers in the map, and a name
  /// is looked up once for each kind, not once for each of a fleet's nodes.
  public mutating func deviceUse() -> DeviceUse {
    refreshMap()
    let kinds = fleetMap.topology?.deviceTypes.map(\.name) ?? []
    let kindOfLeaf = fleetMap.topology?.leaves.map(\.deviceType) ?? []
    var use = DeviceUse()
    var counts = [Int64](repeating: 0, count: kinds.count)
    for i in cluster.nodes.indices {
      let leaf = fleetMap.index.leaf(NodeID(Int32(i)))
      if leaf >= 0 { counts[Int(kindOfLeaf[Int(leaf)])] += Int64(cluster.nodes[i].devices) }
    }
    Self.add(&counts, kinds, to: &use.capacity)
    for slot in cluster.active {
      for place in cluster.attemptPlaces[Int(slot)] where place.devices != 0 {
        let leaf = fleetMap.index.leaf(place.node)
        if leaf >= 0 { counts[Int(kindOfLeaf[Int(leaf)])] += Int64(place.devices.nonzeroBitCount) }
      }
      let name = cluster.specs[Int(cluster.attempts[slot].jobSlot)].project
      use.projects[name, default: DeviceUse.Project()].jobs += 1
      Self.add(&counts, kinds, to: &use.projects[name, default: DeviceUse.Project()].devices)
    }
    return use
  }

  /// Moves what was counted of each kind to its name; kinds of one name differ in how many devices a node has.
  private static func add(_ counts: inout [Int64], _ kinds: [String], to sums: inout [String: Int64]) {
    for i in counts.indices where counts[i] != 0 {
      sums[kinds[i], default: 0] += counts[i]
      counts[i] = 0
    }
  }
}
