/// The ends that the start of a waiting job rests on: those after which its place is free for the first time.
public struct StartRest: Hashable, Sendable {
  /// By number; some of them may be planned themselves, and not run yet.
  public var jobs: [JobID]
  /// The last of their ends, by their walltimes.
  public var at: Instant

  public var message: String {
    let names = jobs.prefix(3).map(\.description).joined(separator: ", ")
    let more = jobs.count > 3 ? " and \(jobs.count - 3) more" : ""
    let who = jobs.count == 1 ? "job \(names) ends" : "jobs \(names)\(more) end"
    // To the second: a walltime's end is no appointment.
    return "when \(who), about \(at.rfc3339.prefix(19))Z"
  }
}

/// When everything that runs, or has a place in the last round, ends by its walltime, and where it is. Made once for
/// several jobs.
public struct PlannedEnds: Sendable {
  fileprivate struct End: Sendable {
    var at: Instant
    var job: JobID
    /// Where it is among the jobs.
    var slot: Int32
    var deviceType: Int32
    var source: Source
  }
  fileprivate enum Source: Sendable {
    case runs(attempt: Int32)
    case planned([Int32])
  }
  /// By time.
  fileprivate var ends: [End] = []
  /// Places in `ends`, by leaf and then by time; where each leaf's begin, and behind the last one's.
  fileprivate var placesOfLeaves: [Int32] = []
  fileprivate var firstOfLeaf: [Int] = []
  /// A round of more jobs is not looked through for their ends.
  fileprivate static let mostPlanned = 10_000
}

extension Controller {
  public func plannedEnds() -> PlannedEnds {
    guard let plan = lastPlan, let topology = plan.map.topology, let round = plan.round else { return PlannedEnds() }
    var ends: [PlannedEnds.End] = []
    for slot in cluster.active {
      let (at, job) = (plannedEnd(slot), cluster.attempts[slot].jobSlot)
      guard at != .never, cluster.jobs[job].devicesPerNode > 0,
        let leaf = cluster.attemptPlaces[Int(slot)].lazy.map({ plan.map.index.leaf($0.node) }).first(where: { $0 >= 0 })
      else { continue }
      let type = topology.leaves[Int(leaf)].deviceType
      ends.append(
        PlannedEnds.End(at: at, job: cluster.jobs[job].id, slot: job, deviceType: type, source: .runs(attempt: slot)))
    }
    for (i, job) in plan.jobs.enumerated() where plan.jobs.count <= PlannedEnds.mostPlanned {
      guard case .startsAt(let start, let type, let place) = round.answer(i), let slot = cluster.slot(of: job.id),
        let walltime = plan.gangs[i].walltime
      else { continue }
      ends.append(
        PlannedEnds.End(at: start + walltime, job: job.id, slot: slot, deviceType: type, source: .planned(place.leaves))
      )
    }
    ends.sort { ($0.at, $0.job) < ($1.at, $1.job) }
    // Each leaf of an end once.
    var places: [(leaf: Int32, end: Int32)] = []
    var last = [Int32](repeating: -1, count: topology.leaves.count)
    func add(_ leaf: Int32, _ end: Int32) {
      guard leaf >= 0, last[Int(leaf)] != end else { return }
      last[Int(leaf)] = end
      places.append((leaf, end))
    }
    for (i, end) in ends.enumerated() {
      switch end.source {
      case .runs(let attempt):
        for place in cluster.attemptPlaces[Int(attempt)] { add(plan.map.index.leaf(place.node), Int32(i)) }
      case .planned(let leaves): for leaf in leaves { add(leaf, Int32(i)) }
      }
    }
    return PlannedEnds(ends, places, leaves: topology.leaves.count)
  }

  /// nil: it does not wait for a place or its quota, or its start rests on something else (a maintenance, its time).
  public func startRest(_ slot: Int32, _ planned: PlannedEnds) -> StartRest? {
    guard let plan = lastPlan, let round = plan.round, unready(slot) == nil,
      let first = plan.entries[cluster.jobs[slot].id], case .startsAt(let start, _, _) = round.answer(first)
    else { return nil }
    // What the round let start did so a moment after it, and ends that much later.
    let (from, to) = (round.bucketBefore(first), start + .seconds(5))
    var found: Set<Int> = []
    let last = plan.gangs[(first + 1)...].prefix { $0.joins }.endIndex
    for i in first..<last {
      guard case .startsAt(_, _, let place) = round.answer(i) else { continue }
      for cause in round.causes(i, plan.gangs[i]) {
        switch cause {
        case .quota(_, _, _, _, let row, _):
          let payers = payers(plan.labels[Int(row)], plan.map)
          found.formUnion(planned.ends(from, to) { payers.contains($0.slot, $0.deviceType, cluster) })
        case .nodesBusy, .devicesBusy, .topology, .heldAhead, .filter:
          for leaf in place.leaves { found.formUnion(planned.ends(from, to, leaf: leaf)) }
        case .maintenance, .outOfService, .notBefore: break
        }
      }
    }
    let own = cluster.jobs[slot].id
    let ends = found.map { planned.ends[$0] }.filter { $0.job != own }
    guard let at = ends.map(\.at).max() else { return nil }
    return StartRest(jobs: Set(ends.map(\.job)).sorted(), at: at)
  }
}

