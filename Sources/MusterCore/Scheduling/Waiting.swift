/// Why a job waits, and when it should start. What `why`, the queue and the page say; nobody computes it a second time.
public struct Waiting: Hashable, Sendable {
  public struct Cause: Hashable, Sendable {
    /// Closed and documented: see docs/scheduling.md.
    public var kind: String
    public var message: String

    public init(kind: String, message: String) {
      self.kind = kind
      self.message = message
    }
  }

  public var causes: [Cause]
  /// nil: not known, or behind what can be foreseen.
  public var start: Instant?
  /// Not on this fleet, whatever ends and returns.
  public var isNever = false

  public init(causes: [Cause], start: Instant? = nil, isNever: Bool = false) {
    self.causes = causes
    self.start = start
    self.isNever = isNever
  }
}

/// What keeps a job from being planned at all.
enum Unready: Hashable, Sendable {
  case held
  case dependency(Dependency, JobState)
  /// The state of the job that it depends on can no longer become what it asks for.
  case dependencyNever(Dependency, JobState)
  case singleton(JobID)
  case notBefore(Instant)
  case arrayLimit(array: JobID, running: Int32, limit: Int32)
  /// Of jobs that run at the same time, for one that asks for no devices; the planner says it of the others.
  case jobLimit(QuotaBook.Label, most: Int32)
  /// A level of the topology that is not declared any more.
  case noSuchLevel(String)
  /// Its last attempts ended on nodes within moments of their start.
  case pausing(until: Instant, attempts: Int32)
  /// The controller is about to end.
  case quiet

  /// - Parameter shown: a job as people name it.
  func cause(_ shown: (JobID) -> String) -> Waiting.Cause {
    switch self {
    case .held: Waiting.Cause(kind: "held", message: "is on hold: `muster release` lets it go")
    case .dependency(let dependency, let state):
      Waiting.Cause(
        kind: "dependency",
        message: "waits for \(dependency.text(shown)); job \(shown(dependency.job)) \(state.predicate)")
    case .dependencyNever(let dependency, let state):
      Waiting.Cause(
        kind: "dependencyNever",
        message:
          "waits for \(dependency.text(shown)), which cannot come true any more: job \(shown(dependency.job)) \(state.predicate)"
      )
    case .singleton(let other):
      Waiting.Cause(
        kind: "dependency", message: "is a singleton: job \(shown(other)) of the same name and user is not finished")
    case .notBefore(let at):
      Waiting.Cause(kind: "begin", message: "is not to start before \(at.rfc3339)")
    case .arrayLimit(let array, let running, let limit):
      Waiting.Cause(kind: "arrayLimit", message: Self.message(array: array, running: running, limit: limit))
    case .jobLimit(let label, let most):
      Waiting.Cause(kind: "quota", message: label.message(needed: 1, left: 0, most: most))
    case .noSuchLevel(let level):
      Waiting.Cause(
        kind: "topology",
        message:
          "asks for a place within or over a \"\(level)\", and the topology has no such level: `muster apply` declares it, or cancel the job"
      )
    case .pausing(_, let attempts):
      Waiting.Cause(
        kind: "pausing",
        message:
          "its last \(counted(attempts, "attempt")) ended on nodes within moments of the start, before any step: the next one waits up to a minute"
      )
    case .quiet: Waiting.Cause(kind: "stopping", message: "the controller is about to end: nothing new starts")
    }
  }

  /// Others may be before it where fewer run than may.
  private static func message(array: JobID, running: Int32, limit: Int32) -> String {
    let those = "\(counted(limit, "task")) of array \(array)"
    return running < limit
      ? "only \(those) may run at the same time, and others are before it"
      : "\(counted(running, "task")) of array \(array) \(running == 1 ? "runs" : "run"), and no more may run at the same time"
  }

  /// Whatever ends and returns: only another policy lets it start.
  var isNever: Bool { if case .jobLimit(_, 0) = self { true } else { false } }

  /// Nothing but its begin is in its way.
  var isBeginAlone: Bool { if case .notBefore = self { true } else { false } }

  /// When time alone changes it.
  var until: Instant {
    switch self {
    case .notBefore(let at), .pausing(let at, _): at
    default: .never
    }
  }
}

