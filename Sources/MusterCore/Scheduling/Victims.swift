/// Who may be stopped for others, and what that would cost.
extension Controller {
  /// Of the project's number in the tree; of one that nobody declared a number below 0, which is the same for all of its
  /// jobs.
  func owner(_ job: Int32, _ tree: ProjectTree?) -> Int32 {
    let project = cluster.specs[Int(job)].project
    if let number = tree?.number(project), number >= 0 { return number }
    return -2 - Int32(truncatingIfNeeded: project.utf8.reduce(UInt64(0)) { $0 &* 31 &+ UInt64($1) } & 0x3FFF_FFFF)
  }

  /// Whether anything that runs might have to give way to something that waits: some is guaranteed more than it uses,
  /// or has a higher priority.
  public var mayGiveWay: Bool {
    guard limits.planning.preemptions > 0, let first = cluster.pending.first else { return false }
    if cluster.policy.projects.contains(where: { $0.quotas.contains { $0.guaranteed > 0 } }) { return true }
    if limits.planning.turns != nil, cluster.active.contains(where: { hadTurn($0) != nil }) { return true }
    // The first that waits has the highest priority of them.
    let priority = cluster.jobs[first].priority
    return cluster.active.contains { cluster.jobs[cluster.attempts[$0].jobSlot].priority < priority }
  }

  /// What it has run, if it may give way to others of its priority: it has had its first turn, goes on from checkpoints, and
  /// has not waited for others longer than it has run.
  private func hadTurn(_ slot: Int32) -> Span? {
    let job = cluster.attempts[slot].jobSlot
    guard let rule = limits.planning.turns, cluster.jobs[job].hasCheckpoint else { return nil }
    // As its walltime counts.
    let ran = now - cluster.jobs[job].startedAt - cluster.uncounted(job, at: now)
    return ran >= rule.first && cluster.uncounted(job, at: now) <= ran ? ran : nil
  }

  /// When the next of those that run has had its turn: time alone brings that about.
  var nextTurn: Instant {
    guard let rule = limits.planning.turns else { return .never }
    var next = Instant.never
    for slot in cluster.active {
      let attempt = cluster.attempts[slot]
      let job = cluster.jobs[attempt.jobSlot]
      guard attempt.phase < .stopping, job.hasCheckpoint else { continue }
      let first = job.startedAt + cluster.uncounted(attempt.jobSlot, at: now) + rule.first
      for at in [first, attempt.startedAt + limits.minimumRun] where at > now { next = min(next, at) }
    }
    return next
  }

  /// nil: nobody may take its place now. A job that was stopped for another before has its minimum run first.
  /// - Parameter end: of its minimum run, if what may be done after it is asked for.
  func candidate(_ slot: Int32, _ tree: ProjectTree?, after end: Instant? = nil) -> Candidate? {
    let attempt = cluster.attempts[slot]
    let job = cluster.jobs[attempt.jobSlot]
    guard cluster.attemptPlaces[Int(slot)].contains(where: { $0.devices != 0 }) else { return nil }
    let hasNoRule = planted == .preemptionCycle
    var candidate = Candidate(
      attempt: cluster.attemptID(slot), priority: hasNoRule ? .min : job.priority, owner: owner(attempt.jobSlot, tree),
      cost: 0,
      entries: 0..<0)
    candidate.devices = cluster.attemptPlaces[Int(slot)].reduce(0) { $0 + Int32($1.devices.nonzeroBitCount) }
    if let ran = hadTurn(slot) { candidate.ran = ran }
    switch attempt.phase {
    case .starting, .running: if end == nil, endOfMinimumRun(slot) != nil, !hasNoRule { return nil }
    case .stopping:
      // After a fault the gang is put together again at once, on the same nodes.
      guard attempt.outcome != .nodeFault, attempt.outcome != .jobFault else { return nil }
      candidate.isLeaving = true
    case .ended: return nil
    }
    return candidate
  }

  /// Of one that was started again after a preemption, not long enough ago; nil: it has none, or it is over.
  func endOfMinimumRun(_ slot: Int32) -> Instant? {
    var attempt = slot
    while attempt >= 0, now - cluster.attempts[attempt].startedAt < limits.minimumRun {
      let end = cluster.attempts[attempt].startedAt + limits.minimumRun
      attempt = cluster.attempts[attempt].previous
      if attempt >= 0, cluster.attempts[attempt].outcome == .preempted { return end }
    }
    return nil
  }

  /// What a round may stop. Losses are in device-milliseconds: what was done since the last checkpoint, and the start to
  /// come. A gang that reports no checkpoints is charged the median age of those that do: silence does not protect.
  func victims(_ builder: borrowing ViewBuilder, _ tree: ProjectTree) -> VictimTable {
    guard mayGiveWay else { return VictimTable() }
    var table = VictimTable(tree, used: projectUse(tree).devices)
    let typical = typicalAge()
    table.ofShared = builder.shared.map { _ in [] }
    for (slot, entries) in builder.entries where !entries.isEmpty {
      guard var candidate = candidate(slot, tree), !builder.running[entries].allSatisfy(\.place.isNothing) else {
        continue
      }
      let attempt = cluster.attempts[slot]
      let devices = Int64(candidate.devices)
      let age = cluster.jobs[attempt.jobSlot].hasCheckpoint ? checkpointAge(slot) : typical ?? (now - attempt.startedAt)
      let start =
        attempt.firstStepAt > attempt.startedAt ? attempt.firstStepAt - attempt.startedAt : limits.typicalStart
      candidate.cost = candidate.isLeaving ? 0 : devices * (age.milliseconds + start.milliseconds)
      candidate.entries = entries
      table.add(candidate)
      for i in entries {
        guard case .part(let lane, _) = builder.running[i].place else { continue }
        let number = Int32(table.candidates.count - 1)
        // Two roles of one job may share a node.
        if table.ofShared[Int(lane)]?.last != number { table.ofShared[Int(lane)]?.append(number) }
      }
    }
    // What is there beside them is nobody's to stop.
    let known = Set(table.candidates.flatMap { Array($0.entries) })
    for (i, gang) in builder.running.enumerated() where !known.contains(i) {
      if case .part(let lane, _) = gang.place { table.ofShared[Int(lane)] = nil as [Int32]? }
    }
    return table
  }

  private func checkpointAge(_ slot: Int32) -> Span {
    let attempt = cluster.attempts[slot]
    return now - max(attempt.startedAt, cluster.jobs[attempt.jobSlot].checkpointAt)
  }

  private func typicalAge() -> Span? {
    var ages: [Span] = []
    for slot in cluster.active where cluster.jobs[cluster.attempts[slot].jobSlot].hasCheckpoint {
      ages.append(checkpointAge(slot))
    }
    return ages.isEmpty ? nil : ages.sorted()[ages.count / 2]
  }
}

extension RunningGang.Place {
  fileprivate var isNothing: Bool {
    switch self {
    case .whole(let places): places.isEmpty
    case .part: false
    case .away: true
    }
  }
}
