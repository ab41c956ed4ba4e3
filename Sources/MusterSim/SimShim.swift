import MusterCore
import MusterNode
import MusterProtocol

/// A shim's process with the real machine in it, and the pretend ranks under it. A class, used by the world alone: as a
/// value of some 500 bytes and a dozen references it would be copied at each look at it.
final class SimShim {
  let launch: MemberLaunch
  let node: Int
  let script: Script
  var machine: ShimMachine
  var isAlive = true
  /// Nothing is left of it and of what ran under it: its agent may know.
  var isGone = false
  var link = SimLink()
  var beat: Int64 = 0
  var nextBeat: Int64 = 0
  var isUrgent = true
  var isKilling = false
  var wake = 0
  var stalledUntil: Int64 = 0
  var held = HeldMail()

  // The ranks.
  var running: [Bool]
  var reap: [(rank: Int, status: Int32, outOfMemory: String)] = []
  /// Counts changes of their course: what was foreseen before is void.
  var run = 0
  var startedAt: Int64 = 0
  /// The step that they do not get past.
  var lastStep: Int64 = .max
  var nextStep: Int64 = 0
  var checkpoint: Int64?
  var hang: Script.Hang?
  var isStopped = false
  var isWarned = false
  /// What its run folder says of its lease.
  var writtenLease: Int64?

  // The outside view's own count of the lease, by the node's boot-time clock.
  var sent: [(beat: Int64, at: Int64)] = []
  var leaseFrom: Int64

  init(_ launch: MemberLaunch, node: Int, seed: UInt64, now: Int64) {
    self.launch = launch
    self.node = node
    script = Script(job: Int64(launch.jobName.dropFirst(4)) ?? 0, seed: seed)
    machine = ShimMachine(
      firstRank: launch.firstRank, rankCount: launch.ranks, lease: launch.lease.milliseconds, now: now)
    running = [Bool](repeating: false, count: Int(launch.ranks))
    leaseFrom = now
    nextBeat = now
    link.redialAt = now
  }

  var job: Int64 { launch.member.attempt.job.number }
  var runs: Bool { running.contains(true) }

  var member: MemberID { launch.member }

  func step(_ now: Int64) -> Int64 {
    startedAt == 0 ? launch.resumeStep : min(lastStep, launch.resumeStep + (now - startedAt) / script.stepTime)
  }
  /// When a step was done.
  func moment(ofStep step: Int64) -> Int64 { startedAt + (step - launch.resumeStep) * script.stepTime }
}

/// The loop around `ShimMachine`, as `ShimLoop` runs it.
extension World {
  private func isHeld(_ s: Int) -> Bool { now < shims[s].stalledUntil || now < nodes[shims[s].node].frozenUntil }

  func shimClock(_ s: Int) -> Int64 { nodes[shims[s].node].clock(now) }

  mutating func shimHears(_ s: Int, _ c: Int, _ mail: Mail) {
    guard !isHeld(s) else { return shims[s].held.keep(c, mail) }
    hear(s, c, mail)
    runShim(s)
  }

  mutating func resumeShim(_ s: Int) {
    guard shims[s].isAlive, !isHeld(s) else { return }
    for (c, mail) in shims[s].held.take() { hear(s, c, mail) }
    runShim(s)
  }

  private mutating func hear(_ s: Int, _ c: Int, _ mail: Mail) {
    guard shims[s].isAlive, shims[s].link.connection == c else { return }
    let clock = shimClock(s)
    switch mail {
    case .closed: shims[s].link.dropped(now: clock, chance: &network)
    case .message(let message):
      shims[s].link.heard()
      switch message {
      case .welcome(let epoch): act(s, shims[s].machine.welcomed(epoch: epoch))
      case .want(let epoch, let order):
        let before = shims[s].machine.state
        if let beat = order.acknowledges { countLease(s, beat) }
        act(s, shims[s].machine.ordered(order, epoch: epoch, now: clock))
        if shims[s].machine.state != before { shims[s].isUrgent = true }
      case .refused, .intent, .inject, .logRead, .certificate: break
      }
    }
  }

  private mutating func countLease(_ s: Int, _ beat: Int64) {
    guard let found = shims[s].sent.first(where: { $0.beat == beat }) else { return }
    shims[s].leaseFrom = max(shims[s].leaseFrom, found.at)
    shims[s].sent.removeAll { $0.beat <= beat }
  }

