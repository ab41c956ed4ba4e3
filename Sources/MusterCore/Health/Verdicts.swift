/// From what was seen to what broke: each verdict names its evidence.
extension Controller {
  mutating func rankEndedBadly(_ attempt: Int32, member slot: Int32, _ rank: RankReport) {
    let fault = badEnd(attempt, member: slot, rank)
    fail(
      attempt, node: fault.node, rank: fault.rank, component: fault.component, cause: fault.cause,
      confidence: fault.confidence, evidence: fault.evidence, happenedAt: fault.happenedAt, exitCode: fault.exitCode,
      outcome: .jobFault)
  }

  /// Ranks end when a peer does, and the first report to arrive need not be of the first end: while the gang is still
  /// being stopped for one rank's end, one that came before it is told beside it, as what it came from.
  mutating func restateEarlierExit(_ attempt: Int32, member slot: Int32, _ report: ShimReport) {
    let state = cluster.attempts[attempt]
    let latest = cluster.jobs[state.jobSlot].latestFault
    guard state.phase == .stopping, state.outcome == .jobFault, latest >= 0, let rank = report.firstBadEnd,
      rank.exitedAge != nil
    else { return }
    let first = cluster.faults[latest].fault
    guard first.attempt == cluster.attemptID(attempt), first.cause == .exitCode || first.cause == .signal,
      let firstRank = first.rank, first.node?.index != cluster.members[slot].node
    else { return }
    var fault = badEnd(attempt, member: slot, rank)
    let earlier = first.happenedAt - fault.happenedAt
    guard earlier > limits.endPrecision else { return }
    fault.confidence = earlier > limits.reportDelay ? .high : .medium
    fault.evidence.append(
      "\(earlier.milliseconds) ms before rank \(firstRank), whose end was heard of first")
    note(.faultFound(fault))
  }

  private func badEnd(_ attempt: Int32, member slot: Int32, _ rank: RankReport) -> Fault {
    let cause: Fault.Cause
    var evidence: [String]
    let node = NodeID(cluster.members[slot].node)
    if !rank.outOfMemory.isEmpty {
      cause = .outOfMemory
      evidence = [rank.outOfMemory]
    } else if rank.signal != 0 {
      cause = .signal
      evidence = ["rank \(rank.rank) (pid \(rank.pid)) was ended by signal \(rank.signal) (\(signalName(rank.signal)))"]
    } else {
      cause = .exitCode
      evidence = ["rank \(rank.rank) (pid \(rank.pid)) exited with code \(rank.exitCode)"]
    }
    evidence.append("no evidence against node \(nodeName(node.index))")
    return Fault(
      attempt: cluster.attemptID(attempt), component: .rank, node: node, rank: rank.rank, cause: cause,
      confidence: .high, evidence: evidence, action: .restartOnSameNodes,
      happenedAt: now - (rank.exitedAge ?? .zero), stepsLost: stepsLost(attempt),
      exitCode: rank.signal != 0 ? 128 + rank.signal : rank.exitCode)
  }

  private func stepsLost(_ attempt: Int32) -> Int64 {
    max(0, lastStep(attempt) - cluster.jobs[cluster.attempts[attempt].jobSlot].checkpointStep)
  }

  /// The command cannot be executed: the job fails at once.
  mutating func cannotStart(_ attempt: Int32, member slot: Int32, _ report: ShimReport) {
    let problem = report.problem ?? ShimReport.Problem(code: "unknown", message: "the shim gave no reason")
    let node = cluster.members[slot].node
    guard problem.code != "leaseExpired" else { return leaseExpired(attempt, member: slot, report) }
    fail(
      attempt, node: NodeID(node), rank: nil, component: .job, cause: .cannotExecute, confidence: .certain,
      evidence: ["on node \(nodeName(node)): \(problem.message)"], happenedAt: now,
      exitCode: problem.code == "executableNotFound" ? 127 : 126, outcome: .unrunnable, action: .failJob)
  }

  mutating func leaseExpired(_ attempt: Int32, member slot: Int32, _ report: ShimReport) {
    let node = cluster.members[slot].node
    let ended = report.ranks.compactMap(\.exitedAge).max() ?? .zero
    fail(
      attempt, node: NodeID(node), rank: nil, component: .unknown, cause: .leaseExpired, confidence: .high,
      evidence: [
        "the shim on \(nodeName(node)) had no acknowledged beat for \(limits.lease.seconds) s and stopped its ranks",
        "controller or network between them was away; no node is blamed",
      ], happenedAt: now - ended, outcome: .nodeFault)
  }

  mutating func shimDied(_ attempt: Int32, member slot: Int32) {
    let node = cluster.members[slot].node
    if isThirdStillborn(attempt, member: slot) {
      return shimNotStarted(attempt, member: slot, "three shims in a row ended before they spoke")
    }
    var evidence = [
      "the agent on \(nodeName(node)) saw its shim end and everything under it with it",
      "the agent answers: no evidence against the node",
    ]
    if cluster.attempts[attempt].phase == .running,
      watch.knownMember(slot, id: cluster.memberID(slot))?.report == nil
    {
      evidence.append(
        "it ended while no controller listened: what its ranks did after the last checkpoint is not known")
    }
    fail(
      attempt, node: NodeID(node), rank: nil, component: .shim, cause: .shimDied, confidence: .certain,
      evidence: evidence, happenedAt: now, outcome: .nodeFault)
  }