extension Dependency {
  /// As a job file says it.
  public var text: String { text { "\($0)" } }

  /// - Parameter shown: a job as people name it.
  func text(_ shown: (JobID) -> String) -> String {
    kind == .singleton ? "singleton" : "\(kind):\(shown(job))" + (task.map { "_\($0)" } ?? "")
  }

  /// A job in this state can no longer become what is asked of it.
  func isHopeless(_ state: JobState) -> Bool {
    switch kind {
    case .afterok: state.isFinal && state != .completed
    case .afternotok: state == .completed
    case .after, .afterany, .singleton: false
    }
  }
}

extension Controller {
  /// nil: the scheduler may place it.
  func unready(_ slot: Int32) -> Unready? {
    var first: Unready?
    visitUnready(slot) { why in
      first = why
      return false
    }
    return first
  }

  /// All that keeps it from being planned, for people. The scheduler needs the first.
  func allUnready(_ slot: Int32) -> [Unready] {
    var all: [Unready] = []
    visitUnready(slot) { why in
      all.append(why)
      return true
    }
    return all
  }

  /// - Parameter visit: false: it has seen enough.
  private func visitUnready(_ slot: Int32, _ visit: (Unready) -> Bool) {
    let job = cluster.jobs[slot]
    if isQuiet, !visit(.quiet) { return }
    if let pause = pause(slot), pause.until > now,
      !visit(.pausing(until: pause.until, attempts: pause.attempts))
    {
      return
    }
    if job.isHeld, !visit(.held) { return }
    if job.devicesPerNode == 0, !cluster.policy.projects.isEmpty, let why = overJobLimit(slot), !visit(why) { return }
    guard !cluster.specs[Int(slot)].wishes.isEmpty || cluster.specs[Int(slot)].hasRoles else { return }
    let wishes = cluster.specs[Int(slot)].wishes
    // What has run once waits for nothing but a place.
    guard job.attempt == 0 else { return }
    for dependency in wishes.dependsOn { if let why = unmet(dependency, slot), !visit(why) { return } }
    for place in [wishes] + cluster.specs[Int(slot)].further.map(\.wishes) {
      if let level = unknownLevel(place), !visit(.noSuchLevel(level)) { return }
    }
    if let (array, room) = arrayRoom(slot), room <= 0, let limit = wishes.array?.atOnce,
      !visit(.arrayLimit(array: array, running: limit - room, limit: limit))
    {
      return
    }
    if wishes.begin > now { _ = visit(.notBefore(wishes.begin)) }
  }

  /// What is said of a job that is not planned; nil: it is, or only its begin is in its way.
  func waitingUnready(_ slot: Int32, isPlanned: Bool) -> Waiting? {
    let all = allUnready(slot)
    guard let first = all.first, !(first.isBeginAlone && isPlanned) else { return nil }
    var causes = all.prefix(Self.mostUnready).map { $0.cause { cluster.shown($0) } }
    if all.count > causes.count {
      let more = all.count - causes.count
      causes.append(Waiting.Cause(kind: all[causes.count].kind.rawValue, message: "and waits for \(more) more such"))
    }
    // Time alone brings it about where nothing else is in its way.
    let until = all.map(\.until).max() ?? .never
    return Waiting(causes: causes, start: until == .never ? nil : until, isNever: all.contains(where: \.isNever))
  }

  /// Each is told by name: a job may depend on all tasks of an array.
  private static var mostUnready: Int { 16 }

  private func overJobLimit(_ slot: Int32) -> Unready? {
    let (spec, projects) = (cluster.specs[Int(slot)], cluster.policy.projects)
    for (limits, project, user) in cluster.policy.limits(ofProject: spec.project, user: spec.user) {
      guard let most = limits.runningJobs else { continue }
      var (names, running): (Set<String>, Int32) = ([], 0)
      for below in projects where below.name == project || names.contains(below.parent) {
        names.insert(below.name)
        running += cluster.activeOf[Cluster.Tenant(project: below.name, user: user)] ?? 0
      }
      // Others are being stopped for these.
      for claim in claims where claim.job != cluster.jobs[slot].id {
        guard let other = cluster.slot(of: claim.job) else { continue }
        let own = cluster.specs[Int(other)]
        if names.contains(own.project), user.isEmpty || own.user == user { running += 1 }
      }
      if running >= most { return .jobLimit(QuotaBook.Label(project: project, user: user, what: .jobs), most: most) }
    }
    return nil
  }

