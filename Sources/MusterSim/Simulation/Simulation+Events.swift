import MusterCore

/// What shims have to do because of a fact; done when the command that caused it has been answered, in order.
struct Chores {
  enum Chore {
    case start(job: Int32)
    case stop(job: Int32)
  }
  private var list: [Chore] = []
  private var done = 0

  mutating func add(_ chore: Chore) { list.append(chore) }

  mutating func take() -> Chore? {
    guard done < list.count else {
      if done > 0 { list.removeAll(keepingCapacity: true) }
      done = 0
      return nil
    }
    done += 1
    return list[done - 1]
  }
}

extension Simulation {
  mutating func handle(_ event: SimEvent) {
    switch event {
    case .finish(let job, let attempt): finish(Int(job), attempt)
    case .checkpoint(let job, let attempt):
      guard runs[Int(job)].phase == .running, runs[Int(job)].attempt == attempt else { return }
      speak(Int(job))
      events.put(event, at: now + settings.checkpointMilliseconds)
    case .walltime(let job):
      guard runs[Int(job)].phase != .over else { return }
      if let slot = controller.cluster.slot(of: runs[Int(job)].number),
        controller.walltimeEnd(slot).nanoseconds / 1_000_000 <= now
      {
        speak(Int(job))
      }
      tell(.tick)
    case .tick: tell(.tick)
    case .fault: nextFault()
    case .repair(let node): repair(node)
    case .inspected(let node):
      guard nodes[Int(node)].service == .isolated else { return }
      endService(node)
      tell(.resume(node: settings.fleet.name(node)))
    }
  }

  /// What the shims do until nothing is left to do at this moment.
  mutating func work() {
    while let chore = chores.take() {
      switch chore {
      case .start(let job): startGang(Int(job))
      case .stop(let job): stopGang(Int(job))
      }
    }
  }

  // MARK: Gangs

  private func member(_ job: Int, _ index: Int) -> MemberID {
    MemberID(attempt: AttemptID(job: runs[job].number, number: runs[job].attempt), index: Int32(index))
  }

  /// All prepare, the first holds a port; all start. (Ranks that have said nothing are not listed: most never do.)
  private mutating func startGang(_ job: Int) {
    guard runs[job].phase == .starting else { return }
    let count = places[job].count
    for index in 0..<count {
      tell(.shimReport(member(job, index), ShimReport(state: .prepared, port: index == 0 ? 29_500 : 0, ranks: [])))
    }
    for index in 0..<count { tell(.shimReport(member(job, index), ShimReport(state: .running, ranks: []))) }
  }

  /// The survivors confirm that nothing runs any more. Ranks stop at once.
  private mutating func stopGang(_ job: Int) {
    guard runs[job].phase == .stopping else { return }
    for index in places[job].indices where nodes[Int(places[job][index].node.index)].service != .broken {
      let ranks = index == 0 && runs[job].wasPreempted ? lastWord(of: job) : []
      tell(.shimReport(member(job, index), ShimReport(state: .stopped, ranks: ranks)))
    }
  }

  private mutating func finish(_ job: Int, _ attempt: Int32) {
    guard runs[job].phase == .running, runs[job].attempt == attempt else { return }
    var last = word(of: job)
    last?.state = .exited
    let ranks = last.map { [$0] } ?? []
    for index in places[job].indices {
      tell(.shimReport(member(job, index), ShimReport(state: .stopped, ranks: index == 0 ? ranks : [])))
    }
  }

  /// What the gang's first rank has said by now. Nil before the first step.
  private func word(of job: Int) -> RankReport? {
    let run = runs[job]
    guard run.phase == .running else { return nil }
    let done = run.progress(at: now, of: jobs[job].durationMilliseconds)
    return RankReport(
      state: .running, done: done, resumed: run.resumed, elapsed: done - run.resumed, kept: checkpoint(before: done))
  }

  /// What is known at the end of an attempt that was preempted: how far it was, and its last checkpoint.
  private func lastWord(of job: Int) -> [RankReport] {
    let run = runs[job]
    let done = run.progress(at: run.endingAt, of: jobs[job].durationMilliseconds)
    let report = RankReport(
      state: .exited, done: done, resumed: run.resumed, elapsed: now - run.worksFrom, kept: run.saved)
    return report.map { [$0] } ?? []
  }

  /// A job says how far it has come, because something is about to end its attempt.
  private mutating func speak(_ job: Int) {
    guard let word = word(of: job) else { return }
    tell(.shimReport(member(job, 0), ShimReport(state: .running, ranks: [word])))
  }

  // MARK: Faults

  private mutating func nextFault() {
    guard let fault = faults?.draw(), let again = faults?.untilNext() else { return }
    events.put(.fault, at: now + again)
    guard let kind = settings.faults?.kinds[fault.kind] else { return }
    faultCounts[fault.kind] += 1
    let struck = kind.scope == .rack ? settings.fleet.nodes(inRack: fault.place) : fault.place..<fault.place + 1
    if kind.takesOut {
      die(struck, kind.cause, kind: fault.kind)
    } else {
      // A whole rack of them would be one fault for each job on it; the first node's stands for it.
      if let node = struck.first(where: { nodes[Int($0)].service == .up }) { fail(on: node) }
    }
  }

  /// Jobs of which something runs on a node, in the order in which it came there.
  private func jobs(on node: Int32) -> [Int] {
    controller.cluster.memberSlots(onNode: NodeID(node)).reversed().map { slot in
      let attempt = controller.cluster.member(slot).attemptSlot
      return index(controller.cluster.job(controller.cluster.attempt(attempt).jobSlot).id)
    }
  }

  private mutating func die(_ struck: Range<Int32>, _ cause: String, kind: Int) {
    let dying = struck.filter { nodes[Int($0)].service == .up }
    guard !dying.isEmpty, let repairTime = faults?.repairMilliseconds(kind) else { return }
    for node in dying { for job in jobs(on: node) { speak(job) } }
    // The core hears of one after the other, and may place a job on the next to die; what shims have to do comes after
    // all of them.
    for node in dying {
      takeOut(node, .broken)
      tell(.nodeDied(node: settings.fleet.name(node), evidence: cause))
      events.put(.repair(node: node), at: now + repairTime)
    }
  }

  /// A fault without evidence against the node: a rank of one of its jobs ends badly.
  private mutating func fail(on node: Int32) {
    guard let job = jobs(on: node).first,
      let index = places[job].firstIndex(where: { $0.node.index == node })
    else { return }
    speak(job)
    var rank = RankReport(rank: Int32(index), state: .running)
    if index == 0, let word = word(of: job) { rank = word }
    rank.state = .exited
    rank.exitCode = 1
    tell(.shimReport(member(job, index), ShimReport(state: .running, ranks: [rank])))
  }

  private mutating func repair(_ node: Int32) {
    guard nodes[Int(node)].service == .broken else { return }
    nodes[Int(node)].boot += 1
    endService(node)
    arrive(node)
    tell(.resume(node: settings.fleet.name(node)))
  }
}
