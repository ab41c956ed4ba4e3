extension Controller {
  mutating func submit(_ specs: [JobSpec], key: String, requestHash: UInt64) -> Reply {
    if !key.isEmpty, let known = cluster.keys[key], planted != .duplicateAccepted {
      guard known.requestHash == requestHash else { return .refused(.keyReused(key: key)) }
      return .jobs((0..<known.count).map { JobID(known.firstJob + $0) })
    }
    guard cluster.pending.count + cluster.active.count + specs.count <= limits.unfinishedJobs else {
      return .refused(.queueFull(limit: limits.unfinishedJobs))
    }
    var ids: [JobID] = []
    ids.reserveCapacity(specs.count)
    for spec in specs {
      let id = JobID(cluster.nextJob)
      note(.jobSubmitted(JobSubmitted(job: id, spec: spec, idempotencyKey: key, requestHash: requestHash)))
      ids.append(id)
      // The others waited before and nothing was freed: only the new one can start.
      if let slot = cluster.slot(of: id) { tryToStart(slot) }
    }
    return .jobs(ids)
  }

  mutating func cancel(_ id: JobID) -> Reply {
    guard let slot = cluster.slot(of: id) else { return .refused(.noSuchJob(id)) }
    let job = cluster.jobs[slot]
    if job.state.isFinal { return .refused(.jobHasEnded(id, job.state)) }
    if job.cancelRequested { return .done }
    note(.jobCancelRequested(job: id))
    switch job.state {
    case .pending: note(.jobEnded(JobEnded(job: id, state: .cancelled, reason: "cancelled", exitCode: 1)))
    case .starting, .running: endAttempt(job.latestAttempt, .cancelled)
    case .stopping, .completed, .failed, .cancelled, .timedOut: break  // settled when the attempt has ended
    }
    return .done
  }

  // MARK: Placing

  /// One round: each job that waits, in order of priority, gets all its nodes or none.
  mutating func schedule() {
    mustSchedule = false
    /// The smallest gang that did not fit in this round: what asks for at least as much need not be tried.
    var failed: (nodes: Int32, devices: Int32)?
    for slot in cluster.pending {
      let job = cluster.jobs[slot]
      let isNew = job.attempt == 0
      if isNew, let f = failed, job.nodes >= f.nodes, job.devicesPerNode >= f.devices { continue }
      guard !tryToStart(slot), isNew else { continue }
      if failed.map({ job.nodes <= $0.nodes && job.devicesPerNode <= $0.devices }) ?? true {
        failed = (job.nodes, job.devicesPerNode)
      }
    }
  }

  @discardableResult
  mutating func tryToStart(_ slot: Int32) -> Bool {
    // A quick "no" for most: exact as far as the state goes, and no scan of the fleet.
    guard cluster.fits(count: cluster.jobs[slot].nodes, devices: cluster.jobs[slot].devicesPerNode) else {
      return false
    }
    let answer = placement(for: slot)
    if case .waits(.pausing(let until, _)) = answer { pauseEnds = min(pauseEnds, until) }
    guard case .places(let places) = answer else { return false }
    if planted == .attemptNumberReused, cluster.jobs[slot].attempt > 0 { cluster.jobs[slot].attempt -= 1 }
    let job = cluster.jobs[slot]
    let attempt = AttemptID(job: job.id, number: job.attempt + 1)
    note(.attemptStarted(AttemptStarted(attempt: attempt, places: places, resumeStep: job.checkpointStep)))
    for member in cluster.memberSlots(ofAttempt: cluster.jobs[slot].latestAttempt) {
      expect(member)
      expectReport(NodeID(cluster.members[member].node))
      dirty.nodes.append(NodeID(cluster.members[member].node))
    }
    return true
  }

  /// A job whose attempts end on nodes within moments of their start is started ever more seldom: a broken installation
  /// must not fill the journal. Nil: no pause.
  private func pause(_ slot: Int32) -> (until: Instant, attempts: Int32)? {
    let latest = cluster.jobs[slot].latestAttempt
    guard latest >= 0 else { return nil }
    var (attempt, streak) = (latest, Int32(0))
    while attempt >= 0, streak < 10 {
      let state = cluster.attempts[attempt]
      guard state.phase == .ended, state.outcome == .nodeFault, state.lastStep <= state.resumeStep,
        state.endingAt - state.startedAt < limits.shortAttempt
      else { break }
      streak += 1
      attempt = state.previous
    }
    guard streak > limits.freeRestarts else { return nil }
    let seconds = min(limits.longestPause.nanoseconds / 1_000_000_000, 1 << Int64(streak - limits.freeRestarts - 1))
    return (cluster.attempts[latest].endedAt + .seconds(seconds), streak)
  }

  /// The scheduler's answer for a job that waits; `why` prints the same value.
  public func placement(for slot: Int32) -> PlacementAnswer {
    let role = cluster.specs[Int(slot)].role
    let latest = cluster.jobs[slot].latestAttempt
    if let pause = pause(slot), pause.until > now {
      return .waits(.pausing(until: pause.until, attempts: pause.attempts))
    }
    let previous =
      latest < 0 ? [] : cluster.memberSlots(ofAttempt: latest).map { NodeID(cluster.members[$0].node) }
    let request = PlacementRequest(nodes: role.nodes, devicesPerNode: role.devicesPerNode, previous: previous)
    return FirstFit.place(request, in: self)
  }
}

extension Controller: FleetView {
  public var nodeCount: Int { cluster.nodes.count }
  public func devices(_ node: NodeID) -> Int32 { cluster.nodes[Int(node.index)].devices }
  public func isReady(_ node: NodeID) -> Bool { cluster.nodes[Int(node.index)].state == .ready }
  public func free(_ node: NodeID) -> UInt64? {
    let i = Int(node.index)
    let hot = cluster.nodes[i]
    let isInService = hot.isSchedulable || (planted == .isolatedHandedOut && hot.state == .isolated)
    guard !isQuiet, isInService, hot.members < limits.membersPerNode, i < watch.nodes.count,
      watch.nodes[i].agentConnected, watch.nodes[i].reported
    else { return nil }
    return hot.freeDevices
  }
}
