extension Controller {
  /// The scheduler's answer for a job that waits.
  public func waiting(for slot: Int32) -> Waiting {
    // What is not to start yet has its place in the calendar, and the round says more of it.
    let isPlanned = lastPlan?.entries[cluster.jobs[slot].id] != nil
    if let waiting = waitingUnready(slot, isPlanned: isPlanned) { return waiting }
    if let claim = claims.first(where: { $0.job == cluster.jobs[slot].id }) { return waiting(claim) }
    if let never = waitingAlone(slot) { return never }
    guard cluster.jobs[slot].devicesPerNode > 0 else {
      switch placesWithinQuota(slot) {
      case .waits(let why): return waiting(why, slot)
      case .places: return Waiting(causes: [Self.notLookedAt], start: now)
      case .overQuota(let devices):
        let message =
          "is alone on its nodes and so has their \(counted(devices, "device")): more than project \(cluster.specs[Int(slot)].project) may use now"
        return Waiting(causes: [Waiting.Cause(kind: "quota", message: message)])
      }
    }
    guard cluster.nodes.contains(where: { $0.devices > 0 }) else {
      return Waiting(
        causes: [
          Waiting.Cause(kind: "fleetTooSmall", message: "needs nodes with devices; none has joined yet")
        ])
    }
    guard let plan = lastPlan, let i = plan.entries[cluster.jobs[slot].id], let round = plan.round,
      let topology = plan.map.topology
    else {
      if let (array, room) = arrayRoom(slot), let limit = cluster.specs[Int(slot)].wishes.array?.atOnce {
        let why = Unready.arrayLimit(array: array, running: limit - room, limit: limit)
        return Waiting(causes: [why.cause { cluster.shown($0) }])
      }
      if let plan = lastPlan, plan.isCut {
        return Waiting(
          causes: [
            Waiting.Cause(
              kind: "priority",
              message: limits.planning.depthBehind == 0
                ? "a round looks at \(plan.jobs.count) jobs, and so many are before it"
                : "more jobs are before it than one round looks at: those behind them have their turn, round after round"
            )
          ])
      }
      return Waiting(causes: [Self.notLookedAt])
    }
    return waiting(slot, i, plan, round, topology)
  }

  /// What the last round found of a job whose first gang is the `i`th of it.
  private func waiting(
    _ slot: Int32, _ i: Int, _ plan: Plan, _ round: PlanningRound, _ topology: Topology
  ) -> Waiting {
    var waiting: Waiting
    switch round.answer(i) {
    case .startsNow, .preempts: return Waiting(causes: [Self.notLookedAt], start: plan.view.now)
    case .never(let reasons):
      return Waiting(causes: reasons.map { cause($0, slot, plan, topology) }, isNever: true)
    case .behind:
      waiting = Waiting(causes: [
        Waiting.Cause(kind: "priority", message: "does not fit now beside those before it in the queue")
      ])
    case .startsAt, .beyondHorizon:
      waiting = Waiting(
        causes: causes(i, plan, round, topology), start: round.start(i, notBefore: plan.gangs[i].begin))
    }
    // Before its time nobody is stopped for it.
    if plan.gangs[i].begin <= now, let cause = waitsForMinimumRun(plan.gangs[i], topology) {
      waiting.causes.append(cause)
    }
    return waiting
  }

  /// nil, unless its quota never lets it have the nodes that it would be alone on.
  private func waitingAlone(_ slot: Int32) -> Waiting? {
    guard cluster.specs[Int(slot)].hasUncounted, !cluster.policy.projects.isEmpty, let topology = fleetMap.topology
    else { return nil }
    var book = quotaBook(topology)
    return neverAlone(slot, &book).map {
      Waiting(causes: [Waiting.Cause(kind: "quota", message: $0)], isNever: true)
    }
  }

