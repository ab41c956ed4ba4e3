package import MusterCore
package import MusterProtocol

/// What a shim does, decided without doing it: no clock, no process, no connection. The loop around it obeys; the
/// hostile harness hosts it in virtual time. Times in milliseconds of the boot-time clock.
package struct ShimMachine: Sendable {
  package enum Action: Hashable, Sendable {
    /// All ranks at once.
    case start(masterAddress: String, masterPort: Int32)
    case signal(Int32)
    /// SIGKILL to everything under the shim, and wait until nothing is left.
    case killAll
    /// Everything said is durable at the controller.
    case exit
    /// The connection is to a controller that is no longer the one.
    case hangUp
  }

  package private(set) var state = ShimReport.State.preparing
  package private(set) var problem: ShimReport.Problem?
  package private(set) var ranks: [RankReport]
  package private(set) var lease: Lease
  package private(set) var epoch: Int64 = 0
  package private(set) var wantsProbe = false
  private var killAt: Int64?
  /// Beside `ranks`: when each exited.
  private var exitedAt: [Int64?]
  private var signalSent: Int32 = 0
  private var isWarned = false
  /// Test-only: see `PlantedShimBug`.
  package var planted: PlantedShimBug?

  package init(firstRank: Int32, rankCount: Int32, lease: Int64, now: Int64) {
    ranks = (0..<rankCount).map { RankReport(rank: firstRank + $0, state: .waiting) }
    exitedAt = ranks.map { _ in nil }
    self.lease = Lease(length: lease, now: now)
  }

  package var isOver: Bool { state == .stopped || state == .failed }
  /// By when nothing of the ranks may run any more unless a beat is acknowledged; nil once nothing runs. The shim writes
  /// it down for its agent, which acts on it should the shim itself be held.
  package var leaseEndsAt: Int64? { isOver ? nil : lease.endsAt }
  /// When time alone brings something about.
  package var deadline: Int64? {
    switch state {
    case .preparing, .prepared, .running: min(lease.endsAt, killAt ?? .max)
    case .stopping: killAt
    case .stopped, .failed: nil
    }
  }

  // MARK: What happens on the node

  package mutating func prepared(_ failure: ShimReport.Problem?) {
    guard state == .preparing else { return }
    state = failure == nil ? .prepared : .failed
    problem = failure
  }

  package mutating func started(pids: [Int32]) {
    guard state == .prepared else { return }
    state = .running
    for i in ranks.indices {
      ranks[i].pid = pids[i]
      ranks[i].state = .running
    }
  }

  /// A rank could not be started after all; those that were are to be killed.
  package mutating func startFailed(_ failure: ShimReport.Problem) -> [Action] {
    problem = failure
    state = .failed
    return [.killAll]
  }

  package mutating func exited(_ rank: Int32, _ status: ExitStatus, outOfMemory: String, now: Int64) -> [Action] {
    guard let i = ranks.firstIndex(where: { $0.rank == rank }), ranks[i].state != .exited else { return [] }
    ranks[i].state = .exited
    ranks[i].exitCode = status.code
    ranks[i].signal = status.signal
    ranks[i].outOfMemory = outOfMemory
    exitedAt[i] = now
    // Nothing of a rank outlives it: what it left behind goes with the last one.
    return ranks.allSatisfy { $0.state == .exited } ? [.killAll] : []
  }

  /// After `killAll`: nothing runs under the shim any more.
  package mutating func nothingLeft() { if state == .running || state == .stopping { state = .stopped } }

  package mutating func progress(_ rank: Int32, _ change: (inout RankReport) -> Void) {
    if let i = ranks.firstIndex(where: { $0.rank == rank }) { change(&ranks[i]) }
  }

  package mutating func beatSent(_ beat: Int64, at now: Int64) { lease.beatSent(beat, at: now) }

  // MARK: What the controller says

  package mutating func welcomed(epoch: Int64) -> [Action] { accepts(epoch) ? [] : [.hangUp] }

  package mutating func ordered(_ order: ShimOrder, epoch: Int64, now: Int64) -> [Action] {
    guard accepts(epoch) else { return [.hangUp] }
    if let beat = order.acknowledges {
      lease.acknowledged(beat, length: order.lease.milliseconds)
      if planted == .leaseFromReceipt { lease = Lease(length: lease.length, now: now) }
    }
    // The shim may have been held (stopped, starved) until its lease was over: a "go" that waited for it in the
    // connection must not start ranks that the controller already counts as gone.
    if planted != .leaseNeverChecked, !isOver, lease.hasEnded(at: now) { return tick(now: now) }
    wantsProbe = order.probe
    switch order.want {
    case .prepare: return []
    case .go(let address, let port):
      return state == .prepared ? [.start(masterAddress: address, masterPort: port)] : warn(order.warn)
    case .stop(let signal, let grace): return stop(signal, grace: grace.milliseconds, now: now)
    case .release: return isOver ? [.exit] : stop(15, grace: 0, now: now) + [.exit]
    }
  }

  /// Once, whichever controller says it and however often.
  private mutating func warn(_ signal: Int32?) -> [Action] {
    guard let signal, state == .running, !isWarned else { return [] }
    isWarned = planted != .warnsAgain
    return [.signal(signal)]
  }

  private mutating func accepts(_ epoch: Int64) -> Bool {
    guard epoch >= self.epoch else { return false }
    self.epoch = epoch
    return true
  }

  private mutating func stop(_ signal: Int32, grace: Int64, now: Int64) -> [Action] {
    switch state {
    case .preparing, .prepared:
      state = .stopped
      return [.killAll]
    case .running, .stopping:
      state = .stopping
      let deadline = now + grace
      let isSooner = deadline < killAt ?? .max
      if isSooner { killAt = deadline }
      guard signalSent != signal else { return grace == 0 ? tick(now: now) : [] }
      signalSent = signal
      return grace == 0 ? tick(now: now) : [.signal(signal)]
    case .stopped, .failed: return []
    }
  }

  // MARK: Time

  package mutating func tick(now: Int64) -> [Action] {
    if !isOver, lease.hasEnded(at: now), planted != .leaseNeverChecked {
      if problem == nil {
        problem = ShimReport.Problem(
          code: "leaseExpired", message: "no beat was acknowledged for \(lease.length) ms: the ranks were killed")
      }
      if state == .preparing || state == .prepared { state = .failed } else { state = .stopping }
      killAt = nil
      return [.killAll]
    }
    if let at = killAt, now >= at {
      killAt = nil
      return [.killAll]
    }
    return []
  }

  package func report(port: Int32, now: Int64) -> ShimReport {
    var ranks = ranks
    for i in ranks.indices { ranks[i].exitedAge = exitedAt[i].map { .milliseconds(max(0, now - $0)) } }
    return ShimReport(state: state, problem: problem, port: port, ranks: ranks)
  }
}
