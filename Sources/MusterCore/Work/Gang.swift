extension Controller {
  /// A shim told the whole present state of its member.
  mutating func shimReport(_ told: MemberID, _ report: ShimReport) {
    var id = told
    if planted == .staleReportBelieved, let job = cluster.slot(of: told.attempt.job) {
      id.attempt.number = cluster.jobs[job].attempt
    }
    guard let slot = cluster.memberSlot(id), !cluster.members[slot].stopped else {
      dirty.members.append(id)  // an old attempt: it is told to stop, then released
      return
    }
    guard isOfMember(slot, report) else { return }
    var seen = watch.member(slot, id: id, now: now)
    let before = seen.report
    seen.connected = true
    seen.lastBeat = watch.attention.clock(now)
    seen.isWithheld = false
    seen.lastAcknowledged = now
    seen.report = report
    watch.members[Int(slot)] = seen
    let attempt = cluster.members[slot].attemptSlot
    if before?.state != report.state {
      dirty.members.append(id)
      _ = watch.attempt(attempt, id: id.attempt)
      watch.attempts[Int(attempt)]?.count(from: before?.state, to: report.state)
      if before == nil { watch.attempts[Int(attempt)]?.heard += 1 }
    }

    noteProgress(attempt, member: slot, before: before, report)
    switch cluster.attempts[attempt].phase {
    case .starting, .running: follow(attempt, member: slot, report)
    case .stopping, .ended:
      restateEarlierExit(attempt, member: slot, report)
      if report.state == .stopped || report.state == .failed { stopped(slot, .confirmed) }
    }
  }

  /// Whether the ranks are the member's own, each once: a shim that says otherwise is not believed at all.
  private func isOfMember(_ slot: Int32, _ report: ShimReport) -> Bool {
    let member = cluster.members[slot]
    let own = cluster.specs[Int(cluster.attempts[member.attemptSlot].jobSlot)].ranks(ofMember: member.index)
    var (next, end) = (own.lowerBound, own.upperBound)
    for rank in report.ranks {
      guard rank.rank >= next, rank.rank < end else { return false }
      next = rank.rank + 1
    }
    return true
  }

  mutating func shimGone(_ id: MemberID) {
    guard let slot = cluster.memberSlot(id), watch.knownMember(slot, id: id) != nil else { return }
    // An ended connection is not yet silence: the shim dials again at once.
    watch.members[Int(slot)]?.connected = false
  }

  /// An attempt that is starting or running.
  private mutating func follow(_ attempt: Int32, member slot: Int32, _ report: ShimReport) {
    if report.state == .failed {
      cannotStart(attempt, member: slot, report)
    } else if report.problem?.code == "leaseExpired" {
      // Before the ranks' own ends: it was the shim that killed them.
      leaseExpired(attempt, member: slot, report)
    } else if let bad = report.firstBadEnd {
      rankEndedBadly(attempt, member: slot, bad)
    } else {
      advance(attempt)
      if report.state == .stopped, cluster.attempts[attempt].phase == .running { stopped(slot, .confirmed) }
    }
  }

  /// Two phases: all prepared, then all go.
  private mutating func advance(_ attempt: Int32) {
    guard cluster.attempts[attempt].phase == .starting else { return }
    let id = cluster.attemptID(attempt)
    let count = cluster.attempts[attempt].memberCount
    // Counted, not looked through: each of a gang's thousands of shims comes by here several times.
    var seen = watch.attempt(attempt, id: id)
    if !seen.released, seen.prepared == count || seen.started > 0 {
      seen.ports = ports(attempt)
      if !seen.ports.contains(0) {
        seen.released = true
        dirty.members.append(contentsOf: cluster.memberSlots(ofAttempt: attempt).map { cluster.memberID($0) })
      }
      watch.attempts[Int(attempt)] = seen
    }
    if seen.started == count {
      note(.gangStarted(attempt: id))
      for slot in cluster.memberSlots(ofAttempt: attempt)
      where watch.knownMember(slot, id: cluster.memberID(slot))?.report?.state == .stopped {
        stopped(slot, .confirmed)
      }
    }
  }

  /// The first member of each role holds its port; after a controller's restart its word is all that is left of "go".
  private func ports(_ attempt: Int32) -> [Int32] {
    let job = Int(cluster.attempts[attempt].jobSlot)
    let members = cluster.memberSlots(ofAttempt: attempt)
    func port(heldBy member: Int32) -> Int32 {
      watch.knownMember(member, id: cluster.memberID(member))?.report?.port ?? 0
    }
    guard cluster.specs[job].hasRoles else { return members.first.map { [port(heldBy: $0)] } ?? [] }
    var index = 0
    return cluster.specs[job].roles.map { role in
      defer { index += Int(role.nodes) }
      return port(heldBy: members[index])
    }
  }

  /// Steps, checkpoints and statuses.
  private mutating func noteProgress(
    _ attempt: Int32, member slot: Int32, before: ShimReport?, _ report: ShimReport
  ) {
    let id = cluster.attemptID(attempt)
    let job = cluster.attempts[attempt].jobSlot
    var seen = watch.attempt(attempt, id: id)
    let stepping = steppingRanks(attempt)
    seen.longestWait = max(seen.longestWait, report.longestWait(since: before, below: stepping))
    let earlier = seen.statuses
    for (i, rank) in report.ranks.enumerated() where rank.rank < stepping {
      seen.statuses.formMaximum(rank.statusTimes)
      if rank.stepsSaid > 0, rank.isNewStep(after: before, at: i) {
        seen.statusesAtStep.formMaximum(rank.statusTimesAtStep)
      }
      if let step = rank.step {
        let at = now - rank.stepAge
        // The shim remembers the first one, over a controller's restart.
        let first = now - (rank.firstStepAge ?? rank.stepAge)
        if seen.firstStepAt == .zero || first < seen.firstStepAt { seen.firstStepAt = first }
        seen.lastStepAt = max(seen.lastStepAt, at)
        seen.hang.saw(
          rank: rank.rank, step: step, count: rank.stepsSaid, status: rank.status, at: watch.attention.clock(at),
          now: watch.attention.clock(now))
        if rank.longestStep > watch.longestStep[id.job.number] ?? .zero {
          watch.longestStep[id.job.number] = rank.longestStep
        }
      }
    }
    watch.attempts[Int(attempt)] = seen
    // Only the latest attempt's checkpoints count: an attempt is old once its successor has its resume step.
    let isCurrent = cluster.jobs[job].latestAttempt == attempt && cluster.attempts[attempt].phase != .ended
    guard isCurrent || planted == .oldCheckpointAccepted else { return }
    if cluster.attempts[attempt].phase < .stopping, cluster.attempts[attempt].firstStepAt == .zero,
      seen.firstStepAt != .zero
    {
      // What was said before is the start's.
      if earlier.sum > .zero { tell(attempt, earlier, until: seen.firstStepAt) }
      note(.stepsBegan(attempt: id, first: seen.firstStepAt))
    }
    let newest = report.ranks.lazy.filter { $0.rank < stepping }.compactMap(\.checkpoint).max() ?? 0
    let isSaved = newest > cluster.jobs[job].checkpointStep
    if report.ranks.contains(where: { $0.waited != nil }) { compareWaits(attempt, isNow: isSaved) }
    tellStatuses(attempt, isNow: isSaved)
    if isSaved { note(.checkpointCommitted(attempt: id, step: newest)) }
  }

  /// Makes a fact of what ranks have said that they do instead of steps: at most one in `limits.statusTold`, in which a tenth
  /// of that is new.
  private mutating func tellStatuses(_ attempt: Int32, isNow: Bool) {
    let seen = watch.attempt(attempt, id: cluster.attemptID(attempt))
    let new = (seen.statuses - seen.statusesTold).sum
    let least = limits.statusTold
    guard isNow ? new > .zero : new.nanoseconds > least.nanoseconds / 10 && now - seen.statusesToldAt >= least else {
      return
    }
    tell(attempt, seen.statuses, until: .zero)
  }

  /// - Parameter until: zero: now.
  private mutating func tell(_ attempt: Int32, _ times: StatusTimes, until: Instant) {
    let id = cluster.attemptID(attempt)
    var seen = watch.attempt(attempt, id: id)
    note(.statusTold(attempt: id, times: times, until: until))
    (seen.statusesTold, seen.statusesToldAt) = (times, now)
    watch.attempts[Int(attempt)] = seen
  }

  /// What ranks said up to the last step is told apart from what they said behind it.
  private mutating func tellLastStatuses(_ attempt: Int32, lastStepAt: Instant) {
    let seen = watch.attempt(attempt, id: cluster.attemptID(attempt))
    var atStep = seen.statusesAtStep
    // Waits are compared over steps.
    (atStep.straggling, atStep.slowRank) = (seen.statuses.straggling, seen.statuses.slowRank)
    atStep.formMaximum(seen.statusesTold)
    if lastStepAt != .zero, seen.statuses.sum > .zero, lastStepAt > seen.statusesToldAt {
      tell(attempt, atStep, until: lastStepAt)
    }
    tellStatuses(attempt, isNow: true)
  }

  /// Ranks below this one make the job's steps and checkpoints: those of the first role.
  func steppingRanks(_ attempt: Int32) -> Int32 {
    cluster.specs[Int(cluster.attempts[attempt].jobSlot)].role.worldSize
  }

  /// The highest step that every rank that speaks has done; the resume step if none has spoken.
  func lastStep(_ attempt: Int32) -> Int64 {
    var lowest: Int64?
    let stepping = steppingRanks(attempt)
    for slot in cluster.memberSlots(ofAttempt: attempt) {
      for rank in watch.knownMember(slot, id: cluster.memberID(slot))?.report?.ranks ?? [] where rank.rank < stepping {
        if let step = rank.step { lowest = min(lowest ?? step, step) }
      }
    }
    let job = cluster.jobs[cluster.attempts[attempt].jobSlot]
    // A checkpoint of a step means that the step is done, even where a rank's own word is a beat old.
    let committed = job.latestAttempt == attempt ? job.checkpointStep : 0
    return max(lowest ?? 0, cluster.attempts[attempt].resumeStep, committed)
  }

  // MARK: Ending

  /// No more work; all that still runs is told to stop.
  mutating func endAttempt(_ attempt: Int32, _ outcome: Outcome) {
    guard attempt >= 0, cluster.attempts[attempt].phase < .stopping else { return }
    let id = cluster.attemptID(attempt)
    let steps = steps(attempt)
    compareWaits(attempt, isNow: true)
    // A gang's thousands of ranks are remembered only while it runs.
    watch.attempts[Int(attempt)]?.waits = nil
    tellLastStatuses(attempt, lastStepAt: steps.lastAt)
    note(
      .attemptEnding(
        AttemptEnding(
          attempt: id, outcome: outcome, lastStep: steps.last, firstStepAt: steps.firstAt, lastStepAt: steps.lastAt)))
    var seen = watch.attempt(attempt, id: id)
    let spec = cluster.specs[Int(cluster.attempts[attempt].jobSlot)]
    seen.stop = Watch.StopDeadline(
      confirmBy: watch.attention.clock(now) + stopOrder(outcome, spec).grace + limits.confirm)
    watch.attempts[Int(attempt)] = seen
    for slot in cluster.memberSlots(ofAttempt: attempt) {
      dirty.members.append(cluster.memberID(slot))
      guard !cluster.members[slot].stopped else { continue }
      let state = watch.knownMember(slot, id: cluster.memberID(slot))?.report?.state
      if state == .stopped || state == .failed { stopped(slot, .confirmed) }
    }
    settle(attempt)
  }

  func stopOrder(_ outcome: Outcome, _ spec: JobSpec) -> StopPolicy {
    switch outcome {
    case .cancelled, .timedOut: spec.stop
    case .preempted: StopPolicy(signal: spec.stop.signal, grace: min(spec.stop.grace, limits.preemptionGrace))
    case .finished, .jobFault, .nodeFault, .unrunnable: StopPolicy(signal: 15, grace: spec.restart.grace)
    }
  }

  /// Nothing of this member runs any more.
  mutating func stopped(_ slot: Int32, _ how: StopProof) {
    guard !cluster.members[slot].stopped else { return }
    let (id, node, attempt) = (
      cluster.memberID(slot), NodeID(cluster.members[slot].node), cluster.members[slot].attemptSlot
    )
    let latest = cluster.jobs[cluster.attempts[attempt].jobSlot].latestAttempt == attempt
    note(.memberStopped(member: id, how: how))
    if isHeard(slot) { watch.attempts[Int(attempt)]?.heard -= 1 }
    dirty.members.append(id)
    dirty.nodes.append(node)
    // Of an attempt that goes on nothing comes back to a round before its end.
    if cluster.attempts[attempt].phase == .ended {
      since.isMore = true
      mustSchedule = true
    } else {
      mustStartPlain = true
    }
    if latest { settle(attempt) }
  }

  /// Ends the attempt when nothing of it stands in the way of what follows.
  mutating func settle(_ slot: Int32) {
    let attempt = cluster.attempts[slot]
    switch attempt.phase {
    case .running where attempt.membersStopped == attempt.memberCount: endAttempt(slot, .finished)
    case .stopping where isSettled(slot): finish(slot)
    case .starting, .running, .stopping, .ended: break
    }
  }

  private func isSettled(_ slot: Int32) -> Bool {
    let attempt = cluster.attempts[slot]
    if attempt.membersStopped == attempt.memberCount { return true }
    if planted == .survivorNotWaited, attempt.membersStopped > 0 { return true }
    guard fence(of: attempt.jobSlot) == .attempt else { return false }
    return cluster.memberSlots(ofAttempt: slot).allSatisfy { member in
      let m = cluster.members[member]
      let state = cluster.nodes[Int(m.node)].state
      return m.stopped || state == .suspect || state == .isolated
    }
  }

  /// What `auto` comes to.
  func fence(of job: Int32) -> FencePolicy {
    let policy = cluster.specs[Int(job)].restart.fence
    guard policy == .auto else { return policy }
    return cluster.jobs[job].hasCheckpoint ? .attempt : .strict
  }

  /// Shims that were away when the attempt began to end have told since how far their ranks had come.
  /// - Returns: the attempt's last step.
  private mutating func restateSteps(_ slot: Int32) -> Int64 {
    let attempt = cluster.attempts[slot]
    let steps = steps(slot)
    guard steps.last > attempt.lastStep || steps.lastAt > attempt.lastStepAt else { return steps.last }
    note(
      .attemptEnding(
        AttemptEnding(
          attempt: cluster.attemptID(slot), outcome: attempt.outcome, lastStep: steps.last, firstStepAt: steps.firstAt,
          lastStepAt: steps.lastAt)))
    return steps.last
  }

  private mutating func finish(_ slot: Int32) {
    let attempt = cluster.attempts[slot]
    let job = cluster.jobs[attempt.jobSlot]
    let spec = cluster.specs[Int(attempt.jobSlot)]
    let id = cluster.attemptID(slot)
    let lastStep = restateSteps(slot)
    var strikes = job.strikes
    if attempt.outcome == .jobFault { strikes = lastStep > job.bestStep ? 0 : strikes + 1 }
    note(.attemptEnded(AttemptEnded(attempt: id, strikes: strikes)))
    if attempt.outcome == .jobFault { judgeLemon(ofJob: attempt.jobSlot) }
    mustSchedule = true
    let (exitCode, summary) = lastFault(of: attempt.jobSlot)
    func end(_ state: JobState, _ reason: String, _ code: Int32) -> Fact.Event {
      .jobEnded(JobEnded(job: job.id, state: state, reason: reason, exitCode: code))
    }
    switch attempt.outcome {
    case .finished: note(end(.completed, "", 0))
    case .cancelled: note(end(.cancelled, cancelReasons[job.id] ?? "cancelled", 1))
    case .timedOut: note(end(.timedOut, "ran longer than its walltime of \(spec.walltime?.seconds ?? 0) s", 1))
    case .unrunnable: note(end(.failed, summary, exitCode))
    case .jobFault where job.cancelRequested, .nodeFault where job.cancelRequested,
      .preempted where job.cancelRequested:
      note(end(.cancelled, cancelReasons[job.id] ?? "cancelled", 1))
    case .jobFault where spec.restart.limit == 0 || strikes > spec.restart.limit:
      let tries = strikes > 1 ? "; \(strikes) attempts in a row made no new step" : ""
      note(end(.failed, summary + tries, exitCode))
    case .preempted: break
    case .jobFault, .nodeFault:
      // At once, before anybody else: it keeps its healthy nodes. A priority is no preemption.
      restart(attempt.jobSlot)
    }
    watch.longestStep[cluster.jobs[attempt.jobSlot].state.isFinal ? job.id.number : -1] = nil
    if cluster.jobs[attempt.jobSlot].state.isFinal { cancelReasons[job.id] = nil }
  }

  private func lastFault(of job: Int32) -> (exitCode: Int32, summary: String) {
    let latest = cluster.jobs[job].latestFault
    guard latest >= 0 else { return (1, "") }
    let fault = cluster.faults[latest].fault
    return (fault.exitCode, fault.summary)
  }
}

extension Attempt.Phase: Comparable {
  public static func < (a: Attempt.Phase, b: Attempt.Phase) -> Bool { a.rawValue < b.rawValue }
}
