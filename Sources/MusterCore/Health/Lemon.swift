/// Faults of jobs that gathered on a node without evidence against it. A node is a lemon when 3 of them fell on it within
/// 24 h, from at least two jobs, and they are 5 times its peers' median, counted as at least 1.
struct LemonCounter: Hashable, Sendable {
  static let faultsNeeded = 3
  static let jobsNeeded = 2
  static let window = Span.seconds(24 * 3600)
  static let timesMedian = 5

  struct Entry: Hashable, Sendable {
    var node: Int32
    var job: Int64
    var at: Instant
  }
  /// In order of time; older than the window are dropped as new ones come.
  var entries: [Entry] = []

  mutating func record(_ fault: Fault, at: Instant) {
    guard let node = fault.node, fault.component == .rank || fault.component == .shim else { return }
    entries.removeAll { $0.at + LemonCounter.window < at }
    entries.append(Entry(node: node.index, job: fault.attempt.job.number, at: at))
  }

  /// The job has failed for good, by its own doing: its faults say nothing about the nodes that it ran on.
  mutating func acquit(job: JobID) { entries.removeAll { $0.job == job.number } }

  mutating func forgive(node: NodeID) { entries.removeAll { $0.node == node.index } }

  /// The evidence if the node is a lemon, else nil. `nodeCount`: nodes in the fleet (the peers).
  func verdict(node: NodeID, now: Instant, nodeCount: Int) -> String? {
    var counts: [Int32: Int] = [:]
    var jobs: [Int64] = []
    for entry in entries where entry.at + LemonCounter.window >= now {
      counts[entry.node, default: 0] += 1
      if entry.node == node.index, !jobs.contains(entry.job) { jobs.append(entry.job) }
    }
    let own = counts[node.index] ?? 0
    guard own >= LemonCounter.faultsNeeded, jobs.count >= LemonCounter.jobsNeeded, nodeCount > 1 else { return nil }
    counts[node.index] = nil
    let peers = counts.values.sorted()
    let quiet = nodeCount - 1 - peers.count
    let middle = (nodeCount - 1) / 2
    let median = max(1, middle < quiet || peers.isEmpty ? 0 : peers[min(middle - quiet, peers.count - 1)])
    guard own >= LemonCounter.timesMedian * median else { return nil }
    return "\(own) faults of \(jobs.count) jobs in 24 h; its peers' median is \(median)"
  }
}
