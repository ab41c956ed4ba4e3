/// Why a command was not done; nothing has changed.
public enum Refusal: Error, Sendable, Hashable {
  /// Whether asking again is of no use, whatever happens.
  public var isFinal: Bool { if case .revoked = self { true } else { false } }

  case noSuchJob(JobID)
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
  case noSuchPriority(String, known: [String])
  case noSuchMaintenance(Int64)
  case maintenanceIsPast
  case tooManyMaintenances(limit: Int)
  case noSuchLevel(String, known: [String])
  case noSuchDomain(String, level: String)

  public var code: String {
    switch self {
    case .noSuchJob, .noSuchNode, .noSuchMaintenance: "notFound"
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
    case .noSuchNode(let node): "node \"\(node)\" does not exist"
    case .jobHasEnded(let job, let state): "job \(job) has ended already: \(state)"
    case .jobNotPending(let job, let state): "job \(job) is \(state): only a pending job is held or released"
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
