/// The core as a host drives it: the durable state, the watch over what is not durable, and the decisions. Each command
/// is decided and applied at once; the facts wait in `fresh` until the host has made them durable. Nothing may leave the
/// host before that: not an answer, an intent or an event.
///
/// Pure and deterministic: no clock, no I/O, no chance. Same state, same command, same `now`: same facts.
public struct Controller: ~Copyable, Sendable {
  public internal(set) var cluster: Cluster
  public let limits: Limits
  var watch = Watch()
  /// Facts applied but not yet durable, in order; the host takes them.
  public internal(set) var fresh: [Fact] = []
  /// What the host must send anew once the facts are durable.
  public internal(set) var dirty = Dirty()
  var now: Instant
  let startedAt: Instant
  var mustSchedule = false
  /// Only for gangs without devices, and those that a place is kept for.
  var mustStartPlain = false
  /// When time alone may let a job start: the end of a pause, a begin time, a place that is held from then on.
  var nextLook = Instant.never
  /// A round would say something new.
  var isPlanOld = false
  /// What has happened since the last round was taken.
  var since = SinceRound()
  var roundsTaken = 0
  /// Whose turn it is among those behind what a round looks at.
  var rotation = QueueRotation()
  /// The last round that came back.
  var lastPlan: Plan?
  var fleetMap = FleetMap()
  var mapVersion = 0
  var isMapOld = true
  var feasible = Feasible()
  /// Jobs that had a place in a round and did not get it. Asked, never iterated.
  var dropped: Set<JobID> = []
  /// How often in a row a job's start was dropped, and rounds that it was left out of since.
  var drops: [JobID: Int] = [:]
  /// Rounds in a row in which that happened.
  var dropsInARow = 0
  /// Places that others are leaving, in the order in which they were chosen.
  var claims: [Claim] = []
  /// What their places were chosen by has changed since.
  var areClaimsOld = false
  /// Devices of claims, by node. Asked, never iterated.
  var claimed: [Int32: UInt64] = [:]
  /// Nodes of claims on which their gangs are to be alone. Asked, never iterated.
  var claimedAlone: Set<Int32> = []
  /// Devices that count as free while a claim's place is named, by node.
  var vacated: [Int32: UInt64] = [:]
  /// Attempts, by slot, that count as gone meanwhile. Asked, never iterated.
  var leaving: Set<Int32> = []
  /// As of the last round.
  var minimumRuns = MinimumRuns()
  var kept = KeptPlaces()
  /// Why jobs are being cancelled, where that is more than a person's wish. Asked, never iterated.
  var cancelReasons: [JobID: String] = [:]
  var nextForgetting: Instant = .zero
  /// The host is about to end: nothing new starts.
  var isQuiet = false
  /// Test-only: a fact that cannot be is named here and left out, instead of stopping the program.
  package var keepsImpossible = false
  package private(set) var impossible: String?
  /// Test-only: see `PlantedCoreBug`.
  package var planted: PlantedCoreBug?

  public init(cluster: consuming Cluster, limits: Limits = Limits(), now: Instant) {
    self.now = max(now, cluster.lastFactAt)
    self.startedAt = self.now
    self.cluster = cluster
    self.limits = limits
    watch.attention.look(now: self.now)
  }

  /// The host sends `tick` at least this often.
  public static let tickInterval = Attention.tick

  /// Nodes whose intent, and members whose order, may differ from what was last sent. Duplicates are harmless.
  public struct Dirty: Sendable {
    public internal(set) var nodes: [NodeID] = []
    public internal(set) var members: [MemberID] = []
    public var isEmpty: Bool { nodes.isEmpty && members.isEmpty }
  }

  /// What a command came to. Tell it only when the facts are durable.
  public enum Reply: Sendable, Hashable {
    case done
    case jobs([JobID])
    /// The number of a new join token.
    case token(Int64)
    case refused(Refusal)
  }

  /// Runs one command at the host's time; time that goes back is held.
  public mutating func handle(_ command: Command, now host: Instant) -> Reply {
    now = max(now, host)
    watch.attention.look(now: now)
    let reply = decide(command)
    if mustSchedule || mustStartPlain { schedule() }
    return reply
  }

  /// The facts since the last call; the host makes them durable.
  public mutating func takeFresh() -> [Fact] {
    defer { fresh.removeAll(keepingCapacity: true) }
    return fresh
  }

  public mutating func takeDirty() -> Dirty {
    defer { dirty = Dirty() }
    return dirty
  }