  /// Of a task of an array with a limit: the array, and how many of its tasks may start beside those that run.
  func arrayRoom(_ slot: Int32) -> (array: JobID, room: Int32)? {
    guard let task = cluster.specs[Int(slot)].wishes.array, task.atOnce > 0 else { return nil }
    // One that has run before has its place among them.
    guard cluster.jobs[slot].attempt == 0 else { return nil }
    let array = task.array(of: cluster.jobs[slot].id)
    return (array, task.atOnce - (cluster.startedOfArray[array.number] ?? 0))
  }

  /// A level that the job names and the topology does not have (any more).
  func unknownLevel(_ wishes: Wishes) -> String? {
    if wishes.within == nil, wishes.spread == nil { return nil }
    let levels = cluster.policy.topology.effectiveLevels
    return [wishes.within?.level, wishes.spread?.level].compactMap { $0 }.first { !levels.contains($0) }
  }

  private func unmet(_ dependency: Dependency, _ slot: Int32) -> Unready? {
    if dependency.kind == .singleton { return earlierNamesake(slot).map { .singleton($0) } }
    // Archived: it ended well enough long ago to be forgotten; only its success is not known any more.
    guard let other = cluster.slot(of: dependency.job) else { return nil }
    let state = cluster.jobs[other].state
    if dependency.isHopeless(state) { return .dependencyNever(dependency, state) }
    let isMet = state.isFinal || (dependency.kind == .after && cluster.jobs[other].startedAt > .zero)
    return isMet ? nil : .dependency(dependency, state)
  }

  /// The first of those that wait or run.
  private func earlierNamesake(_ slot: Int32) -> JobID? {
    let (id, spec) = (cluster.jobs[slot].id, cluster.specs[Int(slot)])
    func isNamesake(_ other: Int32) -> Bool {
      cluster.jobs[other].id < id && cluster.specs[Int(other)].name == spec.name
        && cluster.specs[Int(other)].user == spec.user
    }
    if let running = cluster.active.first(where: { isNamesake(cluster.attempts[$0].jobSlot) }) {
      return cluster.jobs[cluster.attempts[running].jobSlot].id
    }
    return cluster.pending.first(where: isNamesake).map { cluster.jobs[$0].id }
  }

  /// A job whose attempts end on nodes within moments of their start is started ever more seldom: a broken installation
  /// must not fill the journal. A node that is lost takes itself out of service: that is no reason to wait. Nil: no pause.
  private func pause(_ slot: Int32) -> (until: Instant, attempts: Int32)? {
    let latest = cluster.jobs[slot].latestAttempt
    guard latest >= 0 else { return nil }
    var (attempt, streak) = (latest, Int32(0))
    while attempt >= 0, streak < 10 {
      let state = cluster.attempts[attempt]
      guard state.phase == .ended, state.outcome == .nodeFault, state.lastStep <= state.resumeStep,
        state.endingAt - state.startedAt < limits.shortAttempt, !lostNode(slot, state.number)
      else { break }
      streak += 1
      attempt = state.previous
    }
    guard streak > limits.freeRestarts else { return nil }
    let seconds = min(limits.longestPause.nanoseconds / 1_000_000_000, 1 << Int64(streak - limits.freeRestarts - 1))
    return (cluster.attempts[latest].endedAt + .seconds(seconds), streak)
  }

  private func lostNode(_ slot: Int32, _ attempt: Int32) -> Bool {
    var next = cluster.jobs[slot].latestFault
    while next >= 0 {
      let fault = cluster.faults[next].fault
      if fault.attempt.number == attempt {
        switch fault.cause {
        case .nodeDied, .nodeSilent, .nodeRevoked: return true
        default: break
        }
      }
      next = cluster.faults[next].previous
    }
    return false
  }
}
