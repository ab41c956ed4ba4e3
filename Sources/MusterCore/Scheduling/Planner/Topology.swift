/// A kind of device as gangs ask for it, and how many of them a node has.
public struct DeviceType: Hashable, Sendable {
  public var name: String
  /// 1 to 64 (a node's devices are the bits of one word). Nodes with another number are another type.
  public var devicesPerNode: Int32

  public init(name: String, devicesPerNode: Int32) {
    self.name = name
    self.devicesPerNode = devicesPerNode
  }
}

/// Places, outermost level first; the innermost level's domains are the leaves that nodes lie in (a rack, or a scale-up
/// domain). Leaves may have any number of nodes up to 255 and differ in device type.
///
/// It counts every node that ever joined and was not removed: what can never run is judged against these. What is in
/// service now is `PlanningView.nodesInService`.
public struct Topology: Hashable, Sendable {
  /// One byte holds a leaf's count of free nodes.
  public static let nodesPerLeafLimit: Int32 = 255

  public struct Leaf: Hashable, Sendable {
    /// The number of the domain that the leaf lies in, for each level but the last, outermost first. Numbers are unique
    /// within a level.
    public var domains: [Int32]
    public var nodes: Int32
    /// Index in `deviceTypes`.
    public var deviceType: Int32

    public init(domains: [Int32], nodes: Int32, deviceType: Int32 = 0) {
      self.domains = domains
      self.nodes = nodes
      self.deviceType = deviceType
    }
  }

  public enum Invalid: Error, Hashable, Sendable {
    case noLevels
    case noLeaves
    case leafTooLarge(leaf: Int, nodes: Int32, limit: Int32)
    case wrongDepth(leaf: Int, domains: Int, levels: Int)
    case unknownDeviceType(leaf: Int, deviceType: Int32, types: Int)
    case devicesPerNode(type: String, devices: Int32)
    /// The leaves of a domain must follow one another.
    case scattered(level: String, domain: Int32, leaf: Int)

    public var remedy: String {
      switch self {
      case .noLevels: "declare at least one level: the one that nodes lie in"
      case .noLeaves: "declare at least one domain of the last level"
      case .leafTooLarge(_, _, let limit): "split it into domains of at most \(limit) nodes"
      case .wrongDepth: "name one domain for each level but the last"
      case .unknownDeviceType: "declare the device type first"
      case .devicesPerNode: "1 to 64 devices a node"
      case .scattered: "list the leaves of one domain together, and each domain under one parent"
      }
    }
  }

  /// Names, outermost first.
  public let levels: [String]
  public let deviceTypes: [DeviceType]
  public let leaves: [Leaf]
  /// By leaf: its domain at the last level. Nodes of several types, or more than a leaf may have, are several leaves of one
  /// domain.
  private let racks: [Int32]

  /// `racks`: nil if every leaf is a domain of its own.
  public init(levels: [String], deviceTypes: [DeviceType], leaves: [Leaf], racks: [Int32]? = nil) throws(Invalid) {
    self.racks = racks ?? leaves.indices.map { Int32($0) }
    self.levels = levels
    self.deviceTypes = deviceTypes
    self.leaves = leaves
    try check()
  }

  /// `counts[i]` domains of level i in each of the level above; every leaf alike.
  public static func uniform(levels: [String], counts: [Int], nodesPerLeaf: Int32, deviceType: DeviceType)
    throws(Invalid) -> Topology
  {
    guard let inner = counts.last, counts.count == levels.count else { throw .noLevels }
    let parents = counts.dropLast().reduce(1, *)
    var leaves: [Leaf] = []
    for parent in 0..<parents {
      var domains: [Int32] = []
      var number = parent
      for count in counts.dropLast().reversed() {
        domains.append(Int32(number))
        number /= count
      }
      let leaf = Leaf(domains: domains.reversed(), nodes: nodesPerLeaf)
      leaves.append(contentsOf: repeatElement(leaf, count: inner))
    }
    return try Topology(levels: levels, deviceTypes: [deviceType], leaves: leaves)
  }

  /// The domain of a leaf at a level: the leaf's own index at the last one.
  public func domain(ofLeaf leaf: Int, level: Int) -> Int32 {
    level == levels.count - 1 ? Int32(leaf) : leaves[leaf].domains[level]
  }

  public func rack(ofLeaf leaf: Int) -> Int32 { racks[leaf] }

  private func check() throws(Invalid) {
    if levels.isEmpty { throw .noLevels }
    if leaves.isEmpty { throw .noLeaves }
    for type in deviceTypes where type.devicesPerNode < 1 || type.devicesPerNode > 64 {
      throw .devicesPerNode(type: type.name, devices: type.devicesPerNode)
    }
    var seen = [Set<Int32>](repeating: [], count: levels.count - 1)
    for (i, leaf) in leaves.enumerated() {
      if leaf.nodes < 0 || leaf.nodes > Self.nodesPerLeafLimit {
        throw .leafTooLarge(leaf: i, nodes: leaf.nodes, limit: Self.nodesPerLeafLimit)
      }
      if leaf.domains.count != levels.count - 1 {
        throw .wrongDepth(leaf: i, domains: leaf.domains.count, levels: levels.count)
      }
      if leaf.deviceType < 0 || Int(leaf.deviceType) >= deviceTypes.count {
        throw .unknownDeviceType(leaf: i, deviceType: leaf.deviceType, types: deviceTypes.count)
      }
      var isNew = i == 0
      for level in 0..<levels.count - 1 {
        let domain = leaf.domains[level]
        let changed = i == 0 || leaves[i - 1].domains[level] != domain
        // A new parent needs new domains below it, and a domain that ended does not come again.
        if (isNew && !changed) || (changed && !seen[level].insert(domain).inserted) {
          throw .scattered(level: levels[level], domain: domain, leaf: i)
        }
        isNew = changed
      }
    }
  }
}
