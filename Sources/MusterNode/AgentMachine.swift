package import MusterCore
package import MusterProtocol

/// What an agent does, decided without doing it: it makes the members on its node those that the controller intends.
/// No clock, no process, no connection: the loop around it obeys.
package struct AgentMachine: Sendable {
  package enum Action: Hashable, Sendable {
    case startShim(MemberLaunch)
    case killShim(MemberID)
    case removeFolder(MemberID)
    /// Tell the controller now.
    case report
    /// The connection is to a controller that is no longer the one.
    case hangUp
  }

  private struct Known: Sendable {
    var shimPID: Int32
    var alive: Bool
    var startFailed: String
  }
  package private(set) var epoch: Int64 = 0
  /// As the controller wishes; each connection begins with the usual pace. Milliseconds.
  package private(set) var reportEvery = AgentMachine.usualReport
  package static let usualReport: Int64 = 1_000
  private var members: [MemberID: Known] = [:]
  /// Members whose shims are gone and put away, newest last. A member runs once: an intent that came late, or one of a
  /// controller that does not know yet, must not start it anew beside the word, still on its way, that it is gone.
  private var putAway: [MemberID] = []
  package static let putAwayRemembered = 1_024
  /// A shim that is held (stopped, or stuck in the kernel) does not enforce its lease, and its ranks run on: so long after
  /// it has ended the agent kills the shim, and all under it. Less than the controller's margin. Milliseconds.
  package static let leasePatience: Int64 = 300
  /// When the leases of live shims end, by their own word, on the boot-time clock.
  private var leases: [MemberID: Int64] = [:]

  package init() {}

  package var hasLiveMembers: Bool { members.values.contains { $0.alive } }

  /// In order, so that the same state always makes the same report.
  package var report: [AgentMemberState] {
    members.sorted {
      ($0.key.attempt.job, $0.key.attempt.number, $0.key.index) < (
        $1.key.attempt.job, $1.key.attempt.number, $1.key.index
      )
    }
    .map {
      AgentMemberState(
        member: $0.key, shimPID: $0.value.shimPID, alive: $0.value.alive, startFailed: $0.value.startFailed)
    }
  }

  package mutating func welcomed(epoch: Int64) -> [Action] {
    guard epoch >= self.epoch else { return [.hangUp] }
    self.epoch = epoch
    reportEvery = AgentMachine.usualReport
    return [.report]
  }

  /// The whole list of members that should be here.
  package mutating func intended(_ intent: NodeIntent, epoch: Int64) -> [Action] {
    guard epoch >= self.epoch else { return [.hangUp] }
    self.epoch = epoch
    // To be heard sooner means now: the controller counts from when it said so.
    var actions: [Action] = intent.reportEvery.milliseconds < reportEvery ? [.report] : []
    reportEvery = intent.reportEvery.milliseconds
    let wanted = Set(intent.launches.map(\.member) + intent.others)
    for launch in intent.launches where members[launch.member] == nil {
      if putAway.contains(launch.member) {
        members[launch.member] = Known(shimPID: 0, alive: false, startFailed: "")
        if !actions.contains(.report) { actions.append(.report) }
        continue
      }
      members[launch.member] = Known(shimPID: 0, alive: true, startFailed: "")
      actions.append(.startShim(launch))
    }
    for known in report where !wanted.contains(known.member) {
      if known.alive {
        actions.append(.killShim(known.member))
      } else {
        members[known.member] = nil
        if !putAway.contains(known.member) { putAway.append(known.member) }
        if putAway.count > AgentMachine.putAwayRemembered { putAway.removeFirst() }
        actions.append(.removeFolder(known.member))
      }
    }
    return actions
  }

  /// A run folder was found when the agent started, or a shim was started.
  package mutating func has(_ member: MemberID, shimPID: Int32, alive: Bool) {
    members[member] = Known(shimPID: shimPID, alive: alive, startFailed: "")
  }

  /// What a shim has written down of its lease; nil: nothing runs that a lease bounds.
  package mutating func leaseEnds(_ member: MemberID, at end: Int64?) {
    leases[member] = members[member]?.alive == true ? end : nil
  }

  /// When the first of the leases ends; nil: nothing runs that a lease bounds.
  package var firstLeaseEnd: Int64? { leases.values.min() }

  /// When to look at the leases again, at the latest.
  package var deadline: Int64? { firstLeaseEnd.map { $0 + AgentMachine.leasePatience } }

  /// Kills shims whose lease is over and who have not acted on it. Hand in the leases first: they may have been renewed.
  package mutating func tick(now: Int64) -> [Action] {
    let over = report.filter { known in
      leases[known.member].map { now >= $0 + AgentMachine.leasePatience } ?? false
    }
    for known in over { leases[known.member] = nil }
    return over.map { .killShim($0.member) }
  }

  package mutating func couldNotStart(_ member: MemberID, _ why: String) -> [Action] {
    members[member] = Known(shimPID: 0, alive: false, startFailed: why)
    return [.report]
  }

  /// The shim and everything under it is gone: proven.
  package mutating func ended(_ member: MemberID) -> [Action] {
    members[member]?.alive = false
    leases[member] = nil
    return [.report]
  }
}
