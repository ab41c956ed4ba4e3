extension Controller {
  /// What time alone brings about: silence, hangs, deadlines. The host calls at least every `Attention.tick`.
  mutating func tick() {
    judgeSilentMembers()
    judgeSilentAgents()
    if limits.judgesHangs { judgeHangs() }
    judgeDeadlines()
    if now >= nextLook {
      nextLook = .never
      since.isMore = true
      mustSchedule = true
    }
    tellKept()
    forget()
  }

  private mutating func judgeSilentMembers() {
    let clock = watch.attention.clock(now)
    var silent: [Int32] = []
    var (quiet, connected) = (0, 0)
    for attempt in cluster.active {
      for slot in cluster.memberSlots(ofAttempt: attempt) where !cluster.members[slot].stopped {
        guard let seen = watch.knownMember(slot, id: cluster.memberID(slot)) else { continue }
        connected += 1
        // Beats come one after the other: when the first of many counts as silent, the others have missed a beat.
        if clock - seen.lastBeat > limits.quiet { quiet += 1 }
        if clock - seen.lastBeat > limits.silence { silent.append(slot) }
      }
    }
    switch watch.massSilence.judge(silent: silent.isEmpty ? 0 : quiet, connected: connected) {
    case .act:
      // Who fell silent together with many is waited for, even when most of those are back.
      for slot in silent where watch.members[Int(slot)]?.isWithheld != true || leaseIsOver(slot) {
        memberSilent(slot, clock: clock)
      }
    case .withhold(let first):
      if first { note(.silenceWithheld(silent: Int32(quiet), connected: Int32(connected))) }
      for slot in silent {
        watch.members[Int(slot)]?.isWithheld = true
        if leaseIsOver(slot) { memberSilent(slot, clock: clock) }
      }
    }
    expireLeases()
  }

  private func leaseIsOver(_ slot: Int32) -> Bool {
    guard let seen = watch.knownMember(slot, id: cluster.memberID(slot)) else { return false }
    if planted == .fenceTooShort { return now - seen.lastAcknowledged > limits.silence }
    return now - seen.lastAcknowledged > limits.lease + limits.leaseMargin
  }

  private mutating func memberSilent(_ slot: Int32, clock: Instant) {
    let id = cluster.memberID(slot)
    let node = NodeID(cluster.members[slot].node)
    guard let seen = watch.knownMember(slot, id: id) else { return }
    let name = nodeName(node.index)
    let quiet = "\((clock - seen.lastBeat).milliseconds) ms"
    let agent = watch.node(node)
    let word =
      agent.agentConnected
      ? AgentWord(shim: seen.lastBeat, agent: agent.lastBeat, clock: clock, limits: limits) : .silent
    switch word {
    case .notYetKnown: return
    case .silent: break
    case .answers:
      // The node answers, its shim does not: its agent kills it, and that is proof.
      fail(
        cluster.members[slot].attemptSlot, node: node, rank: nil, component: .shim, cause: .shimDied,
        confidence: .high, evidence: ["no beat from the shim on \(name) for \(quiet)", "its agent answers"],
        happenedAt: seen.lastAcknowledged, outcome: .nodeFault)
      if !seen.unwanted {
        watch.members[Int(slot)]?.unwanted = true
        dirty.nodes.append(node)
      }
      return
    }
    fail(
      cluster.members[slot].attemptSlot, node: node, rank: nil, component: .node, cause: .nodeSilent,
      confidence: .medium,
      evidence: ["node \(name) is silent: no beat from its shim for \(quiet)", "its agent does not answer either"],
      happenedAt: seen.lastAcknowledged, outcome: .nodeFault, action: .replaceNode)
    suspect(node, "silent: no beat for \(quiet)")
    settle(cluster.members[slot].attemptSlot)
  }

  /// When lease and margin have passed, nothing of the member runs: its shim has killed it.
  private mutating func expireLeases() {
    for i in cluster.nodes.indices where cluster.nodes[i].state == .suspect || cluster.nodes[i].state == .isolated {
      let node = NodeID(Int32(i))
      for slot in cluster.memberSlots(onNode: node) where leaseIsOver(slot) {
        let attempt = cluster.members[slot].attemptSlot
        guard cluster.attempts[attempt].phase >= .stopping else { continue }
        stopped(slot, .leaseOver)
      }
      if cluster.nodes[i].state == .suspect, now - cluster.nodes[i].since > limits.lease + limits.leaseMargin {
        isolate(node, onEvidence: false, "silent for longer than a lease: " + cluster.nodeDetails[i].reason)
      }
    }
  }

  private mutating func judgeSilentAgents() {
    let clock = watch.attention.clock(now)
    for i in watch.nodes.indices where cluster.nodes[i].state == .ready || cluster.nodes[i].state == .draining {
      let seen = watch.nodes[i]
      let node = NodeID(Int32(i))
      guard clock - seen.lastBeat > limits.agentSilence, clock - seen.lastBeat > agentSilence(node) else { continue }
      // "The agent is down" (a shim still beats: its job is untouched) differs from "the node is gone".
      let speaks = cluster.memberSlots(onNode: node).contains { slot in
        watch.knownMember(slot, id: cluster.memberID(slot)).map { clock - $0.lastBeat <= limits.silence } ?? false
      }
      if !speaks { suspect(node, "its agent is silent for \((clock - seen.lastBeat).milliseconds) ms") }
    }
  }

  private mutating func judgeDeadlines() {
    let clock = watch.attention.clock(now)
    for attempt in cluster.active {
      let state = cluster.attempts[attempt]
      if state.phase == .stopping {
        guard let seen = watch.knownAttempt(attempt, id: cluster.attemptID(attempt)) else {
          adoptStop(attempt)
          continue
        }
        if let stop = seen.stop, clock > stop.confirmBy {
          unconfirmed(attempt)
        } else if seen.stop == nil {
          adoptStop(attempt)
        }
      } else if now >= walltimeEnd(state.jobSlot) {
        endAttempt(attempt, .timedOut)
      } else {
        warnIfDue(attempt)
      }
    }
    for slot in cluster.pending where cluster.jobs[slot].attempt > 0 {
      guard let walltime = cluster.specs[Int(slot)].walltime else { continue }
      let job = cluster.jobs[slot]
      if now >= walltimeEnd(slot) {
        note(
          .jobEnded(
            JobEnded(
              job: job.id, state: .timedOut, reason: "its walltime of \(walltime.seconds) s passed while it waited",
              exitCode: 1)))
        mustSchedule = true
      }
    }
  }

  /// A stop begun by an earlier controller gets its grace anew.
  private mutating func adoptStop(_ attempt: Int32) {
    var seen = watch.attempt(attempt, id: cluster.attemptID(attempt))
    let order = stopOrder(
      cluster.attempts[attempt].outcome, cluster.specs[Int(cluster.attempts[attempt].jobSlot)])
    seen.stop = Watch.StopDeadline(confirmBy: watch.attention.clock(now) + order.grace + limits.confirm)
    watch.attempts[Int(attempt)] = seen
  }

  /// A survivor has not confirmed its stop in time: its agent is told to kill it, and it is suspect itself.
  private mutating func unconfirmed(_ attempt: Int32) {
    for slot in cluster.memberSlots(ofAttempt: attempt) where !cluster.members[slot].stopped {
      let node = NodeID(cluster.members[slot].node)
      guard let seen = watch.knownMember(slot, id: cluster.memberID(slot)), !seen.unwanted else { continue }
      watch.members[Int(slot)]?.unwanted = true
      dirty.nodes.append(node)
      suspect(node, "did not confirm that job \(cluster.attemptID(attempt).job) has stopped there")
    }
    settle(attempt)
  }

  /// Once an hour is often enough: a key lives a day, and looking at all of them takes time.
  private mutating func forget() {
    guard now >= nextForgetting else { return }
    nextForgetting = now + .seconds(3600)
    let oldest = now - limits.keyLifetime
    if cluster.keys.contains(where: { $0.value.at < oldest }) { note(.keysForgotten(before: oldest)) }
    // A day longer than they are valid: until then their holder is told that they have expired.
    if cluster.admission.tokens.contains(where: { $0.expiresAt < oldest }) {
      note(.joinTokensForgotten(before: oldest))
    }
  }
}
