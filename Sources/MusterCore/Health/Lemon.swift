/// Faults of jobs that gathered on a node without evidence against it. A node is a lemon when 3 of them fell on it within
/// 24 h, from at least two jobs, and they are 5 times its peers' median, counted as at least 1.
///
/// Only a fault of an attempt that had got further than any before counts: one that fails where it failed before, or
/// never did a step, is the job's own. Nor does what people and limits do count: SIGKILL, SIGTERM and their like, a
/// stopped rank, running out of memory.
struct LemonCounter: Hashable, Sendable {
  static let faultsNeeded = 3
  static let jobsNeeded = 2
  static let window = Span.seconds(24 * 3600)
  static let timesMedian = 5
  static let peersNeeded = 3
  /// A peer has served at least this part of the attempts that the node has.
  static let peerShare: Int32 = 4

  struct Entry: Hashable, Sendable {
    var node: Int32
    var job: Int64
    var at: Instant
  }
  /// In order of time; older than the window are dropped as new ones come.
  var entries: [Entry] = []

  mutating func record(_ fault: Fault, at: Instant) {
    guard let node = fault.node, LemonCounter.counts(fault) else { return }
    entries.removeAll { $0.at + LemonCounter.window < at }
    entries.append(Entry(node: node.index, job: fault.attempt.job.number, at: at))
  }

  private static func counts(_ fault: Fault) -> Bool {
    guard fault.component == .rank else { return false }
    switch fault.cause {
    case .exitCode, .hangBusy, .hangBlocked, .hangUnknown: return true
    // SIGHUP, SIGINT, SIGQUIT, SIGKILL, SIGTERM: somebody's doing.
    case .signal: return ![129, 130, 131, 137, 143].contains(fault.exitCode)
    case .outOfMemory, .hangStopped, .shimDied, .nodeSilent, .nodeDied, .cannotExecute, .shimNotStarted, .leaseExpired,
      .nodeRevoked:
      return false
    }
  }

  /// The job has failed for good, by its own doing: its faults say nothing about the nodes that it ran on.
  mutating func acquit(job: JobID) { entries.removeAll { $0.job == job.number } }

  mutating func forgive(node: NodeID) { entries.removeAll { $0.node == node.index } }

  /// The evidence if the node is a lemon, else nil.
  /// - Parameter peers: nodes that served enough to be compared with; fewer than 3 tell nothing.
  func verdict(node: NodeID, now: Instant, peers: [Int32]) -> String? {
    var counts: [Int32: Int] = [:]
    var jobs: [Int64] = []
    for entry in entries where entry.at + LemonCounter.window >= now {
      counts[entry.node, default: 0] += 1
      if entry.node == node.index, !jobs.contains(entry.job) { jobs.append(entry.job) }
    }
    let own = counts[node.index] ?? 0
    guard own >= LemonCounter.faultsNeeded, jobs.count >= LemonCounter.jobsNeeded,
      peers.count >= LemonCounter.peersNeeded
    else { return nil }
    let median = max(1, peers.map { counts[$0] ?? 0 }.sorted()[peers.count / 2])
    guard own >= LemonCounter.timesMedian * median else { return nil }
    return "\(own) faults of \(jobs.count) jobs in 24 h; its peers' median is \(median)"
  }
}
