/// The fleet and its queue in numbers, for whoever draws them over time. Aggregates alone: how many figures there are
/// depends on no name and on no size.
public struct Figures: Hashable, Sendable {
  /// What a device is to the scheduler.
  public enum DeviceUse: String, CaseIterable, Hashable, Sendable {
    case free
    /// A member has it, also one that is stopping or silent.
    case busy
    /// Nobody has it; it is kept for a gang that others make room for.
    case held
    /// Nobody has it, and its node is in a maintenance.
    case maintenance
    /// Nobody has it, and nobody may: its node is not in service.
    case outOfService
  }

  /// By `JobState.rawValue`, of the states that are not final.
  public internal(set) var jobs = [Int64](repeating: 0, count: Int(JobState.completed.rawValue))
  /// Beside `WaitKind.allCases`; together they are the pending jobs.
  public internal(set) var waiting = [Int64](repeating: 0, count: WaitKind.allCases.count)
  /// By `NodeState.rawValue`.
  public internal(set) var nodes = [Int64](repeating: 0, count: NodeState.allCases.count)
  /// Beside `DeviceUse.allCases`.
  public internal(set) var devices = [Int64](repeating: 0, count: DeviceUse.allCases.count)
  /// Of nodes whose agents are connected.
  public internal(set) var agents: Int64 = 0
  /// Members that have not stopped.
  public internal(set) var members: Int64 = 0
  public internal(set) var epoch: Int64 = 0
  public internal(set) var sequence: Int64 = 0

  /// Pending jobs whose kind is looked at, the first in the queue's order by priority: the writer makes these counts, and
  /// nothing waits longer for it than for some thousand of them.
  public static let waitingLimit = 10_000
}

extension Controller {
  /// Takes time with nodes, running gangs and the limit, not with the queue's length.
  /// - Parameter waiting: so many pending jobs are looked at for what they wait for; the others are `notCounted`.
  public mutating func figures(waiting: Int = Figures.waitingLimit) -> Figures {
    refreshMap()
    var figures = Figures()
    (figures.epoch, figures.sequence) = (cluster.epoch, cluster.sequence)
    countJobs(&figures, waiting: waiting)
    countNodes(&figures)
    return figures
  }

  private func countJobs(_ figures: inout Figures, waiting: Int) {
    figures.jobs[Int(JobState.pending.rawValue)] = Int64(cluster.pending.count)
    for slot in cluster.active {
      let attempt = cluster.attempts[slot]
      figures.members += Int64(attempt.memberCount - attempt.membersStopped)
      // An old attempt may still be stopping while its job waits, or runs again.
      let job = cluster.jobs[attempt.jobSlot]
      guard job.latestAttempt == slot, !job.state.isFinal, job.state != .pending else { continue }
      figures.jobs[Int(job.state.rawValue)] += 1
    }
    var byKind: [WaitKind: Int64] = [:]
    for slot in cluster.pending.prefix(waiting) { byKind[waitKind(slot), default: 0] += 1 }
    byKind[.notCounted] = Int64(max(0, cluster.pending.count - waiting))
    for (i, kind) in WaitKind.allCases.enumerated() { figures.waiting[i] = byKind[kind] ?? 0 }
  }

  private func countNodes(_ figures: inout Figures) {
    let windows = fleetMap.windows.filter { $0.from <= now && now < $0.to }
    var (open, busy, held, taken, out) = (0, 0, 0, 0, 0)
    for i in cluster.nodes.indices {
      let (id, hot) = (NodeID(Int32(i)), cluster.nodes[i])
      figures.nodes[Int(hot.state.rawValue)] += 1
      if agent(of: id).connected { figures.agents += 1 }
      let unused = hot.freeDeviceCount
      busy += Int(hot.devices) - unused
      guard let mask = free(id) ?? (isFull(hot) ? hot.freeDevices : nil) else {
        out += unused
        continue
      }
      let usable = (mask & hot.freeDevices).nonzeroBitCount
      held += unused - usable
      if windows.contains(where: { i < $0.nodes.count && $0.nodes[i] }) { taken += usable } else { open += usable }
    }
    figures.devices = Figures.DeviceUse.allCases.map { use in
      switch use {
      case .free: Int64(open)
      case .busy: Int64(busy)
      case .held: Int64(held)
      case .maintenance: Int64(taken)
      case .outOfService: Int64(out)
      }
    }
  }
}
