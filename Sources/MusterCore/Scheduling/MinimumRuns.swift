/// Those that run and may be stopped for others only later: who was stopped for another before runs at least
/// `Limits.minimumRun` first. Time alone brings that about, so somebody has to look when it has.
struct MinimumRuns: Sendable {
  struct Run: Sendable {
    var candidate: Candidate
    /// Of the topology.
    var type: Int32
    var end: Instant

    /// The same gangs may take its place.
    func isLike(_ other: Run) -> Bool {
      type == other.type && candidate.owner == other.candidate.owner && candidate.priority == other.candidate.priority
    }
  }

  /// By their ends; of those that are alike the first.
  private(set) var runs: [Run] = []
  /// What projects used when the last round had come back.
  var table = VictimTable()

  mutating func add(_ run: Run) {
    guard let known = runs.firstIndex(where: { $0.isLike(run) }) else { return runs.append(run) }
    if run.end < runs[known].end { runs[known] = run }
  }

  mutating func sort() { runs.sort { ($0.end, $0.candidate.attempt.job) < ($1.end, $1.candidate.attempt.job) } }

  /// The first whose place a gang may take then.
  func first(for gang: borrowing PendingGang, _ topology: Topology) -> Run? {
    for run in runs where gang.deviceTypes.isEmpty || gang.deviceTypes.contains(run.type) {
      let perNode = gang.isExclusive ? topology.deviceTypes[Int(run.type)].devicesPerNode : gang.devicesPerNode
      if table.mayStop(run.candidate, for: gang, run.type, gang.nodes &* perNode) { return run }
    }
    return nil
  }
}

extension Controller {
  /// After a round, when what it started and stopped is known.
  /// - Returns: when the first of those ends its minimum run whose place a gang that waits may take; `.never`: there is
  ///   none, and nobody need look.
  mutating func noteMinimumRuns(
    _ gangs: [PendingGang], _ round: borrowing PlanningRound, _ topology: Topology
  ) -> Instant {
    minimumRuns = MinimumRuns()
    guard mayGiveWay, planted != .preemptionCycle else { return .never }
    let tree = ProjectTree(cluster.policy, topology)
    var found = MinimumRuns()
    for slot in cluster.active {
      guard let end = endOfMinimumRun(slot), let candidate = candidate(slot, tree, after: end) else { continue }
      for place in cluster.attemptPlaces[Int(slot)] where place.devices != 0 {
        let type = fleetMap.type(of: place.node)
        if type >= 0 { found.add(MinimumRuns.Run(candidate: candidate, type: type, end: end)) }
      }
    }
    guard !found.runs.isEmpty else { return .never }
    found.sort()
    found.table = VictimTable(tree, used: projectUse(tree).devices)
    minimumRuns = found
    var next = Instant.never
    var asked: Set<Asker> = []
    for (i, gang) in gangs.enumerated() where round.isWaiting(i) {
      guard asked.insert(Asker(gang)).inserted, let run = found.first(for: gang, topology) else { continue }
      next = min(next, run.end)
    }
    return next
  }

  /// Why a job that waits cannot have another's place yet; nil: nobody's minimum run keeps it from one.
  func waitsForMinimumRun(_ gang: borrowing PendingGang, _ topology: Topology) -> Waiting.Cause? {
    guard let run = minimumRuns.first(for: gang, topology), run.end > now else { return nil }
    let job = run.candidate.attempt.job
    return Waiting.Cause(
      kind: "priority",
      message:
        "job \(job) may be stopped for it from \(run.end.rfc3339.prefix(19))Z on: it was stopped for another before, and runs at least \(limits.minimumRun.milliseconds / 60_000) min first"
    )
  }
}

/// What decides whose place a gang may take.
private struct Asker: Hashable {
  var owner: Int32
  var priority: Int32
  var mayPreempt: Bool
  var deviceTypes: [Int32]
  var nodes: Int32
  var devicesPerNode: Int32
  var isExclusive: Bool

  init(_ gang: borrowing PendingGang) {
    (owner, priority, mayPreempt) = (gang.owner, gang.priority, gang.mayPreempt)
    (deviceTypes, nodes) = (gang.deviceTypes, gang.nodes)
    (devicesPerNode, isExclusive) = (gang.devicesPerNode, gang.isExclusive)
  }
}

extension PlanningRound {
  fileprivate func isWaiting(_ gang: Int) -> Bool {
    switch entries[gang].kind {
    case .later, .beyondHorizon, .behind: true
    case .now, .preempting, .never: false
    }
  }
}
