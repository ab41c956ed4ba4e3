import MusterCore
import MusterNode
import MusterProtocol

/// The pretend processes, and what is seen of them from outside.
extension World {
  func isExecuting(_ s: Int) -> Bool {
    shims[s].runs && nodes[shims[s].node].isOn && now >= nodes[shims[s].node].frozenUntil
  }

  mutating func startRanks(_ s: Int) {
    if case .cannotStart = shims[s].script.fate {
      return act(
        s, shims[s].machine.startFailed(ShimReport.Problem(code: "notExecutable", message: "/bin/x: Permission denied"))
      )
    }
    for r in shims[s].running.indices { shims[s].running[r] = true }
    shims[s].startedAt = now
    shims[s].machine.started(pids: (0..<shims[s].launch.ranks).map { Int32(s) * 8 + $0 + 1_000 })
    history.add(at: now, "ranks of \(shims[s].member) start", job: shims[s].job, node: Int32(shims[s].node))
    witnessStart(s)
    foresee(s)
  }

  /// When the ranks next do something that anybody would notice.
  mutating func foresee(_ s: Int) {
    shims[s].run += 1
    guard shims[s].runs, shims[s].hang == nil, !shims[s].isStopped else { return }
    let shim = shims[s]
    let (script, step) = (shim.script, shim.step(now))
    var next = max(script.steps, shim.launch.resumeStep + 1)
    if fails(s) { next = min(next, max(script.failAt, shim.launch.resumeStep + 1)) }
    if script.checkpointEvery > 0, shim.launch.member.index == 0 {
      next = min(next, (step / script.checkpointEvery + 1) * script.checkpointEvery)
    }
    next = max(next, step + 1)
    // One that waits for another, which is gone or stopped, does nothing more.
    guard next <= shim.lastStep else { return }
    shims[s].nextStep = next
    timeline.put(.ranksNext(s, run: shims[s].run), at: max(now + 1, shim.moment(ofStep: next)))
  }

  /// Whether this member's first rank is one that fails.
  private func fails(_ s: Int) -> Bool {
    let shim = shims[s]
    guard shim.script.fails(attempt: shim.launch.member.attempt.number) else { return false }
    if case .hangs(let hang) = shim.script.fate { return hang != .alone || shim.launch.member.index == 0 }
    return shim.launch.member.index == 0
  }

  mutating func ranksNext(_ s: Int) {
    guard shims[s].runs, nodes[shims[s].node].isOn else { return }
    let script = shims[s].script
    let step = shims[s].nextStep
    if fails(s), step >= script.failAt {
      shims[s].lastStep = step - 1
      return fail(s)
    }
    if script.checkpointEvery > 0, shims[s].member.index == 0, step % script.checkpointEvery == 0 {
      shims[s].checkpoint = step
      shims[s].isUrgent = true
    }
    if step >= script.steps {
      shims[s].lastStep = step
      for r in shims[s].running.indices where shims[s].running[r] { exit(s, r, status: 0) }
    } else {
      foresee(s)
    }
    runShim(s)
  }

  private mutating func fail(_ s: Int) {
    switch shims[s].script.fate {
    case .hangs(let hang):
      shims[s].hang = hang
      if hang == .stopped, shims[s].member.index == 0 {
        shims[s].isStopped = true
        coverage.did(.rankStopped)
      }
    case .killed: exit(s, 0, status: 9)
    case .outOfMemory:
      coverage.did(.rankOutOfMemory)
      exit(s, 0, status: 9, outOfMemory: "cgroup v2 memory.events oom_kill 0 -> 1")
    case .exits, .failsOnce, .finishes, .cannotStart: exit(s, 0, status: 3 << 8)
    }
    shims[s].run += 1
    runShim(s)
  }

  mutating func exit(_ s: Int, _ rank: Int, status: Int32, outOfMemory: String = "") {
    guard shims[s].running[rank] else { return }
    shims[s].running[rank] = false
    shims[s].lastStep = min(shims[s].lastStep, shims[s].step(now))
    if shims[s].isAlive { shims[s].reap.append((rank, status, outOfMemory)) }
  }

  mutating func signalRanks(_ s: Int, _ number: Int32) {
    if shims[s].script.ignoresTerm || shims[s].isStopped {
      return coverage.did(.rankIgnoredTerm)
    }
    timeline.put(.ranksEnd(s, signal: number), at: now + processes.between(2, 250) * 1_000_000)
  }

