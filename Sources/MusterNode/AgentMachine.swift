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
  private var members: [MemberID: Known] = [:]

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
    return [.report]
  }

  /// The whole list of members that should be here.
  package mutating func intended(_ launches: [MemberLaunch], epoch: Int64) -> [Action] {
    guard epoch >= self.epoch else { return [.hangUp] }
    self.epoch = epoch
    var actions: [Action] = []
    let wanted = Set(launches.map(\.member))
    for launch in launches where members[launch.member] == nil {
      members[launch.member] = Known(shimPID: 0, alive: true, startFailed: "")
      actions.append(.startShim(launch))
    }
    for known in report where !wanted.contains(known.member) {
      if known.alive {
        actions.append(.killShim(known.member))
      } else {
        members[known.member] = nil
        actions.append(.removeFolder(known.member))
      }
    }
    return actions
  }

  /// A run folder was found when the agent started, or a shim was started.
  package mutating func has(_ member: MemberID, shimPID: Int32, alive: Bool) {
    members[member] = Known(shimPID: shimPID, alive: alive, startFailed: "")
  }

  package mutating func couldNotStart(_ member: MemberID, _ why: String) -> [Action] {
    members[member] = Known(shimPID: 0, alive: false, startFailed: why)
    return [.report]
  }

  /// The shim and everything under it is gone: proven.
  package mutating func ended(_ member: MemberID) -> [Action] {
    members[member]?.alive = false
    return [.report]
  }
}
