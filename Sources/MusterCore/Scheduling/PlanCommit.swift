extension Controller {
  /// The answers of a round, each started only if it still holds; a stale one is dropped, and looked at anew.
  mutating func commitPlan(_ plan: consuming Plan) {
    guard plan.mapVersion == mapVersion, !isMapOld, let topology = fleetMap.topology, let round = plan.round else {
      if plan.mapVersion != mapVersion || isMapOld { isPlanOld = true }
      lastPlan = plan
      return
    }
    var choice = NodeChoice(topology: topology, index: fleetMap.index, nodeCount: cluster.nodes.count)
    for (i, job) in plan.jobs.enumerated() {
      if let start = round.start(i), start > now { nextLook = min(nextLook, start) }
      guard case .startsNow(_, let held) = round.answer(i) else { continue }
      if !startPlanned(job, held, plan.view.sharedNodes, &choice) { nextLook = now }
    }
    // All that were looked at start: others may, too.
    if plan.jobs.count == limits.planning.depth, let last = plan.jobs.indices.last, round.start(last) == plan.view.now {
      isPlanOld = true
    }
    lastPlan = plan
  }

  private mutating func startPlanned(
    _ planned: Plan.Job, _ held: HeldPlace, _ shared: [SharedNode], _ choice: inout NodeChoice
  ) -> Bool {
    guard let slot = cluster.slot(of: planned.id) else { return true }
    let job = cluster.jobs[slot]
    guard job.state == .pending, job.attempt == planned.attempt, unready(slot) == nil else { return true }
    // One that has run before keeps its ranks on the nodes that are still good.
    if job.attempt > 0, let places = repaired(slot) {
      begin(slot, places)
      return true
    }
    let places = choice.choose(
      held, devicesPerNode: job.devicesPerNode, previous: previousNodes(slot), sharedNodes: shared,
      isAllowed: { mayHave($0, slot) }, in: self)
    guard let places else { return false }
    begin(slot, places)
    return true
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
    let (job, wishes) = (cluster.jobs[slot], cluster.specs[Int(slot)].wishes)
    var choice = NodeChoice(topology: topology, index: fleetMap.index, nodeCount: cluster.nodes.count)
    let level = wishes.within.flatMap { $0.isRequired ? fleetMap.level(named: $0.level) : nil }
    let places = choice.repair(
      previous: previousNodes(slot), segment: wishes.segment, within: level, devicesPerNode: job.devicesPerNode,
      isExclusive: wishes.isExclusive, isAllowed: { mayHave($0, slot) }, in: self)
    guard let places, isSpread(places.map(\.node), wishes) else { return nil }
    return places
  }

  /// Nodes are put in the place of lost ones one by one: together they may be too many in one domain.
  private func isSpread(_ nodes: [NodeID], _ wishes: Wishes) -> Bool {
    guard let spread = wishes.spread, let level = fleetMap.level(named: spread.level) else { return true }
    var counts: [Int32: Int32] = [:]
    for node in nodes { counts[fleetMap.domainOfNode[level][Int(node.index)], default: 0] += 1 }
    return counts.values.allSatisfy { $0 <= spread.atMost }
  }

}
