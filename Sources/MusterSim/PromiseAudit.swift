import MusterCore

/// Whether what a round starts leaves the first of those that wait its place, judged from the facts alone.
///
/// When a round is taken, the start that can be held for that job is found anew, by looking at when each device is given
/// back. What the round then starts behind it must leave it room enough by that time, however late it comes back; and
/// while only such jobs start, that time does not move from one round to the next. The times at which nodes come back are the walltimes' ends; which nodes serve is the core's
/// memory, not a fact, so the harness looks at it.
///
/// Not judged: a round in which the first job is one that asks for certain nodes or times or has several roles, in which
/// something is kept for others, in which projects are declared or maintenance is planned; and what starts after
/// something happened to a node or an agent's connection.
struct PromiseAudit: Sendable {
  struct Promise: Sendable {
    var job: Int64
    /// The latest start that can be held for it: the edge of the planner's calendar behind the last end that it waits for.
    var start: Instant
    /// By node.
    var serving: [Bool]
    var disturbances: Int
  }

  /// Of the round that is on its way: the first that waits, if it cannot start yet.
  var promise: Promise?
  /// The earliest start that was promised to the first that waits since anything but starts behind it happened.
  var standing: Promise?
  /// What happens now is the round's doing.
  var isOfRound = false
  /// Starts that were looked at.
  var judged = 0
  /// By job: its first start, what of the time since then does not count, its last checkpoint, its attempts.
  var firstStart: [Int64: Instant] = [:]
  var uncounted: [Int64: Span] = [:]
  var checkpointAt: [Int64: Instant] = [:]
  var attempts: [Int64: Int32] = [:]
  var began: [Int64: Instant] = [:]
  /// By attempt that is being stopped: since when, and why as it is known by now.
  var endingAt: [AttemptID: Instant] = [:]
  var endingWhy: [AttemptID: Outcome] = [:]
  /// The last attempt was stopped for another job.
  var wasPreempted: Set<Int64> = []
  var lastMaintenance: Instant = .zero

  mutating func forget() { (promise, standing) = (nil, nil) }

  mutating func see(_ fact: Fact) {
    switch fact.event {
    case .checkpointCommitted(let attempt, _): checkpointAt[attempt.job.number] = fact.at
    case .attemptEnding(let ending):
      if endingAt[ending.attempt] == nil { endingAt[ending.attempt] = fact.at }
      endingWhy[ending.attempt] = ending.outcome
      if ending.outcome == .preempted {
        wasPreempted.insert(ending.attempt.job.number)
      } else {
        wasPreempted.remove(ending.attempt.job.number)
      }
    case .attemptEnded(let end): (endingAt[end.attempt], endingWhy[end.attempt]) = (nil, nil)
    case .maintenanceAdded(let window): lastMaintenance = max(lastMaintenance, window.to)
    case .attemptStarted(let start):
      let job = start.attempt.job.number
      if firstStart[job] == nil { firstStart[job] = fact.at }
      if wasPreempted.remove(job) != nil, let began = began[job] {
        uncounted[job, default: .zero] =
          uncounted[job, default: .zero] + (fact.at - max(began, checkpointAt[job] ?? .zero))
      }
      began[job] = fact.at
      attempts[job, default: 0] += 1
    default: break
    }
  }
}

extension SharingAudit {
  mutating func seePromises(_ fact: Fact) {
    guard case .attemptEnding(let ending) = fact.event else { return promises.see(fact) }
    let before = end(ending.attempt, now: .zero)
    promises.see(fact)
    // Its walltime was over, and it has its grace.
    if end(ending.attempt, now: .zero) > before { promises.standing = nil }
  }

  /// A round is taken: what can it hold for the first that waits?
  /// - Parameters:
  ///   - unit: the planner's calendar has edges at its multiples.
  ///   - horizon: how far that calendar reaches.
  ///   - serving: by node, whether it takes work.
  /// - Returns: what broke since the last one.
  mutating func roundTaken(at now: Instant, unit: Span, horizon: Span, serving: [Bool]) -> Failure? {
    promises.promise = nil
    defer { if promises.promise == nil { promises.standing = nil } }
    guard policy.projects.isEmpty, preemptions.kept.isEmpty, promises.lastMaintenance <= now else { return nil }
    let busy = busyUntil(now)
    for job in waiting.sorted(by: isBefore) {
      guard let spec = specs[job], !held.contains(job) else { continue }
      guard isJudged(job, spec) else { return nil }
      guard spec.role.devicesPerNode > 0 else { continue }
      let start = earliest(spec.role, busy, serving)
      // Nothing can be foreseen for it, so that nothing is held.
      if start == .never { continue }
      // Where nobody has what it needs it starts; what should be over by now is not yet free.
      guard start <= now + horizon - unit, !fits(spec.role, at: .zero, busy, serving) else { return nil }
      let units = (max(start.nanoseconds - 1, now.nanoseconds)) / unit.nanoseconds + 1
      let promise = PromiseAudit.Promise(
        job: job, start: Instant(nanoseconds: units * unit.nanoseconds), serving: serving,
        disturbances: preemptions.disturbances)
      promises.promise = promise
      return moved(promise, now)
    }
    return nil
  }

  /// While nothing happens but that jobs behind it start, a promise does not move later.
  private mutating func moved(_ promise: PromiseAudit.Promise, _ now: Instant) -> Failure? {
    // One that should be over by now moves it with the clock.
    let isLate = live.keys.contains { end($0, now: .zero) <= now }
    guard let old = promises.standing, old.job == promise.job, old.disturbances == promise.disturbances, !isLate else {
      promises.standing = isLate ? nil : promise
      return nil
    }
    if promise.start < old.start { promises.standing = promise }
    guard promise.start > old.start else { return nil }
    return Failure(
      invariant: .promiseHolds,
      detail: """
        job \(promise.job), first of those that wait, can start \((promise.start - old.start).milliseconds) ms later than \
        it could when an earlier round was taken
        """,
      job: promise.job)
  }

