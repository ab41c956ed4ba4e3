/// What a person asked for, validated and with every default filled in. Immutable once submitted, so that a newer
/// version reads an older journal without deciding anything again.
public struct JobSpec: Hashable, Sendable {
  public var name: String
  /// Who it is for. Default `default`.
  public var project: String
  /// As the client states it: unproven until there is sign-in.
  public var user: String
  /// Higher first. Default 0.
  public var priority: Int32
  /// The gang; of a job with several roles the first one.
  public var role: RoleSpec
  /// Further roles, in their order: each its own gang, all started together or none.
  public var further: [FurtherRole] = []
  /// Longest time from the start of the first attempt; nil is unlimited.
  public var walltime: Span?
  public var restart: RestartPolicy
  public var stop: StopPolicy
  /// Steps between the checkpoints that the job says it makes; 0 if it does not say. For reports only.
  public var checkpointEvery: Int64
  /// Bytes kept of each rank's log: its beginning and its end. Default 64 MiB.
  public var logLimitBytes: Int64
  public var wishes: Wishes
  /// What it computes, if it says so.
  public var model: ModelSpec?

  public init(
    name: String, project: String = "default", user: String, priority: Int32 = 0, role: RoleSpec,
    walltime: Span? = nil, restart: RestartPolicy = RestartPolicy(), stop: StopPolicy = StopPolicy(),
    checkpointEvery: Int64 = 0, logLimitBytes: Int64 = JobSpec.defaultLogLimitBytes, wishes: Wishes = Wishes()
  ) {
    self.name = name
    self.project = project
    self.user = user
    self.priority = priority
    self.role = role
    self.walltime = walltime
    self.restart = restart
    self.stop = stop
    self.checkpointEvery = checkpointEvery
    self.logLimitBytes = logLimitBytes
    self.wishes = wishes
  }

  public static let defaultLogLimitBytes: Int64 = 64 << 20
}

/// A role beside the first one.
public struct FurtherRole: Hashable, Sendable {
  public var role: RoleSpec
  /// Of its place. (What the first role asks of its place, and the job of its time, is in `JobSpec.wishes`.)
  public var wishes: Wishes

  public init(role: RoleSpec, wishes: Wishes) {
    self.role = role
    self.wishes = wishes
  }
}

/// A part of a job with its own shape.
public struct RoleSpec: Hashable, Sendable {
  /// Default `main`.
  public var name: String
  /// Nodes placed together, all or none. Default 1.
  public var nodes: Int32
  /// Devices of each node that only this job uses. Default 0.
  public var devicesPerNode: Int32
  /// Processes on each node. Default max(1, devicesPerNode).
  public var ranksPerNode: Int32
  /// CPU cores of each node; 0 is no limit.
  public var cpus: Int32
  /// Bytes of memory of each node; 0 is no limit. Over it the kernel kills.
  public var memoryBytes: Int64
  /// Program and arguments; the program is looked up in the job's PATH unless it has a slash.
  public var command: [String]
  /// Sorted by name.
  public var environment: [EnvironmentVariable]
  /// Absolute; the same path on every node.
  public var workingDirectory: String

  public init(
    name: String = "main", nodes: Int32 = 1, devicesPerNode: Int32 = 0, ranksPerNode: Int32? = nil, cpus: Int32 = 0,
    memoryBytes: Int64 = 0, command: [String], environment: [EnvironmentVariable] = [], workingDirectory: String
  ) {
    self.name = name
    self.nodes = nodes
    self.devicesPerNode = devicesPerNode
    self.ranksPerNode = ranksPerNode ?? max(1, devicesPerNode)
    self.cpus = cpus
    self.memoryBytes = memoryBytes
    self.command = command
    self.environment = environment
    self.workingDirectory = workingDirectory
  }

  public var worldSize: Int32 { nodes * ranksPerNode }
}

public struct EnvironmentVariable: Hashable, Sendable {
  public var name: String
  public var value: String
  public init(name: String, value: String) {
    self.name = name
    self.value = value
  }
}

public struct RestartPolicy: Hashable, Sendable {
  /// Attempts in a row that the job itself may end with no new step before it fails. Faults of nodes never count.
  public var limit: Int32
  /// Quiet time that counts as a hang; nil: learned from the job's own steps.
  public var hangAfter: Span?
  /// How long survivors of a fault may take to stop before they are killed. Default 1 s.
  public var grace: Span
  public var fence: FencePolicy

  public init(
    limit: Int32 = 3, hangAfter: Span? = nil, grace: Span = .seconds(1), fence: FencePolicy = .auto
  ) {
    self.limit = limit
    self.hangAfter = hangAfter
    self.grace = grace
    self.fence = fence
  }
}

/// When the next attempt may start while ranks of the last one may still run on a node that fell silent.
public enum FencePolicy: UInt8, CaseIterable, Hashable, Sendable {
  /// `attempt` if the job ever had a checkpoint accepted, else `strict`; decided when the attempt ends.
  case auto = 0
  /// On other nodes, once the survivors have confirmed their stop.
  case attempt = 1
  /// Only when the silent node's lease has surely ended or its death is proven.
  case strict = 2
}

/// How ranks are stopped on cancel and preemption.
public struct StopPolicy: Hashable, Sendable {
  /// A signal number. Default 15 (TERM).
  public var signal: Int32
  /// From the signal to SIGKILL. Default 30 s.
  public var grace: Span

  public init(signal: Int32 = 15, grace: Span = .seconds(30)) {
    self.signal = signal
    self.grace = grace
  }
}
