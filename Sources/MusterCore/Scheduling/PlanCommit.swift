extension Controller {
  /// The answers of a round, each started only if it still holds; a stale one is dropped, and looked at anew.
  mutating func commitPlan(_ plan: consuming Plan) {
    guard plan.mapVersion == mapVersion, !isMapOld, let topology = fleetMap.topology, let round = plan.round else {
      if plan.mapVersion != mapVersion || isMapOld { isPlanOld = true }
      lastPlan = plan
      return
    }
    var choice = NodeChoice(topology: topology, index: fleetMap.index, nodeCount: cluster.nodes.count)
    var (hasDropped, hasMoved) = (false, false)
    // Its own starts are in its profile.
    let isMore = since.isMore
    var starting: [Starting] = []
    var table: VictimTable?
    let firstHeld = round.entries.firstIndex { $0.kind == .later } ?? .max
    for (i, job) in plan.jobs.enumerated() {
      if let start = round.start(i), start > now { nextLook = min(nextLook, start) }
      if round.isNever(i), !wasNever(job.id) { hasMoved = true }
      if case .startsNow(_, let held) = round.answer(i) {
        let isTooLate = round.isTooLate(plan.gangs[i].walltime, at: now)
        if isTooLate { since.hasStrayed = true }
        if plan.gangs[i].joins {
          starting[starting.count - 1].gangs.append((job.role, held))
        } else {
          starting.append(
            Starting(
              job: job, gangs: [(job.role, held)], mayReturn: firstHeld == .max,
              isTooLate: i > firstHeld && isTooLate))
        }
      }
    }
    for (i, job) in plan.jobs.enumerated() {
      let taking = plan.taking(i, round)
      guard !taking.isEmpty else { continue }
      var known = table.take() ?? victimTable(topology)
      if claim(job, taking, topology, plan.view.sharedNodes, &choice, &known) {
        hasMoved = true
      } else {
        hasDropped = true
        // It waits for a place that nobody keeps for it: those behind it start where the round has them, and nowhere else.
        for start in starting.indices { starting[start].mayReturn = false }
        drop(job.id)
      }
      table = known
    }
    var quotas = starting.isEmpty ? nil : quotaCount()
    // Those that need particular nodes choose first: any of a count will do for the others.
    for hasRule in [true, false] {
      for start in starting where isParticular(start.job.id) == hasRule {
        if !start.isTooLate, startPlanned(start, plan.view.sharedNodes, &choice, &quotas) {
          hasMoved = true
        } else {
          hasDropped = true
          drop(start.job.id)
        }
      }
    }
    since.isMore = isMore
    since.opened = choice.opened
    if hasDropped { since.hasStrayed = true }
    dropsInARow = hasDropped ? min(dropsInARow + 1, 7) : 0
    // Looked at again, ever more seldom while nothing else changes.
    if hasDropped { nextLook = min(nextLook, now + .milliseconds(50 << Int64(dropsInARow))) }
    // Some that were looked at start, or turn out to be such as never will: others have their turn.
    if plan.isCut, hasMoved { isPlanOld = true }
    if !plan.jobs.isEmpty { nextLook = min(nextLook, nextTurn, noteMinimumRuns(plan.gangs, round, topology)) }
    keep(round, topology)
    lastPlan = plan
  }

  private mutating func drop(_ job: JobID) {
    dropped.insert(job)
    if drops.count > 10_000 { drops = [:] }
    drops[job, default: 0] += 1
  }

  /// A place that a job is planned for again and again, and cannot have, must not stand in the way of those behind it: after
  /// three drops in a row it is looked at in every fourth round.
  mutating func isLeftOut(_ job: JobID) -> Bool {
    guard !drops.isEmpty, let count = drops[job], count >= 3 else { return false }
    guard count % 4 != 3 else { return false }
    drops[job] = count + 1
    nextLook = min(nextLook, now + .seconds(1))
    return true
  }

  /// A job whose turn it is, with the place of each of its gangs.
  struct Starting {
    var job: Plan.Job
    var gangs: [(role: Int32, place: HeldPlace)]
    /// It may have the nodes that it had before, wherever the round placed it: nobody who waits is held a place there.
    var mayReturn: Bool
    /// Somebody before it is held a place, and the round comes back so late that it would reach into a bucket more than the
    /// round counted: the place may begin with that one.
    var isTooLate: Bool
  }

  private func victimTable(_ topology: Topology) -> VictimTable {
    let tree = ProjectTree(cluster.policy, topology)
    return VictimTable(tree, used: projectUse(tree).devices)
  }

  private func isParticular(_ job: JobID) -> Bool {
    guard let slot = cluster.slot(of: job) else { return false }
    let spec = cluster.specs[Int(slot)]
    func isParticular(_ wishes: Wishes) -> Bool { !wishes.constraint.isEmpty || !wishes.exclude.isEmpty }
    return isParticular(spec.wishes) || spec.further.contains { isParticular($0.wishes) }
  }

  /// False if its place, or its quota, is not what the round took it for.
  mutating func startPlanned(
    _ starting: Starting, _ shared: [SharedNode], _ choice: inout NodeChoice, _ quotas: inout QuotaCount?
  ) -> Bool {
    guard let slot = cluster.slot(of: starting.job.id) else { return true }
    let job = cluster.jobs[slot]
    guard job.state == .pending, job.attempt == starting.job.attempt, unready(slot) == nil else {
      isPlanOld = true  // its place is free for others
      return true
    }
    // One that has run before keeps its ranks on the nodes that are still good.
    if starting.mayReturn, job.attempt > 0, let places = repaired(slot), isWithinQuota(slot, places, &quotas) {
      since.hasStrayed = true
      begin(slot, places)
      return true
    }
    if cluster.specs[Int(slot)].hasRoles, cluster.specs[Int(slot)].hasUncounted {
      return startUncounted(slot, starting.gangs, shared, &choice, &quotas)
    }
    guard let places = places(slot, starting.gangs, shared, &choice), isWithinQuota(slot, places, &quotas) else {
      return false
    }
    begin(slot, places)
    return true
  }

  /// Where its quota does not let it have the nearest nodes to be alone on, the smallest may do.
  private mutating func startUncounted(
    _ slot: Int32, _ gangs: [(role: Int32, place: HeldPlace)], _ shared: [SharedNode], _ choice: inout NodeChoice,
    _ quotas: inout QuotaCount?
  ) -> Bool {
    for isSmallest in [false, true] {
      var trial = choice
      guard let places = placesOfRoles(slot, gangs, shared, &trial, isSmallest: isSmallest),
        isWithinQuota(slot, places, &quotas)
      else { continue }
      choice = trial
      since.hasStrayed = true
      begin(slot, places)
      return true
    }
    return false
  }

  private func places(
    _ slot: Int32, _ gangs: [(role: Int32, place: HeldPlace)], _ shared: [SharedNode], _ choice: inout NodeChoice
  ) -> [Place]? {
    guard !cluster.specs[Int(slot)].hasRoles else { return placesOfRoles(slot, gangs, shared, &choice) }
    let rule = nodeRule(slot)
    return choice.choose(
      gangs[0].place, devicesPerNode: cluster.jobs[slot].devicesPerNode, previous: previousNodes(slot),
      sharedNodes: shared, isAllowed: { allows(rule, $0) }, in: self)
  }

  /// Counts it in if it is.
  func isWithinQuota(_ slot: Int32, _ places: [Place], _ quotas: inout QuotaCount?) -> Bool {
    guard var known = quotas.take() else { return true }
    let isWithin = known.take(cluster.specs[Int(slot)], places, cluster, fleetMap)
    quotas = known
    return isWithin
  }

  /// Where the gang was before, in rank order.
  func previousNodes(_ slot: Int32) -> [NodeID] {
    let latest = cluster.jobs[slot].latestAttempt
    return latest < 0 ? [] : cluster.attemptPlaces[Int(latest)].map(\.node)
  }

  /// A new attempt on these places.
  mutating func begin(_ slot: Int32, _ places: [Place]) {
    if planted == .attemptNumberReused, cluster.jobs[slot].attempt > 0 { cluster.jobs[slot].attempt -= 1 }
    let job = cluster.jobs[slot]
    let attempt = AttemptID(job: job.id, number: job.attempt + 1)
    note(.attemptStarted(AttemptStarted(attempt: attempt, places: places, resumeStep: job.checkpointStep)))
    for member in cluster.memberSlots(ofAttempt: cluster.jobs[slot].latestAttempt) {
      expect(member)
      expectReport(NodeID(cluster.members[member].node))
      dirty.nodes.append(NodeID(cluster.members[member].node))
    }
    dropped.remove(job.id)
    drops[job.id] = nil
    // Others may have waited for its start.
    if attempt.number == 1, cluster.awaitedStarts.contains(job.id.number) {
      since.hasStrayed = true
      mustSchedule = true
    }
  }

  /// The gang again at once, on its healthy nodes and others in the place of those that are lost: a round must never stand
  /// between a fault and its restart. Nothing suitable is free: it waits for a place as all others do.
  mutating func restart(_ slot: Int32) {
    if let why = unready(slot) {
      nextLook = min(nextLook, why.until)
      return
    }
    guard cluster.jobs[slot].devicesPerNode > 0 else { return startPlain(slot) }
    refreshMap()
    isPlanOld = true
    if let places = repaired(slot) { begin(slot, places) }
  }

  private func repaired(_ slot: Int32) -> [Place]? {
    guard let topology = fleetMap.topology else { return nil }
    guard !cluster.specs[Int(slot)].hasRoles else { return repairedRoles(slot, topology) }
    let (job, wishes) = (cluster.jobs[slot], cluster.specs[Int(slot)].wishes)
    var choice = NodeChoice(topology: topology, index: fleetMap.index, nodeCount: cluster.nodes.count)
    let rule = nodeRule(slot)
    let level = wishes.within.flatMap { $0.isRequired ? fleetMap.level(named: $0.level) : nil }
    let places = choice.repair(
      previous: previousNodes(slot), segment: wishes.segment, within: level, devicesPerNode: job.devicesPerNode,
      isExclusive: wishes.isExclusive, isAllowed: { allows(rule, $0) }, in: self)
    guard let places, isSpread(places.map(\.node), wishes) else { return nil }
    return places
  }

  /// Nodes are put in the place of lost ones one by one: together they may be too many in one domain.
  func isSpread(_ nodes: [NodeID], _ wishes: Wishes) -> Bool {
    guard let spread = wishes.spread, let level = fleetMap.level(named: spread.level) else { return true }
    var counts: [Int32: Int32] = [:]
    for node in nodes { counts[fleetMap.domainOfNode[level][Int(node.index)], default: 0] += 1 }
    return counts.values.allSatisfy { $0 <= spread.atMost }
  }
}

extension Plan {
  /// The gangs of a job, the first of which is at `first`, for which others are to be stopped; none if nobody is, or if its
  /// gang is not its job's first.
  fileprivate func taking(_ first: Int, _ round: PlanningRound) -> [TakingGang] {
    guard !gangs[first].joins else { return [] }
    let end = gangs[(first + 1)...].prefix { $0.joins }.endIndex
    return (first..<end).compactMap { i in
      guard case .preempts(let type, let held, let victims) = round.answer(i) else { return nil }
      return TakingGang(role: jobs[i].role, gang: gangs[i], type: type, place: held, victims: victims)
    }
  }
}

extension PlanningRound {
  /// What was to start when the round was taken, and starts only now, ends a bucket later.
  func isTooLate(_ walltime: Span?, at time: Instant) -> Bool {
    guard let walltime else { return false }
    let ends = [walltime, time - now + walltime].map { grid.lastBucket(from: 0, units: grid.units($0)) }
    return ends[1] > ends[0]
  }
}