  /// The round is back: what starts until `roundIsOver` is its doing.
  mutating func roundReturned() { promises.isOfRound = true }

  /// - Returns: starts of the round that were looked at.
  mutating func roundIsOver() -> Int {
    defer { (promises.isOfRound, promises.promise, promises.judged) = (false, nil, 0) }
    return promises.judged
  }

  private func isBefore(_ a: Int64, _ b: Int64) -> Bool {
    let (x, y) = (specs[a]?.priority ?? 0, specs[b]?.priority ?? 0)
    return x != y ? x > y : a < b
  }

  /// One that ended on nodes again and again may pause: nobody says so.
  private func isJudged(_ job: Int64, _ spec: JobSpec) -> Bool {
    var wishes = spec.wishes
    (wishes.isHeld, wishes.warning, wishes.priorityClass) = (false, nil, "")
    return wishes.isEmpty && spec.further.isEmpty && promises.attempts[job, default: 0] <= 3
  }

  // MARK: What is free when

  /// When an attempt is surely over, if it ends as it said; of one that is being stopped: after the grace that it has for
  /// that reason.
  private func end(_ attempt: AttemptID, now: Instant) -> Instant {
    guard let spec = specs[attempt.job.number] else { return .never }
    if let at = promises.endingAt[attempt], let why = promises.endingWhy[attempt] {
      switch why {
      case .cancelled, .timedOut, .preempted: return max(now, at + spec.stop.grace)
      case .finished, .jobFault, .nodeFault, .unrunnable: return max(now, at + spec.restart.grace)
      }
    }
    guard let walltime = spec.walltime, let first = promises.firstStart[attempt.job.number] else { return .never }
    return max(now, first + walltime + promises.uncounted[attempt.job.number, default: .zero])
  }

  /// By node and device: until when somebody has it.
  private func busyUntil(_ now: Instant) -> [[Instant]] {
    var busy = devicesOfNode.map { [Instant](repeating: .zero, count: $0) }
    for (attempt, gang) in live {
      let end = end(attempt, now: now)
      for place in gang.places {
        let node = Int(place.node.index)
        for device in busy[node].indices where place.devices & (1 << UInt64(device)) != 0 {
          busy[node][device] = max(busy[node][device], end)
        }
      }
    }
    return busy
  }

  /// Part of a node for a gang of one; else whole nodes with the same number of devices.
  private func earliest(_ role: RoleSpec, _ busy: [[Instant]], _ serving: [Bool]) -> Instant {
    var best = Instant.never
    for devices in Set(busy.map(\.count)) where devices >= Int(role.devicesPerNode) {
      let isPart = role.nodes == 1 && devices > Int(role.devicesPerNode)
      let needed = isPart ? Int(role.devicesPerNode) : devices
      let ends = busy.indices.filter { $0 < serving.count && serving[$0] && busy[$0].count == devices }
        .map { busy[$0].sorted()[needed - 1] }.sorted()
      if ends.count >= Int(role.nodes) { best = min(best, ends[Int(role.nodes) - 1]) }
    }
    return best
  }

  private func fits(_ role: RoleSpec, at time: Instant, _ busy: [[Instant]], _ serving: [Bool]) -> Bool {
    busy.indices.count { node in
      node < serving.count && serving[node] && busy[node].count { $0 <= time } >= Int(role.devicesPerNode)
    } >= Int(role.nodes)
  }

  // MARK: What starts

  /// Before the start is counted: nil where there is nothing to judge.
  mutating func promiseAtStake(_ job: Int64, isRestart: Bool) -> PromiseAudit.Promise? {
    let first = promises.promise?.job ?? promises.standing?.job
    guard promises.isOfRound, !isRestart, let first, isBefore(first, job), isPlanned(job) else {
      // Restarts come before everybody, and the round that is on its way does not know of them.
      promises.forget()
      return nil
    }
    guard let promise = promises.promise, preemptions.kept.isEmpty, waiting.contains(promise.job),
      promise.disturbances == preemptions.disturbances
    else { return nil }
    return promise
  }

  /// Roles without devices find their places when the job starts; alone on their nodes they have devices that nobody planned.
  private func isPlanned(_ job: Int64) -> Bool {
    guard let spec = specs[job] else { return false }
    let roles = [(spec.role, spec.wishes)] + spec.further.map { ($0.role, $0.wishes) }
    return roles.contains { $0.0.devicesPerNode > 0 }
      && !roles.contains { $0.0.devicesPerNode == 0 && $0.1.isExclusive }
  }

  /// After it: the first that waits must still find its place in time.
  mutating func promiseBroken(_ promise: PromiseAudit.Promise, by attempt: AttemptID, at now: Instant) -> Failure? {
    guard let role = specs[promise.job]?.role else { return nil }
    promises.judged += 1
    let start = max(promise.start, now)
    guard !fits(role, at: start, busyUntil(now), promise.serving) else { return nil }
    let gang = live.removeValue(forKey: attempt)
    let before = busyUntil(now)
    live[attempt] = gang
    guard fits(role, at: start, before, promise.serving) else { return nil }
    let end = end(attempt, now: now)
    let until = end == .never ? "for ever" : "for \((end - now).milliseconds) ms"
    return Failure(
      invariant: .promiseHolds,
      detail: """
        \(attempt) starts \(until), and job \(promise.job), first of those that wait, no longer finds \(role.nodes) \
        nodes of \(role.devicesPerNode) in \((start - now).milliseconds) ms
        """,
      job: promise.job)
  }
}
