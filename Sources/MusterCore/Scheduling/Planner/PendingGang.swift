/// A gang that waits for a place. The caller puts them in order of priority.
public struct PendingGang: Hashable, Sendable {
  /// A domain that the gang must or would like to lie in.
  public struct Scope: Hashable, Sendable {
    /// Index in `Topology.levels`.
    public var level: Int
    /// Not required: the gang starts no later for it. (The tightest domain that holds it is taken in any case.)
    public var isRequired: Bool

    public init(level: Int, isRequired: Bool = true) {
      self.level = level
      self.isRequired = isRequired
    }
  }

  /// At most so many nodes in one domain of a level.
  public struct SpreadLimit: Hashable, Sendable {
    /// Index in `Topology.levels`.
    public var level: Int
    public var atMost: Int32

    public init(level: Int, atMost: Int32) {
      self.level = level
      self.atMost = atMost
    }
  }

  /// At least 1.
  public var nodes: Int32
  /// At least 1; a gang may use parts of nodes.
  public var devicesPerNode: Int32
  /// Nodes of each chunk that lies in one leaf; `nodes` must be a multiple. 1 asks for nothing.
  public var segment: Int32
  public var within: Scope?
  /// Indices in `Topology.deviceTypes`, best first: the type with the earliest start, of equal ones the first. Empty: all.
  public var deviceTypes: [Int32]
  /// nil is unlimited.
  public var walltime: Span?
  /// Not before; `.zero` asks for nothing.
  public var begin: Instant
  /// Index in `QuotaRules.accounts`; -1: charged to nobody.
  public var project: Int32
  /// It may use parts of several nodes, and nodes of several types: else a gang of several nodes takes whole nodes of one.
  public var mayMix = false
  /// Whole nodes, also where it uses fewer devices than they have.
  public var isExclusive = false
  public var spread: SpreadLimit?
  /// Index in `PlanningView.filters`; -1: any node.
  public var filter: Int32 = -1
  public var priority: Int32 = 0
  /// It may take the place of gangs of lower priority.
  public var mayPreempt = false
  /// Whose place it may take that has its own priority.
  var turns = TurnRights()
  /// Of `ProjectTree`; below 0 for a project that nobody declared.
  package var owner: Int32 = -1
  /// Of the same job as the gang before it in the list: both start together or neither.
  public var joins = false
  /// It has waited so long that nodes are kept for it even where its start cannot be foreseen.
  public var isOverdue = false

  public init(
    nodes: Int32, devicesPerNode: Int32, segment: Int32 = 1, within: Scope? = nil, deviceTypes: [Int32] = [],
    walltime: Span?, begin: Instant = .zero, project: Int32 = -1
  ) {
    self.nodes = nodes
    self.devicesPerNode = devicesPerNode
    self.segment = segment
    self.within = within
    self.deviceTypes = deviceTypes
    self.walltime = walltime
    self.begin = begin
    self.project = project
  }
}