  /// Records and applies a fact.
  mutating func note(_ event: Fact.Event) {
    let fact = Fact(at: now, event)
    if keepsImpossible, let why = cluster.objection(to: fact) {
      impossible = impossible ?? "fact \(cluster.sequence + 1) (\(event)): \(why)"
      return
    }
    switch event {
    case .nodeReturned(let joined):
      let known = cluster.nodeDetails[Int(joined.node.index)].joined
      // Another machine: the one before may have been revoked.
      if known.devices != joined.devices || known.deviceType != joined.deviceType || known.machine != joined.machine {
        isMapOld = true
      }
    case .nodeJoined, .nodeRevoked, .maintenanceRemoved: isMapOld = true
    case .nodeLabelled, .policyApplied, .maintenanceAdded:
      isMapOld = true
      areClaimsOld = true
    case .nodeSuspected(let node, _), .nodeIsolated(let node, _, _), .nodeDrainRequested(let node, _):
      // A claim that it is part of is lost: the rest of its place is others'.
      if claimed[node.index] != nil { mustSchedule = true }
    default: break
    }
    since.see(event)
    cluster.apply(fact)
    fresh.append(fact)
  }

  private mutating func decide(_ command: Command) -> Reply {
    switch command {
    case .start: start()
    case .submit(let specs, let key, let hash): return arrive(specs, key: key, requestHash: hash)
    case .cancel(let job, let reason): return cancel(job, reason)
    case .hold(let job): return hold(job)
    case .release(let job): return release(job)
    case .applyPolicy(let policy): return apply(policy: policy)
    case .addMaintenance(let window): return add(window)
    case .removeMaintenance(let id): return removeMaintenance(id)
    case .drain(let node, let reason): return drain(node, reason: reason)
    case .resume(let node): return resume(node)
    case .fence(let node): return fence(node)
    case .createToken(let hash, let lifetime): return createToken(secretHash: hash, lifetime: lifetime)
    case .admit(let token, let hash, let name, let machine):
      return admit(token: token, secretHash: hash, name: name, machine: machine)
    case .revoke(let node): return revoke(node)
    case .agentHello(let hello, let labels, let pid): return agentHello(hello, labels: labels, pid: pid)
    case .agentReport(let node, let members): agentReport(node, members)
    case .agentGone(let node): agentGone(node)
    case .shimReport(let member, let report): shimReport(member, report)
    case .shimGone(let member): shimGone(member)
    case .nodeDied(let node, let evidence): nodeDied(node, evidence: evidence)
    case .commitPlan(let plan): commitPlan(plan)
    case .commitQuick(let plan): commitQuick(plan)
    case .quiesce: isQuiet = true
    case .stopAll: for attempt in cluster.active { endAttempt(attempt, .nodeFault) }
    case .tick: tick()
    }
    return .done
  }

  private mutating func start() {
    note(.controllerStarted(epoch: cluster.epoch + 1))
    for slot in cluster.active where planted != .timerLostOverRestart {
      for member in cluster.memberSlots(ofAttempt: slot) where !cluster.members[member].stopped { expect(member) }
    }
    for i in cluster.nodes.indices {
      _ = watch.node(NodeID(Int32(i)))
      watch.nodes[i].lastBeat = watch.attention.clock(now) + limits.firstWord
      guard planted != .timerLostOverRestart else { continue }
      for member in cluster.memberSlots(onNode: NodeID(Int32(i))) { expect(member) }
    }
    mustSchedule = true
  }

  /// From here on a member is expected to speak; its first word may take longer than a beat.
  mutating func expect(_ slot: Int32) {
    _ = watch.member(slot, id: cluster.memberID(slot), now: now)
    watch.members[Int(slot)]?.lastBeat = watch.attention.clock(now) + limits.firstWord
    watch.members[Int(slot)]?.lastAcknowledged = now
  }
}

