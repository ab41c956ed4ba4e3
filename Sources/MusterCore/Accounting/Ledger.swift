/// Where every GPU-millisecond of the fleet went: a fold over facts, beside the state and read from nothing else.
///
/// What jobs hold is kept as spans (an account, from when to when, of how many devices), so that any stretch of time can
/// be asked for; of jobs that ended long ago sums of hours are left (`PastJobs`); what nobody holds as sums of minutes. Each
/// side is added up on its own: that together they come to the capacity of the nodes that have joined is checked, not
/// arranged.
///
/// Work since a running attempt's last checkpoint is provisional. What is known of it is settled when the next attempt
/// begins or the job ends, and what then turns out to be lost is a `Restatement` with its date.
public struct Ledger: ~Copyable, Sendable {
  /// Milliseconds since 1970 up to which it has been added up.
  public internal(set) var now: Int64 = 0
  /// Of the first fact. Milliseconds since 1970.
  public internal(set) var begin: Int64 = 0
  /// Facts seen.
  public internal(set) var sequence: Int64 = 0
  public internal(set) var types: [String] = []
  /// By job number from 1: what its rows are grouped by.
  public internal(set) var jobs: [LedgerJob] = []
  /// Projects and users, by number.
  public internal(set) var names: [String] = []
  /// Attempts whose time is not settled, by job number; at most one each.
  var open: [Int64: OpenAttempt] = [:]
  public internal(set) var spans: [LedgerSpan] = []
  public internal(set) var restatements: [Restatement] = []
  var fleet = FleetLedger()
  var past = PastJobs()
  /// Nil: nothing is folded into sums.
  let keptDays: Int64?

  // Derived.
  var numberOfName: [String: Int32] = [:]
  var numberOfType: [String: Int32] = [:]

  /// - Parameter keptDays: jobs are kept as spans so many days after their end; nil: for ever. Only to compare the two:
  ///   a ledger that is read back has the default.
  public init(keptDays: Int64? = Ledger.keptDays) { self.keptDays = keptDays }

  /// How many restatements are kept; the oldest go first.
  static var restatementLimit: Int { 100_000 }

  /// One fact, and the state that it has led to.
  public mutating func apply(_ fact: borrowing Fact, _ cluster: borrowing Cluster) {
    let at = fact.at.milliseconds
    if at / Ledger.day > past.day { foldPast(day: at / Ledger.day) }
    // Once for all nodes that joined together.
    if fleet.windowsAreOld, at > now { fleet.windowsChanged(cluster, at: now) }
    advance(to: at)
    switch fact.event {
    case .jobSubmitted(let submitted): add(submitted)
    case .attemptStarted(let started): begin(started, cluster, at: at)
    case .attemptPreempted(let attempt, let by): open[attempt.job.number]?.gaveWayTo = by.number
    case .stepsBegan(let attempt, _): saysSteps(attempt)
    case .attemptEnding(let ending): if ending.firstStepAt != .zero { saysSteps(ending.attempt) }
    case .checkpointCommitted(let attempt, _):
      open[attempt.job.number]?.save(at: fact.at, cluster)
      jobs[Int(attempt.job.number) - 1].checkpoints += 1
    case .statusTold(let attempt, let times, let until):
      open[attempt.job.number]?.tell(times, until: until == .zero ? at : until.milliseconds)
    case .faultFound(let fault):
      if fault.cause.isHang { open[fault.attempt.job.number]?.isHung = true }
    case .attemptEnded(let ended): end(ended, cluster)
    case .memberStopped(let member, _): fleet.stopped(member, cluster)
    case .jobEnded(let ended):
      settle(ended.job, keptStep: nil, cluster, at: at)
      past.ended.append(PastJobs.Ended(job: ended.job.number, at: at))
      fleet.forgetClaim(of: ended.job.number)
    case .jobHeld(let job): fleet.forgetClaim(of: job.number)
    case .nodeJoined(let joined), .nodeReturned(let joined):
      fleet.set(joined.node, type: number(ofType: joined.deviceType), cluster)
    case .nodeSuspected(let node, _), .nodeIsolated(let node, _, _), .nodeCleared(let node),
      .nodeDrainRequested(let node, _), .nodeResumed(let node), .nodeFenced(let node):
      fleet.set(node, cluster)
    case .nodeRevoked(let node, _): fleet.revoke(node)
    case .maintenanceAdded, .maintenanceRemoved, .policyApplied, .nodeLabelled: fleet.windowsChanged(cluster, at: at)
    case .placesKept(let kept): fleet.keep(kept.map { ($0.devices, type: number(ofType: $0.deviceType)) })
    // It plans anew.
    case .controllerStarted: fleet.keep([])
    case .joinTokenCreated, .joinTokensForgotten, .jobCancelRequested, .jobReleased, .gangStarted,
      .attemptWarned, .keysForgotten, .silenceWithheld, .jobArchived:
      break
    }
    sequence += 1
  }

