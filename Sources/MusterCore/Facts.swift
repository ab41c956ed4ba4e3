/// Something that happened, in the past tense, never taken back. State is a fold over facts; a fact carries every
/// decision already made, so `Cluster.apply` chooses nothing.
public struct Fact: Hashable, Sendable {
  public var at: Instant
  public var event: Event

  public init(at: Instant, _ event: Event) {
    self.at = at
    self.event = event
  }

  /// Every kind of fact there is. The number of a kind in the journal is `Event.kind`; it never changes and is never
  /// given to another kind.
  public enum Event: Hashable, Sendable {
    /// A controller opened the journal to write. Epochs count up by 1; messages of a lower one are refused.
    case controllerStarted(epoch: Int64)
    case nodeJoined(NodeJoined)
    /// The node's agent came back with another boot, address or set of devices.
    case nodeReturned(NodeJoined)
    /// It may be gone: its devices go to nobody.
    case nodeSuspected(node: NodeID, reason: String)
    /// Taken out of service on evidence (or after silence longer than a lease).
    case nodeIsolated(node: NodeID, onEvidence: Bool, reason: String)
    /// Its agent confirmed that nothing old runs: back in service.
    case nodeCleared(node: NodeID)
    case nodeDrainRequested(node: NodeID, reason: String)
    case nodeResumed(node: NodeID)
    /// A person vouched that nothing runs there any more.
    case nodeFenced(node: NodeID)
    case joinTokenCreated(JoinTokenCreated)
    /// Join tokens that expired before this moment are forgotten.
    case joinTokensForgotten(before: Instant)
    /// This machine is not let in again, whatever it shows.
    case nodeRevoked(node: NodeID, machine: String)
    /// What its agent says of it, in place of what it said before; sorted by key.
    case nodeLabelled(node: NodeID, labels: [Label])
    case jobSubmitted(JobSubmitted)
    case jobCancelRequested(job: JobID)
    /// It is not started before it is released.
    case jobHeld(job: JobID)
    case jobReleased(job: JobID)
    case attemptStarted(AttemptStarted)
    /// Every rank of the gang has been started.
    case gangStarted(attempt: AttemptID)
    /// A rank of the attempt said its first step, at `first`: what came before was its start.
    case stepsBegan(attempt: AttemptID, first: Instant)
    /// Its ranks are sent the signal that its job asked for some time before its walltime is over.
    case attemptWarned(AttemptWarned)
    /// Ranks of the attempt have said so long, in all, what they did instead of steps, up to `until`; zero: up to the fact's
    /// own moment.
    case statusTold(attempt: AttemptID, times: StatusTimes, until: Instant = .zero)
    case checkpointCommitted(attempt: AttemptID, step: Int64)
    case faultFound(Fault)
    /// It is about to end because another job takes its place.
    case attemptPreempted(attempt: AttemptID, by: JobID)
    /// No more work from here on; what still runs is being stopped.
    case attemptEnding(AttemptEnding)
    /// Nothing of this member runs any more; its devices are free.
    case memberStopped(member: MemberID, how: StopProof)
    case attemptEnded(AttemptEnded)
    case jobEnded(JobEnded)
    /// Idempotency keys given before this moment are forgotten.
    case keysForgotten(before: Instant)
    /// Silence of so many nodes at once that the fault is nearer home: no attempt ends for it yet.
    case silenceWithheld(silent: Int32, connected: Int32)
    /// A finished job left the hot state for the archive.
    case jobArchived(job: JobID)
    /// In place of what was declared before.
    case policyApplied(Policy)
    case maintenanceAdded(Maintenance)
    case maintenanceRemoved(id: Int64)
    /// Idle devices that the plan keeps for gangs that wait, by type, sorted by its name, in place of what was told before.
    /// It changes nobody's place: it is for the accounts.
    case placesKept([KeptDevices])
  }
}

/// Devices of one type, more than 0.
public struct KeptDevices: Hashable, Sendable {
  public var deviceType: String
  public var devices: Int32

  public init(deviceType: String, devices: Int32) {
    self.deviceType = deviceType
    self.devices = devices
  }
}

public struct NodeJoined: Hashable, Sendable {
  public var node: NodeID
  public var name: String
  /// Identity of the machine: stays over a reboot.
  public var machine: String
  /// Changes with every boot.
  public var boot: String
  public var devices: Int32
  public var deviceType: String
  public var cpus: Int32
  public var memoryBytes: Int64
  /// Where the gang's other nodes reach it.
  public var address: String