  /// Of a job with several roles each that lacks something, by name.
  private func causes(_ first: Int, _ plan: Plan, _ round: PlanningRound, _ topology: Topology) -> [Waiting.Cause] {
    var end = first + 1
    while end < plan.gangs.count, plan.gangs[end].joins { end += 1 }
    guard end > first + 1, let slot = cluster.slot(of: plan.jobs[first].id) else {
      let wishes = cluster.slot(of: plan.jobs[first].id).map { cluster.specs[Int($0)].wishes } ?? Wishes()
      return round.causes(first, plan.gangs[first]).map { cause($0, plan, topology, wishes) }
    }
    var causes: [Waiting.Cause] = []
    let roles = cluster.specs[Int(slot)].roles
    for i in first..<end {
      for why in round.causes(i, plan.gangs[i]) {
        if case .heldAhead = why { continue }
        let cause = cause(why, plan, topology, cluster.specs[Int(slot)].wishes(ofRole: Int(plan.jobs[i].role)))
        let name = roles[Int(plan.jobs[i].role)].name
        causes.append(Waiting.Cause(kind: cause.kind, message: "role \(name): \(cause.message)"))
      }
    }
    guard causes.isEmpty else { return causes }
    return [
      Waiting.Cause(
        kind: "priority",
        message: "each of its \(roles.count) roles would fit now, not all of them together for the whole time")
    ]
  }

  /// Of a gang without devices.
  private func waiting(_ why: WaitReason, _ slot: Int32) -> Waiting {
    let cause = Waiting.Cause(kind: why.kind, message: why.message)
    if case .fleetTooSmall = why { return Waiting(causes: [cause], isNever: true) }
    guard let from = maintenanceInTheWay(slot) else { return Waiting(causes: [cause]) }
    let maintenance = Waiting.Cause(kind: "maintenance", message: maintenance(from))
    if case .places = plainPlacement(slot, ignoresMaintenance: true) { return Waiting(causes: [maintenance]) }
    return Waiting(causes: [cause, maintenance])
  }

  private func maintenance(_ from: Instant) -> String {
    let what = cluster.maintenance.first { $0.from == from && $0.to > now }?.text ?? "maintenance"
    return from > now
      ? "\(what) begins at \(from.rfc3339), before it would end"
      : "\(what) has begun at \(from.rfc3339): the nodes in it take no work until it is over"
  }

  private func waiting(_ claim: Claim) -> Waiting {
    let left = claim.victims.filter { victim in
      cluster.attemptSlot(victim).map { cluster.attempts[$0].phase == .stopping } ?? false
    }
    let names =
      left.prefix(8).map { cluster.shown($0.job) }.joined(separator: ", ") + (left.count > 8 ? " and others" : "")
    let message =
      claim.victims.count == 1
      ? "takes the place of job \(cluster.shown(claim.victims[0].job)), which is stopping: it may save a checkpoint first"
      : "takes the place of \(claim.victims.count) jobs; \(left.isEmpty ? "they have stopped" : "still stopping, with time for a checkpoint: \(names)")"
    let start = claim.victims.compactMap { cluster.attemptSlot($0).map { stoppedBy($0) } }.max() ?? now
    return Waiting(causes: [Waiting.Cause(kind: "preempting", message: message)], start: max(now, start))
  }

  /// Nodes that are ready, with what runs on them or without.
  var readyNodes: Int32 { cluster.readyByFree.reduce(0, +) }

  private static let notLookedAt = Waiting.Cause(
    kind: "planning", message: "the scheduler looks at it in its next round")

  private func cause(_ reason: NeverReason, _ slot: Int32, _ plan: Plan, _ topology: Topology) -> Waiting.Cause {
    if case .quotaTooSmall(_, let needed, let most, let row) = reason {
      let isAlone = cluster.specs[Int(slot)].isAnyExclusive
      return Waiting.Cause(
        kind: reason.kind, message: plan.labels[Int(row)].never(needed: needed, most: most, isAlone: isAlone))
    }
    if case .deviceTypeMissing(-1) = reason {
      let wanted = cluster.specs[Int(slot)].wishes.deviceTypes.joined(separator: ", ")
      return Waiting.Cause(kind: reason.kind, message: "no node with devices of type \(wanted) ever joined")
    }
    let spares = fleetMap.spares.reduce(0, +)
    let kept =
      spares > 0
      ? " (not counted: \(counted(spares, "node")) of the fleet kept as \(spares == 1 ? "a spare" : "spares"))" : ""
    return Waiting.Cause(kind: reason.kind, message: reason.message(topology) + kept)
  }

