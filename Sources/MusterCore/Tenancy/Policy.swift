/// What `muster apply` declares: where nodes stand, who may use how much, what priorities are called. One value, replaced
/// as a whole: what a file leaves out is kept by the client before it is sent.
public struct Policy: Hashable, Sendable {
  public var topology = TopologyPolicy()
  /// A parent stands before its children.
  public var projects: [ProjectPolicy] = []
  public var priorities: [PriorityClass] = []

  public init() {}
}

/// Where nodes stand. What is not declared here is taken from a node's own labels (`rack=r17`), else it lies in a domain
/// named `default`.
public struct TopologyPolicy: Hashable, Sendable {
  /// Outermost first, without nodes and devices; the last is the one that segments lie in. Empty: `rack` alone.
  public var levels: [String] = []
  public var places: [NodePlaces] = []

  public init(levels: [String] = [], places: [NodePlaces] = []) {
    self.levels = levels
    self.places = places
  }

  public var effectiveLevels: [String] { levels.isEmpty ? ["rack"] : levels }
}

/// Nodes of one domain.
public struct NodePlaces: Hashable, Sendable {
  /// The domain's name at each level, outermost first.
  public var domains: [String]
  /// As Slurm writes names: `node-[1-18]`.
  public var nodes: String
  /// Nodes of the domain that no job may use before others of it have failed.
  public var spares: Int32

  public init(domains: [String], nodes: String, spares: Int32 = 0) {
    self.domains = domains
    self.nodes = nodes
    self.spares = spares
  }
}

/// A project in the tree of projects, with what it is guaranteed and what it may use beyond that.
public struct ProjectPolicy: Hashable, Sendable {
  public var name: String
  /// Empty: the root.
  public var parent: String
  public var quotas: [DeviceQuota]
  /// Share of what is borrowed, against its siblings; at least 1.
  public var weight: Int32
  public var limits: UseLimits
  /// For each of its users.
  public var userLimits: UseLimits

  public init(
    name: String, parent: String = "", quotas: [DeviceQuota] = [], weight: Int32 = 1, limits: UseLimits = UseLimits(),
    userLimits: UseLimits = UseLimits()
  ) {
    self.name = name
    self.parent = parent
    self.quotas = quotas
    self.weight = weight
    self.limits = limits
    self.userLimits = userLimits
  }
}

/// Of one device type, in devices.
public struct DeviceQuota: Hashable, Sendable {
  /// Empty: of all types together.
  public var deviceType: String
  public var guaranteed: Int32
  /// Most that it may use beyond what it is guaranteed; nil: whatever is idle.
  public var borrowLimit: Int32?
  /// Most of its guarantee that others may use while it is idle; nil: all.
  public var lendLimit: Int32?

  public init(deviceType: String = "", guaranteed: Int32, borrowLimit: Int32? = nil, lendLimit: Int32? = nil) {
    self.deviceType = deviceType
    self.guaranteed = guaranteed
    self.borrowLimit = borrowLimit
    self.lendLimit = lendLimit
  }
}

/// Most at the same time; nil is no limit.
public struct UseLimits: Hashable, Sendable {
  public var runningJobs: Int32?
  public var devices: Int32?
  /// Longest walltime that a job may ask for; with it a job must ask for one.
  public var walltime: Span?

  public init(runningJobs: Int32? = nil, devices: Int32? = nil, walltime: Span? = nil) {
    self.runningJobs = runningJobs
    self.devices = devices
    self.walltime = walltime
  }
}

extension Policy {
  /// What a job of a project is held to, innermost first: the limits of its project and of those above it, each followed by
  /// those of one user in it (`user` is empty for all of a project's jobs).
  func limits(ofProject name: String, user: String) -> [(limits: UseLimits, project: String, user: String)] {
    var found: [(limits: UseLimits, project: String, user: String)] = []
    var name = name
    // Parents stand before their children: the way up is a way back.
    for project in projects.reversed() where project.name == name {
      name = project.parent
      found += [(project.limits, project.name, ""), (project.userLimits, project.name, user)]
    }
    return found
  }
}

/// A name for a priority.
public struct PriorityClass: Hashable, Sendable {
  public var name: String
  public var value: Int32
  /// Whether jobs of it may stop others of lower priority.
  public var preempts: Bool

  public init(name: String, value: Int32, preempts: Bool = true) {
    self.name = name
    self.value = value
    self.preempts = preempts
  }
}

/// A time in which nodes take no work.
public struct Maintenance: Hashable, Sendable {
  public var id: Int64
  public var from: Instant
  public var to: Instant
  /// As Slurm writes names; empty: by `level` and `domain`.
  public var nodes: String
  /// A level of the topology and the name of one of its domains; both empty where nodes are named, or for all nodes.
  public var level: String
  public var domain: String
  public var reason: String

  public init(
    id: Int64, from: Instant, to: Instant, nodes: String = "", level: String = "", domain: String = "",
    reason: String = ""
  ) {
    self.id = id
    self.from = from
    self.to = to
    self.nodes = nodes
    self.level = level
    self.domain = domain
    self.reason = reason
  }
}