extension Controller {
  fileprivate func payers(_ label: QuotaBook.Label, _ map: FleetMap) -> Payers {
    var projects: Set<String> = []
    // Parents stand before their children.
    for project in cluster.policy.projects where project.name == label.project || projects.contains(project.parent) {
      projects.insert(project.name)
    }
    let types = (map.topology?.deviceTypes ?? []).map { label.type.isEmpty || FleetMap.isNamed($0.name, label.type) }
    return Payers(projects: label.project.isEmpty ? nil : projects, user: label.user, types: types)
  }
}

/// Who is charged to a row of the quotas.
private struct Payers {
  /// nil: everybody. Asked, never iterated.
  var projects: Set<String>?
  /// Empty: every user.
  var user: String
  /// By type of the topology: its devices count.
  var types: [Bool]

  func contains(_ slot: Int32, _ type: Int32, _ cluster: borrowing Cluster) -> Bool {
    let spec = cluster.specs[Int(slot)]
    guard type >= 0, Int(type) < types.count, types[Int(type)] else { return false }
    return (user.isEmpty || spec.user == user) && projects?.contains(spec.project) ?? true
  }
}

extension QuotaBook.Label {
  /// Of the devices that count; empty: all.
  fileprivate var type: String {
    switch what {
    case .quota(let type, _, _), .fleet(let type): type
    case .devices, .jobs: ""
    }
  }
}

extension PlannedEnds {
  /// The writer waits for this, with every node of the fleet in it: counted, then put in place.
  /// - Parameter places: of ends in order of time.
  fileprivate init(_ ends: [End], _ places: [(leaf: Int32, end: Int32)], leaves: Int) {
    self.ends = ends
    var next = [Int](repeating: 0, count: leaves + 1)
    for place in places { next[Int(place.leaf) + 1] += 1 }
    for leaf in 0..<leaves { next[leaf + 1] += next[leaf] }
    firstOfLeaf = next
    placesOfLeaves = Array(repeating: 0, count: places.count)
    for place in places {
      placesOfLeaves[next[Int(place.leaf)]] = place.end
      next[Int(place.leaf)] += 1
    }
  }

  /// After `from`, up to `to`, of jobs that are wanted.
  fileprivate func ends(_ from: Instant, _ to: Instant, _ isWanted: (End) -> Bool) -> [Int] {
    let first = ends.partitioningIndex { $0.at > from }
    return ends[first...].indices.prefix { ends[$0].at <= to }.filter { isWanted(ends[$0]) }
  }

  /// Likewise of jobs that have nodes of a leaf.
  fileprivate func ends(_ from: Instant, _ to: Instant, leaf: Int32) -> [Int] {
    guard Int(leaf) + 1 < firstOfLeaf.count else { return [] }
    let own = placesOfLeaves[firstOfLeaf[Int(leaf)]..<firstOfLeaf[Int(leaf) + 1]]
    let first = own.partitioningIndex { ends[Int($0)].at > from }
    return own[first...].prefix { ends[Int($0)].at <= to }.map { Int($0) }
  }
}

extension RandomAccessCollection where Index == Int {
  /// The first index for which it holds; it holds for all behind that one.
  fileprivate func partitioningIndex(where holds: (Element) -> Bool) -> Int {
    var (low, high) = (startIndex, endIndex)
    while low < high {
      let middle = (low + high) / 2
      if holds(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

extension HeldPlace {
  fileprivate var leaves: [Int32] {
    switch self {
    case .whole(let places): places.map(\.leaf)
    case .part(let leaf, _, _): [leaf]
    case .mixed(let members): members.map(\.leaf)
    }
  }
}

extension Controller {
  /// What the job could ask for instead, and start at once, with the words for it: as the last round saw it.
  public func startChanges(_ slot: Int32) -> [(kind: String, value: String, message: String)] {
    guard let plan = lastPlan, let round = plan.round, let topology = plan.map.topology, unready(slot) == nil,
      let i = plan.entries[cluster.jobs[slot].id]
    else { return [] }
    return (round.changes[i] ?? []).map { change in
      switch change {
      case .segment(let size): ("segment", "\(size)", "at once with `segment: \(size)`")
      case .withinPreferred(let level):
        ("within", topology.levels[level], "at once if one \(topology.levels[level]) were only preferred")
      case .deviceType(let type):
        (
          "deviceType", topology.deviceTypes[Int(type)].name,
          "at once on devices of type \(topology.deviceTypes[Int(type)].name)"
        )
      case .walltime(let span):
        // The changes that are tried are whole hours.
        (
          "walltime", "\(span.milliseconds / 1000)",
          "at once with a walltime of \(span.milliseconds / 3_600_000) h"
        )
      case .nodes(let nodes): ("nodes", "\(nodes)", "at once with \(counted(nodes, "node"))")
      }
    }
  }
}

extension PlanningRound {
  /// When the bucket before a gang's start begins.
  fileprivate func bucketBefore(_ gang: Int) -> Instant {
    let bucket = Int(entries[gang].bucket)
    return bucket > 0 ? now + grid.start(ofBucket: bucket - 1) : now
  }
}