  /// Time passes, and nothing else. A time before `now` changes nothing.
  public mutating func advance(to at: Int64) {
    guard at > now else { return }
    // Nothing has joined before the first fact.
    if now == 0 { begin = at } else { fleet.advance(from: now, to: at) }
    now = at
  }

  // MARK: Jobs

  private mutating func add(_ submitted: JobSubmitted) {
    // A journal begins with job 1, and numbers have no gaps.
    jobs.append(
      LedgerJob(
        project: number(ofName: submitted.spec.project), user: number(ofName: submitted.spec.user)))
  }

  private mutating func saysSteps(_ attempt: AttemptID) { jobs[Int(attempt.job.number) - 1].saysSteps = true }

  private mutating func begin(_ started: AttemptStarted, _ cluster: borrowing Cluster, at: Int64) {
    let job = started.attempt.job
    settle(job, keptStep: started.resumeStep, cluster, at: at)
    fleet.forgetClaim(of: job.number)
    guard let slot = cluster.attemptSlot(started.attempt) else { return }
    var counts: [TypeCount] = []
    for place in started.places where place.devices != 0 {
      let type = fleet.hold(place)
      let count = Int32(place.devices.nonzeroBitCount)
      if let i = counts.firstIndex(where: { $0.type == type }) {
        counts[i].devices += count
      } else {
        counts.append(TypeCount(type: type, devices: count))
      }
    }
    guard !counts.isEmpty else { return }
    open[job.number] = OpenAttempt(number: started.attempt.number, slot: slot, held: counts, since: at)
  }

  private mutating func end(_ ended: AttemptEnded, _ cluster: borrowing Cluster) {
    let job = ended.attempt.job.number
    guard let attempt = open[job], attempt.number == ended.attempt.number else { return }
    fleet.release(attempt.slot, claimedBy: attempt.gaveWayTo, cluster)
  }

  /// What an attempt's work was worth is known.
  private mutating func settle(_ job: JobID, keptStep: Int64?, _ cluster: borrowing Cluster, at: Int64) {
    guard let attempt = open.removeValue(forKey: job.number) else { return }
    let told = attempt.toldWhileRunning(cluster, jobs[Int(job.number) - 1])
    let times = attempt.times(cluster, jobs[Int(job.number) - 1])
    let kept = keptStep ?? times.lastKeptStep(checkpointStep: attempt.checkpointStep(cluster))
    let split = AttemptSplit(times, keptStep: kept, until: times.endedAt)
    jobs[Int(job.number) - 1].count(split, times, attempt)
    let pieces = attempt.pieces(split, times)
    for (account, from, to) in pieces {
      for held in attempt.held {
        spans.append(
          LedgerSpan(job: job.number, from: from, to: to, devices: held.devices, type: held.type, account: account))
      }
    }
    for change in OpenAttempt.changes(told, pieces) {
      restatements.append(
        Restatement(
          at: at, job: job.number, attempt: attempt.number, from: change.from, to: change.to, was: change.was,
          account: change.account, gpuMilliseconds: (change.to - change.from) * attempt.devices))
    }
    if restatements.count > Ledger.restatementLimit + 1_000 {
      restatements.removeFirst(restatements.count - Ledger.restatementLimit)
    }
  }

  // MARK: Names

  private mutating func number(ofName name: String) -> Int32 {
    if let known = numberOfName[name] { return known }
    numberOfName[name] = Int32(names.count)
    names.append(name)
    return Int32(names.count - 1)
  }