/// What a host may ask of the core.
public enum Command: Sendable {
  /// A controller opened the journal; the first command of its life.
  case start
  case submit([JobSpec], key: String, requestHash: UInt64)
  /// `reason`: what its user reads. It is kept in memory until the job has ended: a controller that starts in between
  /// says "cancelled" alone.
  case cancel(JobID, reason: String = "cancelled")
  case hold(JobID)
  case release(JobID)
  case applyPolicy(Policy)
  /// Its number is ignored: the core gives one.
  case addMaintenance(Maintenance)
  case removeMaintenance(id: Int64)
  case drain(node: String, reason: String)
  case resume(node: String)
  case fence(node: String)
  case createToken(secretHash: String, lifetime: Span)
  /// May a machine that shows this token be certified under that name?
  case admit(token: Int64, secretHash: String, name: String, machine: String)
  case revoke(node: String)
  /// `joined.node` is ignored: the core knows the name, or gives a number.
  /// `labels` are sorted by key.
  case agentHello(NodeJoined, labels: [Label] = [], pid: Int32)
  case agentReport(node: NodeID, [AgentMember])
  case agentGone(node: NodeID)
  case shimReport(MemberID, ShimReport)
  case shimGone(MemberID)
  /// The engine that gave the node says that all its processes are gone.
  case nodeDied(node: String, evidence: String)
  /// A round has come back.
  case commitPlan(Plan)
  /// What became free since a round was offered at once.
  case commitQuick(QuickPlan)
  /// The host is about to end: nothing new starts from here on.
  case quiesce
  /// Stops every rank; the jobs wait and go on from their checkpoints when a controller starts again.
  case stopAll
  case tick
}

/// Why a command was not done; nothing has changed.
public enum Refusal: Error, Sendable, Hashable {
  /// Whether asking again is of no use, whatever happens.
  public var isFinal: Bool { if case .revoked = self { true } else { false } }

  case noSuchJob(JobID)
  case noSuchTask(Int32, array: JobID)
  case noSuchNode(String)
  case jobHasEnded(JobID, JobState)
  case jobNotPending(JobID, JobState)
  case queueFull(limit: Int)
  case fleetFull(limit: Int)
  case keyReused(key: String)
  /// Another machine under a name that is in use.
  case otherMachine(node: String)
  case nodeInUse(node: String, state: NodeState)
  case revoked(node: String)
  /// A node has heard a later controller of this journal: this one is an old copy, or a second one.
  case olderController(epoch: Int64, seen: Int64)
  case tokenUnknown
  case tokenExpired
  case tooManyTokens(limit: Int)
  /// All tasks of an array together, with all that each of them lists.
  case submissionTooLarge(bytes: Int, limit: Int)
  /// The fleet could never run it, whatever ends and returns.
  case impossible(job: String, why: String)
  /// Of the projects' and users' limits.
  case walltimeOverLimit(job: String, who: String, limit: Span, asked: Span?)
  /// What it asks of `other` cannot come true any more; `task` is the index of that one in the array that was named.
  case dependencyNever(job: String, dependency: Dependency, other: JobID, task: Int32?, state: JobState)
  case noSuchPriority(String, known: [String])
  case noSuchMaintenance(Int64)
  case maintenanceIsPast
  case tooManyMaintenances(limit: Int)
  case noSuchLevel(String, known: [String])
  case noSuchDomain(String, level: String)

  public var code: String {
    switch self {
    case .noSuchJob, .noSuchTask, .noSuchNode, .noSuchMaintenance: "notFound"
    case .jobHasEnded: "jobHasEnded"
    case .jobNotPending: "jobNotPending"
    case .queueFull: "queueFull"
    case .fleetFull: "fleetFull"
    case .keyReused: "idempotencyKeyReused"
    case .otherMachine: "otherMachine"
    case .nodeInUse: "nodeInUse"
    case .revoked: "revoked"
    case .olderController: "olderController"
    case .tokenUnknown: "tokenUnknown"
    case .tokenExpired: "tokenExpired"
    case .tooManyTokens: "tooManyTokens"
    case .impossible: "impossible"
    case .walltimeOverLimit: "walltimeOverLimit"
    case .dependencyNever: "dependencyNever"
    case .submissionTooLarge: "submissionTooLarge"
    case .noSuchPriority: "noSuchPriority"
    case .maintenanceIsPast: "maintenanceIsPast"
    case .tooManyMaintenances: "tooManyMaintenances"
    case .noSuchLevel: "noSuchLevel"
    case .noSuchDomain: "noSuchDomain"
    }
  }