  private func cause(_ cause: WaitCause, _ plan: Plan, _ topology: Topology, _ wishes: Wishes) -> Waiting.Cause {
    let ready = WaitReason.ready(readyNodes, of: Int32(cluster.nodes.count))
    func of(_ type: Int32) -> String {
      let name = topology.deviceTypes[Int(type)].name
      return topology.deviceTypes.count > 1 && !name.isEmpty ? " with \(name)" : ""
    }
    let message =
      switch cause {
      case .nodesBusy(let type, let needed, let free):
        "needs \(counted(needed, "node")) with enough free devices; free now: \(free)\(of(type)) (\(ready))"
      case .devicesBusy(let type, let needed, let free):
        "needs \(counted(needed, "device")) of one node; the most that one\(of(type)) has free is \(free) (\(ready))"
      case .topology(let type, 1, let needed, let free):
        "enough nodes\(of(type)) are free, not in its shape: it needs \(counted(needed, "node"))\(Self.shapeText(wishes)), and the best place has \(free == 0 ? "none" : "\(free)") free"
      case .topology(let type, let segment, let needed, let free):
        "enough nodes\(of(type)) are free, not in its shape: it needs \(counted(needed, "segment")) of \(counted(segment, "node")), and the best place has \(free == 0 ? "none" : "\(free)") free"
      case .quota(_, let needed, let left, let limit, let row, let isLater):
        (isLater ? "before it would end: " : "")
          + plan.labels[Int(row)].message(needed: needed, left: left, most: limit)
      case .heldAhead(let type): "places\(of(type)) are free now, but not for its whole time: jobs before it hold them"
      case .filter(let type, let needed, let matching):
        "needs \(counted(needed, "node")); of those\(of(type)) that are free \(matching == 0 ? "none" : "\(matching)") \(matching < 2 ? "matches" : "match") what it asks for"
      case .maintenance(let type, let from): maintenance(from) + maintenanceTakes(type, from, plan, wishes)
      case .outOfService(let type, let count):
        "\(counted(count, "node"))\(of(type)) \(count == 1 ? "is" : "are") out of service"
          + namesAway(type, count, plan, wishes)
      case .notBefore(let at): "is not to start before \(at.rfc3339)"
      }
    return Waiting.Cause(kind: cause.kind, message: message)
  }
}

extension NeverReason {
  /// As in `Waiting.Cause.kind`.
  public var kind: String {
    switch self {
    case .deviceTypeMissing: "deviceType"
    case .tooFewDevicesPerNode, .fleetTooSmall: "fleetTooSmall"
    case .segmentTooLarge, .scopeTooSmall, .segmentDoesNotDivide, .rolesTogether: "topology"
    case .quotaTooSmall: "quota"
    case .tooFewMatch: "constraint"
    }
  }
}

extension WaitCause {
  public var kind: String {
    switch self {
    case .nodesBusy, .devicesBusy: "nodesBusy"
    case .topology: "topology"
    case .quota: "quota"
    case .heldAhead: "priority"
    case .filter: "constraint"
    case .maintenance: "maintenance"
    case .outOfService: "health"
    case .notBefore: "begin"
    }
  }
}

extension Maintenance {
  /// With where it is, and why.
  fileprivate var text: String {
    // A list of single names may be long.
    let names = nodes.utf8.count > 80 ? nodes.prefix(77) + "..." : Substring(nodes)
    let place = !nodes.isEmpty ? " of \(names)" : level.isEmpty ? " of all nodes" : " of \(level) \(domain)"
    return "maintenance" + place + (reason.isEmpty ? "" : " (\(reason))")
  }
}