  /// What jobs ask to be warned with; ranks have a handler for it.
  static let warning: Int32 = 10

  mutating func warnRanks(_ s: Int) {
    coverage.did(.rankWarned)
    let attempt = shims[s].member.attempt
    if shims[s].isWarned { violated(broken(.warningIsSentOnce, s, "\(shims[s].member) is warned again")) }
    if !auditor.isWarned(attempt) { violated(broken(.warningIsSentOnce, s, "\(attempt) was not warned")) }
    shims[s].isWarned = true
  }

  /// SIGKILL to all: it takes a moment, longer where a rank waits for a disk.
  mutating func killRanks(_ s: Int) {
    guard shims[s].runs else { return }
    // After a freeze the shim's kill is done before the ranks are thought to run again.
    let node = nodes[shims[s].node]
    if node.thawedAt == now { return ranksEnd(s, signal: 9) }
    if now < node.frozenUntil { return timeline.put(.ranksEnd(s, signal: 9), at: node.frozenUntil) }
    var at = now + processes.between(1, 40) * 1_000_000
    if processes.hits(20), inject(.rankUnkillable, "\(shims[s].member)", node: shims[s].node) {
      at += processes.between(50, 350) * 1_000_000
    }
    timeline.put(.ranksEnd(s, signal: 9), at: at)
  }

  mutating func ranksEnd(_ s: Int, signal: Int32) {
    let i = shims[s].node
    guard !shims[s].isGone, nodes[i].isOn else { return }
    if now < nodes[i].frozenUntil { return timeline.put(.ranksEnd(s, signal: signal), at: nodes[i].frozenUntil) }
    for r in shims[s].running.indices where shims[s].running[r] { exit(s, r, status: signal) }
    shims[s].run += 1
    if shims[s].isAlive { runShim(s) } else { everythingEnded(s) }
  }

  /// What the shim sees of its ranks, into its machine.
  mutating func refresh(_ s: Int) {
    guard shims[s].startedAt > 0 else { return }
    let shim = shims[s]
    let step = shim.step(now)
    let age = max(0, shim.launch.member.index >= 0 ? (now - shim.moment(ofStep: step)) / 1_000_000 : 0)
    for r in shim.running.indices {
      let probe = shim.machine.wantsProbe && shim.running[r] ? look(shim, rank: r) : nil
      shims[s].machine.progress(shim.launch.firstRank + Int32(r)) { report in
        if step > shim.launch.resumeStep {
          report.step = step
          report.stepAge = .milliseconds(age)
          report.stepsSaid = step - shim.launch.resumeStep
          // The first rank is slow: the others wait for it, more or less.
          report.waited = .milliseconds(report.stepsSaid * Int64((Int(shim.launch.firstRank) + r) % 3))
          report.waitsSaid = report.stepsSaid
          if report.stepsSaid >= 3 { report.longestStep = Span(nanoseconds: shim.script.stepTime) }
        }
        if r == 0 {
          report.checkpoint = shim.checkpoint
          // Each takes a moment.
          report.statusTimes.checkpointing = .milliseconds(max(0, (shim.checkpoint ?? 0) - shim.launch.resumeStep))
        }
        report.probe = probe
      }
    }
  }

  private func look(_ shim: SimShim, rank: Int) -> Probe {
    let isFirst = rank == 0 && shim.launch.member.index == 0
    if rank == 0, shim.isStopped { return Probe(state: "T", cpuPermille: 0) }
    guard isFirst, let hang = shim.hang else {
      return Probe(state: "S", cpuPermille: 0, syscall: "futex", descriptor: "")
    }
    switch hang {
    case .stopped: return Probe(state: "T", cpuPermille: 0)
    case .busy: return Probe(state: "R", cpuPermille: 990)
    case .blocked: return Probe(state: "S", cpuPermille: 0, syscall: "read", descriptor: "pipe")
    case .allWait, .alone: return Probe(state: "S", cpuPermille: 0, syscall: "futex")
    }
  }

  // MARK: The outside view

  private func broken(_ invariant: Invariant, _ s: Int, _ detail: String) -> Failure {
    Failure(invariant: invariant, detail: detail, job: shims[s].job, node: Int32(shims[s].node))
  }