  public init(
    node: NodeID, name: String, machine: String, boot: String, devices: Int32, deviceType: String = "",
    cpus: Int32 = 1, memoryBytes: Int64 = 0, address: String = "127.0.0.1"
  ) {
    self.node = node
    self.name = name
    self.machine = machine
    self.boot = boot
    self.devices = devices
    self.deviceType = deviceType
    self.cpus = cpus
    self.memoryBytes = memoryBytes
    self.address = address
  }
}

public struct JobSubmitted: Hashable, Sendable {
  public var job: JobID
  public var spec: JobSpec
  /// Empty if the client gave none. A request for several jobs writes it on each.
  public var idempotencyKey: String
  /// Hash of the request that carried the key: the same key with another request is refused.
  public var requestHash: UInt64

  public init(job: JobID, spec: JobSpec, idempotencyKey: String = "", requestHash: UInt64 = 0) {
    self.job = job
    self.spec = spec
    self.idempotencyKey = idempotencyKey
    self.requestHash = requestHash
  }
}

/// One node's part of a placement.
public struct Place: Hashable, Sendable {
  public var node: NodeID
  /// Bit i: device i of the node is the member's alone.
  public var devices: UInt64

  public init(node: NodeID, devices: UInt64) {
    self.node = node
    self.devices = devices
  }
}

public struct AttemptStarted: Hashable, Sendable {
  public var attempt: AttemptID
  /// In rank order.
  public var places: [Place]
  /// The checkpoint to resume from; 0 is the beginning. From here on the previous attempt is old: its checkpoints no
  /// longer count.
  public var resumeStep: Int64

  public init(attempt: AttemptID, places: [Place], resumeStep: Int64) {
    self.attempt = attempt
    self.places = places
    self.resumeStep = resumeStep
  }
}

/// Why an attempt ends.
public enum Outcome: UInt8, CaseIterable, Hashable, Sendable {
  /// Every rank exited with 0.
  case finished = 0
  /// The job itself: a rank exited, was killed, ran out of memory or hung, without evidence against its node.
  case jobFault = 1
  /// A node, or Muster's own part of it.
  case nodeFault = 2
  case cancelled = 3
  case timedOut = 4
  /// The command cannot be executed: trying again is of no use.
  case unrunnable = 5
  /// Others need its place: it goes on later from its last checkpoint.
  case preempted = 6
}

public struct AttemptEnding: Hashable, Sendable {
  public var attempt: AttemptID
  public var outcome: Outcome
  /// Highest step that every rank said it had done (or any rank, where only one speaks); the resume step if none.
  public var lastStep: Int64
  /// First and last time a step was reported; zero if never.
  public var firstStepAt: Instant
  public var lastStepAt: Instant

  public init(attempt: AttemptID, outcome: Outcome, lastStep: Int64, firstStepAt: Instant, lastStepAt: Instant) {
    self.attempt = attempt
    self.outcome = outcome
    self.lastStep = lastStep
    self.firstStepAt = firstStepAt
    self.lastStepAt = lastStepAt
  }
}

public struct AttemptWarned: Hashable, Sendable {
  public var attempt: AttemptID
  public var signal: Int32
  public var walltimeEnd: Instant

  public init(attempt: AttemptID, signal: Int32, walltimeEnd: Instant) {
    self.attempt = attempt
    self.signal = signal
    self.walltimeEnd = walltimeEnd
  }
}

public struct AttemptEnded: Hashable, Sendable {
  public var attempt: AttemptID
  /// Attempts in a row that the job itself ended without a new step, this one included.
  public var strikes: Int32

  public init(attempt: AttemptID, strikes: Int32) {
    self.attempt = attempt
    self.strikes = strikes
  }
}

/// How we know that nothing of a member runs any more.
public enum StopProof: UInt8, CaseIterable, Hashable, Sendable {
  /// Its shim said so.
  case confirmed = 0
  /// Its agent saw the shim's namespace empty.
  case agentSaw = 1
  /// The engine, the BMC, a new boot of the machine, or a person.
  case provenDead = 2
  /// The lease and a second more have passed.
  case leaseOver = 3
}

public struct JobEnded: Hashable, Sendable {
  public var job: JobID
  public var state: JobState
  public var reason: String
  /// What `muster run` exits with: the first failing rank's code, 128 + signal, else 0 or 1.
  public var exitCode: Int32

  public init(job: JobID, state: JobState, reason: String, exitCode: Int32) {
    self.job = job
    self.state = state
    self.reason = reason
    self.exitCode = exitCode
  }
}
