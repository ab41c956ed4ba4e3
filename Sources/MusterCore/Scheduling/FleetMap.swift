/// Where every node lies, as the planner counts it. Derived from what is declared, what agents say of their nodes and what
/// they joined with; built anew when one of these has changed.
struct FleetMap: Sendable {
  struct Domain: Hashable, Sendable {
    /// With those outside of it: `b1/r17`.
    var path: String
    var name: String
  }

  /// Outermost first.
  let levels: [String]
  /// By level.
  private(set) var domains: [[Domain]]
  /// By level and node.
  private(set) var domainOfNode: [[Int32]]
  /// Kinds of nodes: by device type and number of devices. What a gang may ask for.
  private(set) var topology: Topology?
  let index: LeafNodeIndex
  /// Nodes that stay free in each leaf while as many of it have not failed.
  private(set) var spares: [Int32] = []
  /// Times in which nodes take no work, and whether each node is one of them.
  private(set) var windows: [(from: Instant, to: Instant, nodes: [Bool])] = []
  /// By node: it may serve one day. A revoked one will not: it is in no count.
  private var parts: [Bool] = []

  init() {
    levels = []
    (domains, domainOfNode) = ([], [])
    index = LeafNodeIndex(leafOfNode: [], leafCount: 0)
  }

  init(_ cluster: borrowing Cluster) {
    levels = cluster.policy.topology.effectiveLevels
    let (paths, spareNodes) = Self.paths(cluster, levels)
    var order = Array(Set(paths)).sorted { a, b in
      for (x, y) in zip(a, b) where x != y { return comesBefore(x, y) }
      return false
    }
    if order.isEmpty { order = [levels.map { _ in "default" }] }
    var numbers: [[String]: Int32] = [:]
    var domainsOfPath: [[Int32]] = []
    domains = levels.map { _ in [] }
    for (i, path) in order.enumerated() {
      let shared = i == 0 ? 0 : zip(path, order[i - 1]).prefix { $0 == $1 }.count
      for level in shared..<levels.count {
        domains[level].append(Domain(path: path[...level].joined(separator: "/"), name: path[level]))
      }
      numbers[path] = Int32(i)
      domainsOfPath.append(domains.map { Int32($0.count - 1) })
    }
    let pathOfNode = paths.map { numbers[$0] ?? 0 }
    domainOfNode = levels.indices.map { level in pathOfNode.map { domainsOfPath[Int($0)][level] } }
    let types = Self.types(cluster)
    let leaves = Self.leaves(cluster, types, pathOfNode, domainsOfPath)
    index = LeafNodeIndex(leafOfNode: leaves.ofNode, leafCount: leaves.list.count)
    parts = cluster.nodes.indices.map { Self.isPartOfFleet($0, cluster) }
    spares = Array(repeating: 0, count: leaves.list.count)
    var list = leaves.list
    for (path, count) in spareNodes.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
      guard let leaf = leaves.paths.firstIndex(of: numbers[path] ?? -1) else { continue }
      spares[leaf] = min(count, list[leaf].nodes)
      list[leaf].nodes -= spares[leaf]
    }
    if !list.isEmpty {
      // Cannot fail: leaves are sorted by their domains and cut to size above, and nodes have 1 to 64 devices.
      topology = try? Topology(levels: levels, deviceTypes: types, leaves: list, racks: leaves.paths)
    }
    windows = cluster.maintenance.map { ($0.from, $0.to, nodes(in: $0, cluster)) }
  }

  /// The names of each node's domains, and how many nodes stay free in some.
  private static func paths(_ cluster: borrowing Cluster, _ levels: [String]) -> ([[String]], [[String]: Int32]) {
    var declared = [Int32](repeating: -1, count: cluster.nodes.count)
    var spares: [[String]: Int32] = [:]
    for (i, place) in cluster.policy.topology.places.enumerated() where place.domains.count == levels.count {
      // Checked when it was applied; a list that cannot be read names nobody.
      for name in (try? NodeNames.expand(place.nodes)) ?? [] {
        if let node = cluster.nodeByName[name] { declared[Int(node)] = Int32(i) }
      }
      if place.spares > 0 { spares[place.domains, default: 0] += place.spares }
    }
    let paths = cluster.nodeDetails.indices.map { i -> [String] in
      if declared[i] >= 0 { return cluster.policy.topology.places[Int(declared[i])].domains }
      let labels = cluster.nodeDetails[i].labels
      return levels.map { level in labels.first { $0.key == level }?.value ?? "default" }
    }
    return (paths, spares)
  }

  private static func isPartOfFleet(_ i: Int, _ cluster: borrowing Cluster) -> Bool {
    cluster.nodes[i].devices > 0 && !cluster.admission.isRevoked(cluster.nodeDetails[i].joined.machine)
  }

  /// Fewer devices first, so that small gangs leave large nodes alone.
  private static func types(_ cluster: borrowing Cluster) -> [DeviceType] {
    var types: Set<DeviceType> = []
    for i in cluster.nodes.indices where cluster.nodes[i].devices > 0 {
      types.insert(
        DeviceType(name: cluster.nodeDetails[i].joined.deviceType, devicesPerNode: cluster.nodes[i].devices))
    }
    return types.sorted { ($0.devicesPerNode, $0.name) < ($1.devicesPerNode, $1.name) }
  }

  private struct Leaves {
    var list: [Topology.Leaf] = []
    /// By leaf: its path.
    var paths: [Int32] = []
    /// By node; -1: it has no devices.
    var ofNode: [Int32]
  }

  /// Nodes of one innermost domain and one type; of more than a leaf may have, several.
  private static func leaves(
    _ cluster: borrowing Cluster, _ types: [DeviceType], _ pathOfNode: [Int32], _ domainsOfPath: [[Int32]]
  ) -> Leaves {
    var typeOf: [DeviceType: Int32] = [:]
    for (i, type) in types.enumerated() { typeOf[type] = Int32(i) }
    var out = Leaves(ofNode: Array(repeating: -1, count: cluster.nodes.count))
    var nodes: [(key: Int64, node: Int32)] = []
    for i in cluster.nodes.indices where cluster.nodes[i].devices > 0 {
      let type = DeviceType(
        name: cluster.nodeDetails[i].joined.deviceType, devicesPerNode: cluster.nodes[i].devices)
      nodes.append((Int64(pathOfNode[i]) << 32 | Int64(typeOf[type] ?? 0), Int32(i)))
    }
    nodes.sort { ($0.key, $0.node) < ($1.key, $1.node) }
    var last: Int64 = -1
    for (key, node) in nodes {
      let path = Int(key >> 32)
      if key != last || out.list[out.list.count - 1].nodes == Topology.nodesPerLeafLimit {
        out.list.append(
          Topology.Leaf(
            domains: Array(domainsOfPath[path].dropLast()), nodes: 0, deviceType: Int32(truncatingIfNeeded: key)))
        out.paths.append(Int32(path))
        last = key
      }
      if isPartOfFleet(Int(node), cluster) { out.list[out.list.count - 1].nodes += 1 }
      out.ofNode[Int(node)] = Int32(out.list.count - 1)
    }
    return out
  }

  private func nodes(in window: Maintenance, _ cluster: borrowing Cluster) -> [Bool] {
    var affected = [Bool](repeating: window.nodes.isEmpty && window.level.isEmpty, count: cluster.nodes.count)
    // Checked when it was added; a list that cannot be read names nobody.
    for name in window.nodes.isEmpty ? [] : (try? NodeNames.expand(window.nodes)) ?? [] {
      if let node = cluster.nodeByName[name] { affected[Int(node)] = true }
    }
    guard window.nodes.isEmpty, let level = level(named: window.level) else { return affected }
    for i in affected.indices {
      affected[i] = domains[level][Int(domainOfNode[level][i])].name == window.domain
    }
    return affected
  }

  /// Whether maintenance takes a node in a time.
  func isTaken(_ node: NodeID, from: Instant, to: Instant) -> Bool {
    windows.contains { window in
      window.from < to && window.to > from && Int(node.index) < window.nodes.count && window.nodes[Int(node.index)]
    }
  }

  /// Of the topology; -1: none that is planned.
  func type(of node: NodeID) -> Int32 {
    let leaf = index.leaf(node)
    return leaf < 0 ? -1 : topology?.leaves[Int(leaf)].deviceType ?? -1
  }

  func isPart(_ node: Int) -> Bool { node < parts.count && parts[node] }

  func level(named name: String) -> Int? { levels.firstIndex(of: name) }

  /// Whether a job that asks for `wish` means devices of a type: its name, or one word of it (`H100` is one of
  /// `NVIDIA H100 80GB HBM3`), in any case.
  static func isNamed(_ type: String, _ wish: String) -> Bool {
    let (name, wanted) = (type.lowercased(), wish.lowercased())
    return name == wanted
      || name.split(whereSeparator: { $0 == " " || $0 == "-" || $0 == "_" }).contains { $0 == wanted }
  }
}