  private mutating func witnessStart(_ s: Int) {
    let member = shims[s].member
    let over = shimClock(s) - shims[s].leaseFrom - shape.limits.lease.milliseconds
    if over > 0 { violated(broken(.leaseHolds, s, "ranks of \(member) start \(over) ms past its lease")) }
    let devices = Set(shims[s].launch.devices)
    for other in liveShims where other != s && isExecuting(other) {
      let its = shims[other].member
      if shims[other].node == shims[s].node, its.attempt != member.attempt,
        !devices.isDisjoint(with: shims[other].launch.devices)
      {
        violated(broken(.deviceRunsOnce, s, "\(member) and \(its) on \(nodes[shims[s].node].name)"))
      }
      if its.attempt.job == member.attempt.job, its.attempt.number != member.attempt.number {
        let older = its.attempt.number < member.attempt.number ? its.attempt : member.attempt
        if auditor.gangs[older]?.endedStrictly == true {
          violated(broken(.strictHolds, s, "\(member) starts while \(its) runs"))
        }
      }
    }
  }

  /// What a fact says, held against what really runs.
  mutating func witness(_ fact: Fact) {
    switch fact.event {
    case .memberStopped(let member, let how):
      for s in liveShims where shims[s].member == member && isExecuting(s) {
        violated(broken(.stoppedIsStopped, s, "\(member) runs on \(nodes[shims[s].node].name), proof was \(how)"))
      }
    case .checkpointCommitted(let attempt, let step):
      let said = shims.contains { $0.launch.member.attempt == attempt && ($0.checkpoint ?? 0) >= step }
      guard !said else { break }
      violated(
        Failure(invariant: .checkpointWasSaid, detail: "step \(step) of \(attempt)", job: attempt.job.number))
    case .attemptStarted(let started): for place in started.places { witnessPlace(started.attempt, place.node) }
    default: break
    }
  }

  /// A node that has been off for long enough is given nothing, whatever people say.
  private mutating func witnessPlace(_ attempt: AttemptID, _ node: NodeID) {
    let name = controller.cluster.nodeDetails[Int(node.index)].joined.name
    guard let i = nodes.firstIndex(where: { $0.name == name }), !nodes[i].isOn,
      now - max(nodes[i].offSince, host.attentiveFrom) > longestUnnoticed
    else { return }
    violated(
      Failure(
        invariant: .deathIsNoticed, detail: "\(attempt) is placed on \(name), which is off", job: attempt.job.number,
        node: Int32(i)))
  }

  /// A kill, and an agent that does for its shim, take a little time after a lease has ended. Milliseconds; less than
  /// `Limits.leaseMargin`, after which the controller counts on it.
  static let leaseTolerance: Int64 = 900

  mutating func look() {
    for s in liveShims where isExecuting(s) {
      let over = shimClock(s) - shims[s].leaseFrom - shape.limits.lease.milliseconds
      if over > World.leaseTolerance {
        violated(broken(.leaseHolds, s, "\(shims[s].member) runs \(over) ms past its lease"))
      }
    }
    if now / 100_000_000 % 10 == 0 { lookForUnnoticed() }
    timeline.put(.look, at: now + 100_000_000)
  }

  /// The longest that the limits let a death go unnoticed: a first word that may come late, silence that is withheld until
  /// the leases are over; and some air.
  private var longestUnnoticed: Int64 {
    let limits = shape.limits
    let sum = limits.firstWord + limits.lease + limits.leaseMargin + limits.agentSilence + limits.silence
    return sum.nanoseconds + 3_000_000_000
  }

  private mutating func lookForUnnoticed() {
    guard host.isUp, host.isListening, !host.isSyncing else { return }
    for i in nodes.indices where !nodes[i].isOn {
      guard now - max(nodes[i].offSince, host.attentiveFrom) > longestUnnoticed,
        let node = controller.cluster.node(named: nodes[i].name)
      else { continue }
      for slot in controller.cluster.memberSlots(onNode: node) {
        let attempt = controller.cluster.attempt(controller.cluster.member(slot).attemptSlot)
        guard attempt.phase == .starting || attempt.phase == .running,
          (host.time - attempt.startedAt).nanoseconds > longestUnnoticed
        else { continue }
        let id = controller.cluster.memberID(slot)
        violated(
          Failure(
            invariant: .deathIsNoticed, detail: "\(id) counts as \(attempt.phase) on \(nodes[i].name), which is off",
            job: id.attempt.job.number, node: Int32(i)))
      }
    }
  }
}