  private mutating func number(ofType name: String) -> Int32 {
    if let known = numberOfType[name] { return known }
    numberOfType[name] = Int32(types.count)
    types.append(name)
    return Int32(types.count - 1)
  }
}

/// So many devices of a job were for one account. Milliseconds since 1970.
public struct LedgerSpan: Hashable, Sendable {
  public var job: Int64
  public var from: Int64
  public var to: Int64
  public var devices: Int32
  /// In `Ledger.types`.
  public var type: Int32
  public var account: Account
}

/// Time that had been told in one account while its attempt ran, and is another's.
public struct Restatement: Hashable, Sendable {
  /// When that was known. Milliseconds since 1970, as the others.
  public var at: Int64
  public var job: Int64
  public var attempt: Int32
  public var from: Int64
  public var to: Int64
  public var was: Account
  /// What it is now.
  public var account: Account
  public var gpuMilliseconds: Int64
}

public struct TypeCount: Hashable, Sendable {
  /// In `Ledger.types`.
  public var type: Int32
  public var devices: Int32
}

/// An attempt whose time is not settled.
struct OpenAttempt: Hashable, Sendable {
  var number: Int32
  /// In `Cluster.attempts`.
  var slot: Int32
  var held: [TypeCount]
  /// Its start, milliseconds since 1970.
  var since: Int64
  var isHung = false
  /// The job that takes its place; 0: none.
  var gaveWayTo: Int64 = 0
  /// The last checkpoint that was accepted of it.
  var checkpointAt: Instant = .zero
  /// Its last step as checkpoints told it: all that is known of its steps while it runs.
  var knownStep: Int64 = 0
  var knownStepAt: Instant = .zero
  /// What its ranks said that they did instead of steps, in order of time, each beginning where the one before ends; and so
  /// far in all.
  var told: [ToldSlot] = []
  var toldSoFar = StatusTimes()

  mutating func save(at: Instant, _ cluster: borrowing Cluster) {
    checkpointAt = at
    (knownStep, knownStepAt) = (cluster.attempt(slot).lastStep, cluster.attempt(slot).lastStepAt)
  }

  /// The accounts of a whole attempt, in order of time. What was said in work that is lost is lost with it; behind the last
  /// step of one that ended well it is what ranks said.
  func pieces(_ split: AttemptSplit, _ times: AttemptTimes) -> [Piece] {
    var split = split
    // Steps are counted as if each took as long, and what a checkpoint holds was done when it was there. Ranks that said that
    // they saved did so until then.
    if split.kept < split.worked, checkpointAt != .zero {
      split.kept = max(split.began, min(checkpointAt, hasSaidSave ? split.worked : split.kept))
    }
    return split.accounts(times).flatMap { account, from, to -> [Piece] in
      let (from, to) = (from.milliseconds, to.milliseconds)
      if account == .productive || account == .unattributed { return carve(account, from, to) }
      return from < to ? [(account, from, to)] : []
    }
  }

  var devices: Int64 { held.reduce(0) { $0 + Int64($1.devices) } }

  func checkpointStep(_ cluster: borrowing Cluster) -> Int64 {
    cluster.job(cluster.attempt(slot).jobSlot).checkpointStep
  }

  func times(_ cluster: borrowing Cluster, _ job: LedgerJob) -> AttemptTimes {
    var times = AttemptTimes(cluster.attempt(slot))
    times.saysSteps = job.saysSteps
    times.isHung = isHung
    times.checkpointAt = checkpointAt
    return times
  }
}

extension Fault.Cause {
  var isHang: Bool {
    switch self {
    case .hangStopped, .hangBusy, .hangBlocked, .hangUnknown: true
    case .exitCode, .signal, .outOfMemory, .shimDied, .nodeSilent, .nodeDied, .cannotExecute, .shimNotStarted,
      .leaseExpired, .nodeRevoked:
      false
    }
  }
}

extension Instant {
  /// Whole milliseconds since 1970: where spans meet, they meet at the same one.
  var milliseconds: Int64 { nanoseconds / 1_000_000 }
}
