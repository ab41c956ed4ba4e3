extension Controller {
  mutating func submit(_ specs: [JobSpec], key: String, requestHash: UInt64) -> Reply {
    if !key.isEmpty, let known = cluster.keys[key], planted != .duplicateAccepted {
      guard known.requestHash == requestHash else { return .refused(.keyReused(key: key)) }
      return .jobs((0..<known.count).map { JobID(known.firstJob + $0) })
    }
    guard cluster.pending.count + cluster.active.count + specs.count <= limits.unfinishedJobs else {
      return .refused(.queueFull(limit: limits.unfinishedJobs))
    }
    var looks = 0
    for spec in specs where limits.refusesImpossible {
      if let why = impossible(spec, looks: &looks) { return .refused(.impossible(job: spec.name, why: why)) }
    }
    var ids: [JobID] = []
    ids.reserveCapacity(specs.count)
    for spec in specs {
      let id = JobID(cluster.nextJob)
      note(.jobSubmitted(JobSubmitted(job: id, spec: spec, idempotencyKey: key, requestHash: requestHash)))
      ids.append(id)
      // The others waited before and nothing was freed: only the new one can start.
      if let slot = cluster.slot(of: id) { consider(slot) }
    }
    return .jobs(ids)
  }

  private mutating func consider(_ slot: Int32) {
    if let why = unready(slot) {
      nextLook = min(nextLook, why.until)
      // It has its place in the calendar before.
      if why.isBeginAlone, cluster.jobs[slot].devicesPerNode > 0 { isPlanOld = true }
    } else if cluster.jobs[slot].devicesPerNode == 0 {
      startPlain(slot)
    } else {
      isPlanOld = true
    }
  }

  mutating func cancel(_ id: JobID, _ reason: String) -> Reply {
    guard let slot = cluster.slot(of: id) else { return .refused(.noSuchJob(id)) }
    let job = cluster.jobs[slot]
    if job.state.isFinal { return .refused(.jobHasEnded(id, job.state)) }
    if job.cancelRequested { return .done }
    note(.jobCancelRequested(job: id))
    switch job.state {
    case .pending:
      note(.jobEnded(JobEnded(job: id, state: .cancelled, reason: reason, exitCode: 1)))
      mustSchedule = true  // others may have waited for its end
    case .starting, .running:
      if reason != "cancelled" { cancelReasons[id] = reason }
      endAttempt(job.latestAttempt, .cancelled)
    case .stopping, .completed, .failed, .cancelled, .timedOut: break  // settled when the attempt has ended
    }
    return .done
  }

  // MARK: Placing

  /// What may start now: gangs without devices do, all others are looked at by the next round if that would say anything new.
  mutating func schedule() {
    if mustSchedule {
      isPlanOld = true
      nextLook = .never
    }
    (mustSchedule, mustStartPlain) = (false, false)
    startClaims()
    for window in cluster.maintenance where window.to > now { nextLook = min(nextLook, window.to) }
    /// The smallest gang without devices and wishes that found no place: larger ones need not be tried. Of those with
    /// wishes, what has been tried in vain.
    var (failed, shapes) = (Int32.max, Set<PlainShape>())
    for slot in cluster.pending where cluster.jobs[slot].devicesPerNode == 0 {
      let job = cluster.jobs[slot]
      let hasRoles = cluster.specs[Int(slot)].hasRoles
      let hasNoWishes = cluster.specs[Int(slot)].wishes.isEmpty && !hasRoles
      if hasNoWishes, job.attempt == 0, job.nodes >= failed { continue }
      if let why = unready(slot) {
        nextLook = min(nextLook, why.until)
        continue
      }
      let shape = hasNoWishes || hasRoles ? nil : PlainShape(cluster.specs[Int(slot)])
      if let shape, shapes.contains(shape) { continue }
      startPlain(slot)
      guard cluster.jobs[slot].state == .pending else { continue }
      if let shape { shapes.insert(shape) } else if hasNoWishes { failed = min(failed, job.nodes) }
    }
  }
}

/// What two gangs without devices have in common that find the same place, or none.
private struct PlainShape: Hashable {
  var nodes: Int32
  var walltime: Span?
  var wishes: Wishes

  init(_ spec: JobSpec) {
    (nodes, walltime, wishes) = (spec.role.nodes, spec.walltime, spec.wishes)
    // Of time, not of place.
    (wishes.begin, wishes.isHeld, wishes.dependsOn, wishes.array) = (.zero, false, [], nil)
    (wishes.priorityClass, wishes.warning) = ("", nil)
  }
}

extension Controller: FleetView {
  public var nodeCount: Int { cluster.nodes.count }
  public func devices(_ node: NodeID) -> Int32 { cluster.nodes[Int(node.index)].devices }
  public func isTakenAlone(_ node: NodeID) -> Bool {
    if claimedAlone.contains(node.index) { return true }
    var member = cluster.nodes[Int(node.index)].firstMember
    while member >= 0 {
      let job = cluster.attempts[cluster.members[member].attemptSlot].jobSlot
      if cluster.specs[Int(job)].isExclusive(member: cluster.members[member].index) { return true }
      member = cluster.members[member].nextOnNode
    }
    return false
  }
  public func isReady(_ node: NodeID) -> Bool { cluster.nodes[Int(node.index)].state == .ready }
  public func free(_ node: NodeID) -> UInt64? {
    let i = Int(node.index)
    let hot = cluster.nodes[i]
    let isInService = hot.isSchedulable || (planted == .isolatedHandedOut && hot.state == .isolated)
    guard !isQuiet, isInService, hot.members < limits.membersPerNode, i < watch.nodes.count,
      watch.nodes[i].agentConnected, watch.nodes[i].reported
    else { return nil }
    guard !claims.isEmpty || !vacated.isEmpty else { return hot.freeDevices }
    return (hot.freeDevices | (vacated[node.index] ?? 0)) & ~(claimed[node.index] ?? 0)
  }
}