  /// One shim that ends before its first word may have been killed; three in a row on one node cannot be started there.
  private func isThirdStillborn(_ attempt: Int32, member slot: Int32) -> Bool {
    let spoke = watch.knownMember(slot, id: cluster.memberID(slot))?.report != nil
    guard !spoke, cluster.attempts[attempt].phase == .starting else { return false }
    var latest = cluster.jobs[cluster.attempts[attempt].jobSlot].latestFault
    var number = cluster.attempts[attempt].number
    for _ in 0..<2 {
      guard latest >= 0 else { return false }
      let fault = cluster.faults[latest].fault
      number -= 1
      guard fault.cause == .shimDied, fault.node?.index == cluster.members[slot].node, fault.attempt.number == number
      else { return false }
      latest = cluster.faults[latest].previous
    }
    return true
  }

  /// Records the fault and ends the attempt.
  mutating func fail(
    _ attempt: Int32, node: NodeID?, rank: Int32?, component: Fault.Component, cause: Fault.Cause,
    confidence: Fault.Confidence, evidence: [String], happenedAt: Instant, exitCode: Int32 = 1, outcome: Outcome,
    action: Fault.Action = .restartOnSameNodes
  ) {
    let isRootCause = isRootCause(attempt, node: node, component: component, outcome: outcome)
    guard cluster.attempts[attempt].phase < .stopping || isRootCause else { return }
    let evidence = isRootCause ? evidence + ["the exit that was seen first came from losing this node"] : evidence
    let fault = Fault(
      attempt: cluster.attemptID(attempt), component: component, node: node, rank: rank, cause: cause,
      confidence: confidence, evidence: evidence, action: action, happenedAt: min(happenedAt, now),
      stepsLost: stepsLost(attempt), exitCode: exitCode)
    note(.faultFound(fault))
    if isRootCause { return restate(attempt, outcome) }
    endAttempt(attempt, outcome)
  }

  /// Ranks notice a lost peer within milliseconds, before anybody says that its node is gone: while the gang is still
  /// being stopped for a rank's exit, the loss of another member's node is what it came from.
  private func isRootCause(_ attempt: Int32, node: NodeID?, component: Fault.Component, outcome: Outcome) -> Bool {
    let state = cluster.attempts[attempt]
    guard state.phase == .stopping, state.outcome == .jobFault, outcome == .nodeFault, component == .node else {
      return false
    }
    let latest = cluster.jobs[state.jobSlot].latestFault
    guard latest >= 0 else { return false }
    let first = cluster.faults[latest].fault
    return first.attempt == cluster.attemptID(attempt) && first.cause == .exitCode && first.node != node
  }

  /// Faults of nodes are no strikes against the job.
  private mutating func restate(_ attempt: Int32, _ outcome: Outcome) {
    let state = cluster.attempts[attempt]
    note(
      .attemptEnding(
        AttemptEnding(
          attempt: cluster.attemptID(attempt), outcome: outcome, lastStep: state.lastStep,
          firstStepAt: state.firstStepAt, lastStepAt: state.lastStepAt)))
  }

  /// Isolates the node of the job's latest fault if such faults gather on it.
  mutating func judgeLemon(ofJob job: Int32) {
    let latest = cluster.jobs[job].latestFault
    guard latest >= 0, let node = cluster.faults[latest].fault.node,
      cluster.nodes[Int(node.index)].state == .ready
    else { return }
    let served = cluster.nodes[Int(node.index)].served
    let peers = cluster.nodes.indices.filter {
      $0 != Int(node.index) && cluster.nodes[$0].served >= served / LemonCounter.peerShare
    }
    guard let why = cluster.lemons.verdict(node: node, now: now, peers: peers.map { Int32($0) }) else { return }
    note(.nodeIsolated(node: node, onEvidence: true, reason: "faults gather here: \(why)"))
    dirty.nodes.append(node)
  }

  func nodeName(_ index: Int32) -> String { cluster.nodeDetails[Int(index)].joined.name }
}

extension Fault {
  /// One line for people: what broke and how we know.
  public var summary: String {
    let what =
      switch cause {
      case .exitCode, .signal, .outOfMemory, .cannotExecute: evidence.first ?? "\(cause)"
      case .hangStopped, .hangBusy, .hangBlocked, .hangUnknown, .shimDied, .nodeSilent, .nodeDied, .shimNotStarted,
        .leaseExpired, .nodeRevoked:
        evidence.first ?? "\(cause)"
      }
    return cause == .outOfMemory ? "out of memory: \(what)" : what
  }
}

/// Names of the signals that end ranks in practice; others by number. Numbers of Linux on x86-64 and arm64 (signal(7)).
func signalName(_ number: Int32) -> String {
  switch number {
  case 1: "SIGHUP"
  case 2: "SIGINT"
  case 3: "SIGQUIT"
  case 4: "SIGILL"
  case 6: "SIGABRT"
  case 7: "SIGBUS"
  case 8: "SIGFPE"
  case 9: "SIGKILL"
  case 11: "SIGSEGV"
  case 13: "SIGPIPE"
  case 15: "SIGTERM"
  case 24: "SIGXCPU"
  case 25: "SIGXFSZ"
  default: "signal \(number)"
  }
}