  public var message: String {
    switch self {
    case .noSuchJob(let job): "job \(job) does not exist"
    case .noSuchTask(let index, let array): "array \(array) has no task \(index), or is none"
    case .noSuchNode(let node): "node \"\(node)\" does not exist"
    case .jobHasEnded(let job, let state): "job \(job) has ended already: \(state)"
    case .jobNotPending(let job, let state): "job \(job) \(state.predicate): only a pending job is held or released"
    case .queueFull(let limit): "\(limit) jobs are not finished: that is the limit"
    case .fleetFull(let limit): "the fleet has \(limit) nodes: that is the limit"
    case .keyReused(let key): "Idempotency-Key \"\(key)\" was used for another request in the last day"
    case .otherMachine(let node): "another machine is known as \"\(node)\""
    case .nodeInUse(let node, let state): "node \"\(node)\" is \(state): what runs there is known and answers"
    case .revoked(let node): "node \"\(node)\" was revoked: its key is not let in again"
    case .olderController(let epoch, let seen):
      "this controller's epoch is \(epoch), and one of epoch \(seen) has been heard here"
    case .tokenUnknown: "this controller made no such join token"
    case .tokenExpired: "the join token has expired"
    case .tooManyTokens(let limit): "\(limit) join tokens are valid: that is the limit"
    case .submissionTooLarge(let bytes, let limit):
      "these jobs come to \(bytes >> 20) MiB with all that each of them lists; \(limit >> 20) MiB are the limit of a request"
    case .impossible(let job, let why): "job \"\(job)\" can never run on this fleet: it \(why)"
    case .walltimeOverLimit(let job, let who, let limit, let asked):
      "job \"\(job)\" asks for \(asked.map { "\($0.seconds) s" } ?? "no walltime"); jobs of \(who) may run \(limit.seconds) s at most"
    case .dependencyNever(let job, let dependency, let other, let task, let state):
      "job \"\(job)\" is to wait for \(dependency.text), which cannot come true any more: "
        + (task.map { "task \(dependency.job)_\($0) (job \(other))" } ?? "job \(other)") + " \(state.predicate)"
    case .noSuchMaintenance(let id): "maintenance \(id) does not exist"
    case .maintenanceIsPast: "the maintenance would be over already"
    case .tooManyMaintenances(let limit): "\(limit) maintenances are planned: that is the limit"
    case .noSuchLevel(let level, _): "the topology has no level \"\(level)\""
    case .noSuchDomain(let domain, let level): "there is no \(level) \"\(domain)\""
    case .noSuchPriority(let name, _): "no priority has the name \"\(name)\""
    }
  }

  public var remedy: String {
    switch self {
    case .noSuchJob: "`muster jobs --all` lists the jobs there are"
    case .noSuchTask: "`muster jobs --all` shows tasks as ARRAY_INDEX, e.g. 41_3"
    case .noSuchNode: "`muster nodes` lists the nodes there are"
    case .jobHasEnded: "nothing is left to do"
    case .jobNotPending: "`muster cancel` ends a job that runs"
    case .queueFull: "wait until jobs have finished, or cancel some"
    case .fleetFull: "remove nodes that are gone"
    case .keyReused: "use a new key for a new request"
    case .otherMachine: "give this node another name, or `muster fence NODE --confirm-dead` if the old machine is gone"
    case .revoked:
      "if the machine is trusted again, remove its DIR/identity and join with a new token; then `muster resume NODE`"
    case .olderController:
      "end the second controller; after restoring an old backup make the workers new (docs/operations.md)"
    case .tokenUnknown, .tokenExpired: "make a new one with `muster token create`"
    case .tooManyTokens: "wait until some have expired"
    case .submissionTooLarge: "submit fewer tasks at once, or name fewer nodes, variables or dependencies in each"
    case .impossible:
      "ask for what the fleet has (`muster nodes`, `muster topology`) and its project may use (`muster quota`), or change that first"
    case .walltimeOverLimit(_, _, let limit, _): "give a walltime of \(limit.seconds) s or less, and checkpoint in time"
    case .dependencyNever(_, let dependency, _, _, _):
      "name a job that \(dependency.kind == .afterok ? "has completed" : "has failed"), or one that is not over yet; "
        + "`afterany:\(dependency.job)` holds however a job ends"
    case .noSuchMaintenance: "`muster maintenance list` lists those there are"
    case .maintenanceIsPast: "give a time that ends later than now, and later than it begins"
    case .tooManyMaintenances: "remove some with `muster maintenance remove`"
    case .noSuchLevel(_, let known): "its levels are \(known.joined(separator: ", ")): `muster apply` declares them"
    case .noSuchDomain(_, let level):
      "`muster apply` says which nodes lie in which \(level), or their agents do with --label \(level)=NAME"
    case .noSuchPriority(_, let known):
      known.isEmpty
        ? "no priority has a name yet: `muster apply` gives some, and numbers may always be used"
        : "there are \(known.joined(separator: ", ")); numbers may be used, too"
    case .nodeInUse: "`muster drain NODE` takes it out of service; fence is for nodes that do not answer"
    }
  }
}
