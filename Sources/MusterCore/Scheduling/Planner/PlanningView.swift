/// What the planner looks at: a compact copy, taken at one moment, that the writer need not wait for.
public struct PlanningView: Sendable {
  public var now: Instant
  /// By leaf of the topology: the nodes that may serve, busy or free. The others count only in "can never run".
  public var nodesInService: [Int32]
  public var running: [RunningGang]
  /// Nodes in service of which running jobs use parts: those of `RunningGang.Place.part`.
  public var sharedNodes: [SharedNode]
  public var maintenance: [MaintenanceWindow]
  public var quotas: QuotaRules
  /// What `PendingGang.filter` points to.
  public var filters: [NodeFilter]
  public var mode = PlanningMode.all
  /// Who may be stopped.
  package var victims = VictimTable()

  public init(
    now: Instant, nodesInService: [Int32], running: [RunningGang] = [], sharedNodes: [SharedNode] = [],
    maintenance: [MaintenanceWindow] = [], quotas: QuotaRules = QuotaRules(), filters: [NodeFilter] = []
  ) {
    self.now = now
    self.nodesInService = nodesInService
    self.running = running
    self.sharedNodes = sharedNodes
    self.maintenance = maintenance
    self.quotas = quotas
    self.filters = filters
  }
}

public struct LeafNodes: Hashable, Sendable {
  /// Index in `Topology.leaves`.
  public var leaf: Int32
  public var nodes: Int32

  public init(leaf: Int32, nodes: Int32) {
    self.leaf = leaf
    self.nodes = nodes
  }
}

public struct RunningGang: Hashable, Sendable {
  public enum Place: Hashable, Sendable {
    /// Whole nodes in service (those out of service are in nobody's count).
    case whole([LeafNodes])
    /// Devices of one node of `PlanningView.sharedNodes`.
    case part(sharedNode: Int32, devices: Int32)
    /// Devices of nodes that take no more work: nothing comes back of them, and quotas count them.
    case away(deviceType: Int32, devices: Int32)
  }

  /// Index in `QuotaRules.accounts`; -1: charged to nobody.
  public var project: Int32
  public var place: Place
  /// Start plus walltime; `.never` is unlimited. One that is over its time ends with the first bucket.
  public var end: Instant
  /// One of the entries of a gang that has several.
  public var isCounted = true

  public init(project: Int32, place: Place, end: Instant, isCounted: Bool = true) {
    self.project = project
    self.place = place
    self.end = end
    self.isCounted = isCounted
  }
}

public struct SharedNode: Hashable, Sendable {
  public var leaf: Int32
  /// For `NodeChoice`; the planner only counts.
  public var node: NodeID

  public init(leaf: Int32, node: NodeID) {
    self.leaf = leaf
    self.node = node
  }
}

/// Leaves that nothing may be held on for a while, or some of the nodes of one.
public struct MaintenanceWindow: Hashable, Sendable {
  /// Leaves `leaves.lowerBound` up to, not including, `leaves.upperBound`.
  public var leaves: Range<Int32>
  public var from: Instant
  public var to: Instant
  /// Nodes of each leaf; nil: all of them.
  public var nodes: Int32?
  /// With `nodes`: the shared nodes of the view that are among them.
  public var sharedNodes: [Int32]

  public init(leaves: Range<Int32>, from: Instant, to: Instant, nodes: Int32? = nil, sharedNodes: [Int32] = []) {
    self.leaves = leaves
    self.nodes = nodes
    self.sharedNodes = sharedNodes
    self.from = from
    self.to = to
  }
}