  mutating func runShim(_ s: Int) {
    guard shims[s].isAlive, nodes[shims[s].node].isOn, !isHeld(s) else { return }
    let clock = shimClock(s)
    if shims[s].machine.state == .preparing { prepare(s) }
    act(s, shims[s].machine.tick(now: clock))
    switch shims[s].link.task(now: clock) {
    case .nothing: break
    case .dial:
      connections.append(Connection(.shim(s), node: shims[s].node))
      let c = connections.count - 1
      shims[s].link.dialed(c, now: clock)
      let node = nodes[shims[s].node]
      sendUp(
        c,
        .shimHello(
          ShimHello(
            node: node.name, machine: node.machine, boot: "\(node.machine)-boot-\(node.boot)",
            member: shims[s].member, pid: Int32(s + 1), epoch: shims[s].machine.epoch)))
      shims[s].isUrgent = true
    case .giveUp: hangUp(s, clock)
    }
    reap(s, clock)
    sendBeat(s, clock)
    guard shims[s].isAlive else { return }
    shims[s].writtenLease = shims[s].machine.leaseEndsAt
    var until = shims[s].nextBeat
    if let deadline = shims[s].machine.deadline { until = min(until, deadline) }
    if let deadline = shims[s].link.deadline { until = min(until, deadline) }
    shims[s].wake += 1
    timeline.put(
      .shim(s, wake: shims[s].wake), at: max(now + 1_000_000, nodes[shims[s].node].moment(until)))
  }

  private mutating func hangUp(_ s: Int, _ clock: Int64) {
    if let c = shims[s].link.connection { clientEnds(c) }
    shims[s].link.dropped(now: clock, chance: &network)
  }

  private mutating func prepare(_ s: Int) {
    if case .cannotStart = shims[s].script.fate, shims[s].job % 2 == 0 {
      shims[s].machine.prepared(
        ShimReport.Problem(code: "executableNotFound", message: "/no/such/program does not exist"))
    } else {
      shims[s].machine.prepared(nil)
    }
  }

  private mutating func reap(_ s: Int, _ clock: Int64) {
    let exits = shims[s].reap
    shims[s].reap = []
    for exit in exits {
      let rank = shims[s].launch.firstRank + Int32(exit.rank)
      shims[s].isUrgent = true
      act(
        s,
        shims[s].machine.exited(rank, ExitStatus(wait: exit.status), outOfMemory: exit.outOfMemory, now: clock))
    }
    if shims[s].isKilling, !shims[s].runs, shims[s].reap.isEmpty {
      shims[s].isKilling = false
      shims[s].machine.nothingLeft()
      shims[s].isUrgent = true
    }
  }

  private mutating func sendBeat(_ s: Int, _ clock: Int64) {
    guard shims[s].isAlive, shims[s].isUrgent || clock >= shims[s].nextBeat else { return }
    guard let c = shims[s].link.connection else {
      shims[s].nextBeat = clock + 500
      return
    }
    refresh(s)
    shims[s].beat += 1
    let beat = shims[s].beat
    let port: Int32 = shims[s].launch.holdsPort ? 29_500 : 0
    sendUp(c, .beat(ShimBeat(number: beat, report: shims[s].machine.report(port: port, now: clock))))
    shims[s].machine.beatSent(beat, at: clock)
    shims[s].sent.append((beat, clock))
    shims[s].isUrgent = false
    if clock >= shims[s].nextBeat { shims[s].nextBeat = clock + 500 }
  }

  mutating func act(_ s: Int, _ actions: [ShimMachine.Action]) {
    for action in actions {
      switch action {
      case .start: startRanks(s)
      case .signal(World.warning): warnRanks(s)
      case .signal(let number): signalRanks(s, number)
      case .killAll:
        shims[s].isKilling = true
        killRanks(s)
      case .exit: shimProcessEnds(s)
      case .hangUp: hangUp(s, shimClock(s))
      }
      shims[s].isUrgent = true
    }
  }

  // MARK: Its end

  mutating func killShim(_ s: Int) { if shims[s].isAlive { shimProcessEnds(s) } }

  /// The process ends; as the init of its namespace it takes all with it, in a moment.
  mutating func shimProcessEnds(_ s: Int) {
    guard shims[s].isAlive else { return }
    shims[s].isAlive = false
    _ = shims[s].held.take()
    if let c = shims[s].link.connection { clientEnds(c) }
    if shims[s].runs { killRanks(s) } else { everythingEnded(s) }
  }

  /// Nothing is left under it: its descriptor tells the agent.
  mutating func everythingEnded(_ s: Int) {
    guard !shims[s].isAlive, !shims[s].isGone else { return }
    for r in shims[s].running.indices { shims[s].running[r] = false }
    shims[s].isGone = true
    liveShims.removeAll { $0 == s }
    let i = shims[s].node
    let member = shims[s].member
    guard nodes[i].agentUp, nodes[i].folders[member] == s else { return }
    // A held agent finds it when it goes on: its machine knows at once, and says so with its next report.
    act(i, nodes[i].agent.ended(member))
    runAgent(i)
  }
}
