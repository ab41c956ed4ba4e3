/// What is seen now and not kept, for those who look.
extension Controller {
  /// The last word of a member's shim.
  public func liveReport(_ slot: Int32) -> ShimReport? {
    watch.knownMember(slot, id: cluster.memberID(slot))?.report
  }

  /// Whether this controller has heard the member's shim.
  func isHeard(_ slot: Int32) -> Bool {
    let i = Int(slot)
    // Looked at where it stands: a copy of each of a fleet's reports would take milliseconds.
    return i < watch.members.count && watch.members[i]?.report != nil && watch.members[i]?.id == cluster.memberID(slot)
  }

  /// Members of an attempt that have not stopped and whose shims this controller has heard. Counted as they are heard.
  public func heardMembers(ofAttempt slot: Int32) -> Int32 {
    let i = Int(slot)
    guard i < watch.attempts.count, watch.attempts[i]?.id == cluster.attemptID(slot) else { return 0 }
    return watch.attempts[i]?.heard ?? 0
  }

  /// Whether the member's shim beats now.
  public func isBeating(_ slot: Int32) -> Bool {
    guard let seen = watch.knownMember(slot, id: cluster.memberID(slot)), seen.report != nil else { return false }
    return watch.attention.clock(now) - seen.lastBeat <= limits.silence
  }

  public func agent(of node: NodeID) -> (connected: Bool, pid: Int32) {
    guard Int(node.index) < watch.nodes.count else { return (false, 0) }
    let seen = watch.nodes[Int(node.index)]
    return (seen.agentConnected, seen.agentPID)
  }

  /// The job's step and the newest loss that a rank said. The step is nil before any rank of any attempt has spoken.
  public func progress(_ slot: Int32) -> (step: Int64?, loss: String) {
    let job = cluster.jobs[slot]
    guard job.latestAttempt >= 0 else { return (nil, "") }
    let attempt = cluster.attempts[job.latestAttempt]
    var loss = ""
    var speaks = false
    for member in cluster.memberSlots(ofAttempt: job.latestAttempt) {
      for rank in liveReport(member)?.ranks ?? [] {
        if loss.isEmpty { loss = rank.loss }
        if rank.step != nil { speaks = true }
      }
    }
    if attempt.phase < .stopping {
      let step = lastStep(job.latestAttempt)
      return (speaks || step > 0 ? step : nil, loss)
    }
    return (attempt.firstStepAt != .zero || attempt.lastStep > 0 ? attempt.lastStep : nil, loss)
  }

  /// The member that runs a rank of the job's latest attempt.
  public func member(ofJob id: JobID, rank: Int32) -> MemberID? {
    guard let slot = cluster.slot(of: id), cluster.jobs[slot].latestAttempt >= 0, rank >= 0,
      rank < cluster.specs[Int(slot)].ranks
    else { return nil }
    let attempt = cluster.attemptID(cluster.jobs[slot].latestAttempt)
    return MemberID(attempt: attempt, index: cluster.specs[Int(slot)].member(ofRank: rank))
  }

  /// How far an attempt has come, by what is kept and by what ranks have said since: its last step, when the first and
  /// the last one were said. Times are zero where no rank has spoken.
  public func steps(_ attempt: Int32) -> (last: Int64, firstAt: Instant, lastAt: Instant) {
    let kept = cluster.attempts[attempt]
    let seen = watch.knownAttempt(attempt, id: cluster.attemptID(attempt))
    return (
      max(kept.lastStep, lastStep(attempt)),
      kept.firstStepAt == .zero ? seen?.firstStepAt ?? .zero : kept.firstStepAt,
      max(kept.lastStepAt, seen?.lastStepAt ?? .zero)
    )
  }
}
