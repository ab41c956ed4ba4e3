/// What a gang asks of a scheduler.
public struct PlacementRequest: Sendable {
  public var nodes: Int32
  public var devicesPerNode: Int32
  /// Where the gang was before, in rank order: healthy nodes keep their place.
  public var previous: [NodeID]

  public init(nodes: Int32, devicesPerNode: Int32, previous: [NodeID] = []) {
    self.nodes = nodes
    self.devicesPerNode = devicesPerNode
    self.previous = previous
  }
}

/// The scheduler's answer for one gang: places for all of it, or what it waits on. `why` prints the latter: nobody
/// computes it a second time.
public enum PlacementAnswer: Sendable, Hashable {
  case places([Place])
  case waits(WaitReason)
}

public enum WaitReason: Sendable, Hashable {
  /// So many nodes have enough free devices now; `ready` of `total` nodes are in service.
  case nodesBusy(needed: Int32, fitting: Int32, ready: Int32, total: Int32)
  /// The fleet has too few nodes of that shape, even when nothing runs.
  case fleetTooSmall(needed: Int32, capable: Int32, devicesPerNode: Int32)
  /// Ranks of an earlier attempt may still run; the job is freed by proof or when the lease has passed.
  case fenced
  /// Enough nodes are free, and not where its segments, its level or its spread want them.
  case notInShape(needed: Int32, shape: String)

  public var kind: String {
    switch self {
    case .nodesBusy: "nodesBusy"
    case .fleetTooSmall: "fleetTooSmall"
    case .fenced: "fenced"
    case .notInShape: "topology"
    }
  }
  public var message: String {
    switch self {
    case .nodesBusy(let needed, let fitting, let ready, let total):
      "needs \(counted(needed, "node")); free now: \(fitting) (\(Self.ready(ready, of: total)))"
    case .fleetTooSmall(let needed, let capable, let devices):
      "needs \(counted(needed, "node"))\(devices > 0 ? " of \(counted(devices, "device"))" : ""); the fleet has \(counted(capable, "such node")), busy or not"
    case .notInShape(let needed, let shape):
      "enough nodes are free, not in its shape: it needs \(counted(needed, "node"))\(shape)"
    case .fenced: "ranks of the last attempt may still run on a silent node: waiting for proof or the end of its lease"
    }
  }
}

extension WaitReason {
  static func ready(_ ready: Int32, of nodes: Int32) -> String {
    "\(ready) of \(counted(nodes, "node")) \(nodes == 1 ? "is" : "are") ready"
  }
}

/// What a scheduler may look at.
public protocol FleetView: ~Copyable {
  var nodeCount: Int { get }
  /// Bit mask of the devices that a new member may get; nil when the node takes no work now.
  func free(_ node: NodeID) -> UInt64?
  func devices(_ node: NodeID) -> Int32
  func isReady(_ node: NodeID) -> Bool
  /// A job that asked to be alone has members there, or is about to.
  func isTakenAlone(_ node: NodeID) -> Bool
}

extension FleetView where Self: ~Copyable {
  public func isTakenAlone(_ node: NodeID) -> Bool { false }
}

/// Chooses nodes for one gang, all or none. A real scheduler fills this interface; this one takes the first nodes that
/// fit, in the order in which they joined.
public enum FirstFit {
  public static func place(_ request: PlacementRequest, in fleet: borrowing some FleetView & ~Copyable)
    -> PlacementAnswer
  {
    let needed = Int(request.nodes)
    var places = [Place?](repeating: nil, count: needed)
    var taken: Set<NodeID> = []
    for (i, node) in request.previous.prefix(needed).enumerated() {
      if !taken.contains(node), !fleet.isTakenAlone(node),
        let devices = pick(request.devicesPerNode, from: fleet.free(node))
      {
        places[i] = Place(node: node, devices: devices)
        taken.insert(node)
      }
    }
    var next = 0
    var (fitting, ready, capable): (Int32, Int32, Int32) = (Int32(taken.count), 0, 0)
    for i in 0..<fleet.nodeCount {
      let node = NodeID(Int32(i))
      if fleet.devices(node) >= request.devicesPerNode { capable += 1 }
      if fleet.isReady(node) { ready += 1 }
      guard !taken.contains(node), !fleet.isTakenAlone(node),
        let devices = pick(request.devicesPerNode, from: fleet.free(node))
      else { continue }
      fitting += 1
      while next < needed, places[next] != nil { next += 1 }
      guard next < needed else { break }
      places[next] = Place(node: node, devices: devices)
    }
    let chosen = places.compactMap { $0 }
    if chosen.count == needed { return .places(chosen) }
    if capable < request.nodes {
      return .waits(
        .fleetTooSmall(needed: request.nodes, capable: capable, devicesPerNode: request.devicesPerNode))
    }
    return .waits(
      .nodesBusy(needed: request.nodes, fitting: fitting, ready: ready, total: Int32(fleet.nodeCount)))
  }

  /// The lowest `count` free devices, or nil if there are fewer.
  private static func pick(_ count: Int32, from free: UInt64?) -> UInt64? {
    guard let free, free.nonzeroBitCount >= count else { return nil }
    return NodeChoice.lowest(count, of: free)
  }
}
