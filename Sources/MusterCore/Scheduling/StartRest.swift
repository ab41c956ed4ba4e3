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

/// When everything that runs, or has a place in the last round, ends by its walltime. Made once for several jobs.
public struct PlannedEnds: Sendable {
  fileprivate struct End: Sendable {
    var at: Instant
    var job: JobID
    var deviceType: Int32
  }
  /// By time.
  fileprivate var ends: [End] = []
  /// What was found of a stretch of them: many jobs wait for the same one.
  fileprivate var rests: [Stretch: StartRest] = [:]

  fileprivate struct Stretch: Hashable {
    var from: Instant
    var to: Instant
    var deviceType: Int32
  }
  /// A round of more jobs is not looked through for their ends.
  fileprivate static let mostPlanned = 10_000
}

extension Controller {
  public func plannedEnds() -> PlannedEnds {
    var ends: [PlannedEnds.End] = []
    guard let plan = lastPlan, let topology = plan.map.topology, let round = plan.round else { return PlannedEnds() }
    for slot in cluster.active {
      let (at, job) = (plannedEnd(slot), cluster.jobs[cluster.attempts[slot].jobSlot])
      guard at != .never, job.devicesPerNode > 0, let place = cluster.attemptPlaces[Int(slot)].first else { continue }
      let leaf = plan.map.index.leaf(place.node)
      if leaf >= 0 {
        ends.append(PlannedEnds.End(at: at, job: job.id, deviceType: topology.leaves[Int(leaf)].deviceType))
      }
    }
    for (i, job) in plan.jobs.enumerated() where plan.jobs.count <= PlannedEnds.mostPlanned {
      guard case .startsAt(let start, let type, _) = round.answer(i), let walltime = plan.gangs[i].walltime else {
        continue
      }
      ends.append(PlannedEnds.End(at: start + walltime, job: job.id, deviceType: type))
    }
    ends.sort { ($0.at, $0.job) < ($1.at, $1.job) }
    return PlannedEnds(ends: ends)
  }

  /// nil: it does not wait for a place, or its start rests on something else (a maintenance, its quota, its time).
  public func startRest(_ slot: Int32, _ planned: inout PlannedEnds) -> StartRest? {
    guard let plan = lastPlan, let round = plan.round, unready(slot) == nil,
      let i = plan.entries[cluster.jobs[slot].id], case .startsAt(let start, let type, _) = round.answer(i)
    else { return nil }
    // What the round let start did so a moment after it, and ends that much later.
    let (from, to) = (round.bucketBefore(i), start + .seconds(5))
    return planned.rest(PlannedEnds.Stretch(from: from, to: to, deviceType: type))
  }
}

extension PlannedEnds {
  /// nil: nothing ends in it.
  fileprivate mutating func rest(_ stretch: Stretch) -> StartRest? {
    if let known = rests[stretch] { return known }
    var (low, high) = (0, ends.count)
    while low < high {
      let middle = (low + high) / 2
      if ends[middle].at > stretch.from { high = middle } else { low = middle + 1 }
    }
    let last = ends[low...].prefix { $0.at <= stretch.to }.filter { $0.deviceType == stretch.deviceType }
    guard let at = last.last?.at else { return nil }
    let rest = StartRest(jobs: last.map(\.job).sorted(), at: at)
    rests[stretch] = rest
    return rest
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
      case .walltime(let span): ("walltime", "\(span.seconds)", "at once with a walltime of \(span.seconds / 3600) h")
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
