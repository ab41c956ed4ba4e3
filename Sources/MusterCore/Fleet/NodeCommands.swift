extension Controller {
  // MARK: Agents

  /// An agent dialled. Answers `.done`, or why it cannot be this node.
  mutating func agentHello(_ hello: NodeJoined, labels: [Label], pid: Int32) -> Reply {
    if let refusal = refusal(of: hello.machine, as: hello.name) { return .refused(refusal) }
    var joined = hello
    if let id = cluster.node(named: hello.name) {
      joined.node = id
      let known = cluster.nodeDetails[Int(id.index)].joined
      if known != joined {
        let rebooted = known.boot != joined.boot
        note(.nodeReturned(joined))
        if rebooted { allGone(on: id, .provenDead, evidence: ["the machine has booted anew: its boot id changed"]) }
      }
    } else {
      guard cluster.nodes.count < limits.nodes else { return .refused(.fleetFull(limit: limits.nodes)) }
      joined.node = NodeID(Int32(cluster.nodes.count))
      note(.nodeJoined(joined))
    }
    _ = watch.node(joined.node)
    let i = Int(joined.node.index)
    if cluster.nodeDetails[i].labels != labels {
      note(.nodeLabelled(node: joined.node, labels: labels))
      mustSchedule = true
    }
    watch.nodes[i].agentConnected = true
    since.isMore = true
    watch.nodes[i].reported = false
    watch.nodes[i].lastBeat = watch.attention.clock(now)
    watch.nodes[i].agentPID = pid
    dirty.nodes.append(joined.node)
    return .done
  }

  mutating func agentGone(_ node: NodeID) {
    guard Int(node.index) < watch.nodes.count else { return }
    watch.nodes[Int(node.index)].agentConnected = false
    since.isMore = true
    expectReport(node)
  }

  /// How often the agent of a node is to report. Where something runs, or is to be found out, as often as ever.
  public func reportEvery(_ node: NodeID) -> Span {
    let hot = cluster.nodes[Int(node.index)]
    guard hot.members == 0, hot.state != .suspect, hot.state != .isolated else { return limits.report }
    let share = Span.milliseconds(1_000 * Int64(cluster.nodes.count) / limits.idleReports)
    return max(limits.report, min(limits.slowestReport, share))
  }

  /// An agent that has not been heard for longer is silent: the same number of reports missed, however often it reports.
  func agentSilence(_ node: NodeID) -> Span {
    let i = Int(node.index)
    guard i < watch.nodes.count, watch.nodes[i].agentConnected else { return limits.agentSilence }
    return Span(
      nanoseconds: limits.agentSilence.nanoseconds * reportEvery(node).milliseconds / limits.report.milliseconds)
  }

  /// A node whose agent reported less often is from here on held to the usual pace.
  mutating func expectReport(_ node: NodeID) {
    let i = Int(node.index)
    guard Int64(cluster.nodes.count) > limits.idleReports else { return }
    watch.nodes[i].lastBeat = max(watch.nodes[i].lastBeat, watch.attention.clock(now))
  }

  /// The whole list of member folders on a node.
  mutating func agentReport(_ node: NodeID, _ members: [AgentMember]) {
    guard Int(node.index) < watch.nodes.count else { return }
    let i = Int(node.index)
    watch.nodes[i].lastBeat = watch.attention.clock(now)
    if !watch.nodes[i].reported {
      watch.nodes[i].reported = true
      since.isMore = true
      mustSchedule = true
    }
    for told in members {
      guard let slot = cluster.memberSlot(told.member), !cluster.members[slot].stopped,
        cluster.members[slot].node == node.index
      else { continue }
      let attempt = cluster.members[slot].attemptSlot
      if !told.startFailed.isEmpty {
        shimNotStarted(attempt, member: slot, told.startFailed)
      } else if !told.alive {
        shimDied(attempt, member: slot)
        stopped(slot, .agentSaw)
      }
    }
    // What is not wanted and not listed is gone: its agent has killed it and put its folder away, and the report that
    // said so was lost. (Should an older intent start it once more: its ranks never get a "go".)
    for slot in cluster.memberSlots(onNode: node) {
      let id = cluster.memberID(slot)
      guard watch.knownMember(slot, id: id)?.unwanted == true, !members.contains(where: { $0.member == id }) else {
        continue
      }
      stopped(slot, .agentSaw)
    }
    // Alive and not known, or counted as stopped because its lease was over: it still runs, and its agent is to kill it.
    let oldRuns = members.contains { told in
      guard told.alive, let slot = cluster.memberSlot(told.member) else { return told.alive }
      return cluster.members[slot].stopped || cluster.members[slot].node != node.index
    }
    if !oldRuns { clearIfNothingOldRuns(node) }
  }

  mutating func shimNotStarted(_ attempt: Int32, member slot: Int32, _ why: String) {
    let node = NodeID(cluster.members[slot].node)
    fail(
      attempt, node: node, rank: nil, component: .node, cause: .shimNotStarted, confidence: .high,
      evidence: ["the agent on \(nodeName(node.index)) could not start a shim: \(why)"], happenedAt: now,
      outcome: .nodeFault, action: .replaceNode)
    isolate(node, onEvidence: true, "a shim could not be started: \(why)")
    stopped(slot, .agentSaw)
  }

  /// A node that was only silent is back by itself once its agent has confirmed that nothing old runs.
  private mutating func clearIfNothingOldRuns(_ node: NodeID) {
    let hot = cluster.nodes[Int(node.index)]
    guard hot.state == .suspect || (hot.state == .isolated && !hot.onEvidence) else { return }
    let clock = watch.attention.clock(now)
    for slot in cluster.memberSlots(onNode: node) {
      let attempt = cluster.attempts[cluster.members[slot].attemptSlot]
      let beats = watch.knownMember(slot, id: cluster.memberID(slot)).map { clock - $0.lastBeat < limits.silence }
      guard attempt.phase < .stopping, beats == true else { return }
    }
    note(.nodeCleared(node: node))
    mustSchedule = true
  }

  // MARK: Death

  mutating func nodeDied(_ name: String, evidence: String) {
    guard let node = cluster.node(named: name) else { return }
    watch.nodes[Int(node.index)].agentConnected = false
    since.isMore = true
    allGone(on: node, .provenDead, evidence: ["node \(name) died: \(evidence)"])
    isolate(node, onEvidence: true, "died: \(evidence)")
  }

  /// Everything on the node is gone: its attempts end, its members have stopped.
  private mutating func allGone(on node: NodeID, _ how: StopProof, evidence: [String]) {
    let members = cluster.memberSlots(onNode: node)
    for slot in members {
      fail(
        cluster.members[slot].attemptSlot, node: node, rank: nil, component: .node, cause: .nodeDied,
        confidence: .certain, evidence: evidence, happenedAt: lastWord(slot), outcome: .nodeFault,
        action: .replaceNode)
    }
    isolateBeforeRestart(node, members, evidence)
    for slot in members { stopped(slot, how) }
  }

  /// The next attempt is planned as soon as the last member has stopped: by then the node must not count as ready.
  private mutating func isolateBeforeRestart(_ node: NodeID, _ members: [Int32], _ evidence: [String]) {
    if !members.isEmpty { suspect(node, evidence.first ?? "") }
  }

  /// When a member last spoke, by the host's clock.
  private func lastWord(_ slot: Int32) -> Instant {
    watch.knownMember(slot, id: cluster.memberID(slot))?.lastAcknowledged ?? now
  }

  mutating func suspect(_ node: NodeID, _ reason: String) {
    switch cluster.nodes[Int(node.index)].state {
    case .joining, .verifying, .ready, .draining, .drained:
      note(.nodeSuspected(node: node, reason: reason))
      dirty.nodes.append(node)
      isPlanOld = true  // those who wait are told of it
    case .suspect, .isolated: break
    }
  }

  mutating func isolate(_ node: NodeID, onEvidence: Bool, _ reason: String) {
    let hot = cluster.nodes[Int(node.index)]
    if hot.state == .isolated, hot.onEvidence || !onEvidence { return }
    note(.nodeIsolated(node: node, onEvidence: onEvidence, reason: reason))
    dirty.nodes.append(node)
    isPlanOld = true
  }

  // MARK: People

  mutating func drain(_ name: String, reason: String) -> Reply {
    guard let node = cluster.node(named: name) else { return .refused(.noSuchNode(name)) }
    note(.nodeDrainRequested(node: node, reason: reason))
    isPlanOld = true
    return .done
  }

  mutating func resume(_ name: String) -> Reply {
    guard let node = cluster.node(named: name) else { return .refused(.noSuchNode(name)) }
    switch cluster.nodes[Int(node.index)].state {
    case .ready: return .done
    case .joining, .verifying, .suspect, .isolated, .draining, .drained:
      let silence = agentSilence(node)
      note(.nodeResumed(node: node))
      dirty.nodes.append(node)
      // Whether it is really back, its own beats say.
      let clock = watch.attention.clock(now)
      let lastBeat = watch.node(node).lastBeat
      // A connection that has not ended is no sign of life: until its agent speaks, it is given nothing.
      if clock - lastBeat > silence { watch.nodes[Int(node.index)].reported = false }
      since.isMore = true
      watch.nodes[Int(node.index)].lastBeat = max(lastBeat, clock + limits.firstWord)
      mustSchedule = true
      return .done
    }
  }

  mutating func fence(_ name: String) -> Reply {
    guard let node = cluster.node(named: name) else { return .refused(.noSuchNode(name)) }
    let hot = cluster.nodes[Int(node.index)]
    guard hot.state == .suspect || hot.state == .isolated || !watch.node(node).agentConnected else {
      return .refused(.nodeInUse(node: name, state: hot.state))
    }
    note(.nodeFenced(node: node))
    allGone(on: node, .provenDead, evidence: ["a person vouched that nothing runs on \(name)"])
    isolate(node, onEvidence: true, "fenced: a person vouched that nothing runs there")
    return .done
  }
}
