extension Cluster {
  /// Why a fact cannot follow from the facts before it; nil if it can. `apply` stops the program with it; who folds facts
  /// that may be wrong asks first.
  public func objection(to fact: borrowing Fact) -> String? {
    switch fact.event {
    case .controllerStarted(let epoch): epoch > self.epoch ? nil : "epoch is at \(self.epoch)"
    case .nodeJoined(let joined): Int(joined.node.index) == nodes.count ? nil : "next node is #\(nodes.count)"
    case .nodeReturned(let joined): unknown(joined.node)
    case .nodeLabelled(let node, _): unknown(node)
    case .nodeSuspected(let node, _), .nodeIsolated(let node, _, _), .nodeCleared(let node),
      .nodeDrainRequested(let node, _), .nodeResumed(let node), .nodeFenced(let node), .nodeRevoked(let node, _):
      unknown(node)
    case .joinTokenCreated(let token):
      token.id == admission.nextToken ? nil : "next token is \(admission.nextToken)"
    case .jobSubmitted(let submitted): submitted.job.number == nextJob ? nil : "next job is \(nextJob)"
    case .jobCancelRequested(let job), .jobArchived(let job), .jobHeld(let job), .jobReleased(let job): unknown(job)
    case .attemptStarted(let started): objection(to: started)
    case .checkpointCommitted(let attempt, _), .statusTold(let attempt, _, _): unknown(attempt.job)
    case .faultFound(let fault): unknown(fault.attempt.job)
    case .gangStarted(let attempt), .stepsBegan(let attempt, _): unknown(attempt)
    case .attemptWarned(let warned):
      attemptSlot(warned.attempt).map { attempts[$0].warnedAt > .zero ? "it was warned before" : nil }
        ?? "no such attempt"
    case .attemptPreempted(let attempt, let job): unknown(attempt) ?? unknown(job)
    case .attemptEnding(let ending): unknown(ending.attempt)
    case .attemptEnded(let ended): unknown(ended.attempt)
    case .memberStopped(let member, _):
      memberSlot(member).map { members[$0].stopped ? "it had stopped before" : nil } ?? "no such member"
    case .jobEnded(let ended): unknown(ended.job)
    case .maintenanceAdded(let added): added.id == nextMaintenance ? nil : "next maintenance is \(nextMaintenance)"
    case .joinTokensForgotten, .keysForgotten, .silenceWithheld, .policyApplied, .maintenanceRemoved,
      .placesKept:
      nil
    }
  }

  private func objection(to started: AttemptStarted) -> String? {
    guard let job = slot(of: started.attempt.job) else { return "no such job" }
    if started.attempt.number != jobs[job].attempt + 1 { return "last attempt is \(jobs[job].attempt)" }
    if jobs[job].state != .pending { return "job is \(jobs[job].state)" }
    var given: [NodeID: UInt64] = [:]
    for place in started.places {
      if let why = unknown(place.node) { return why }
      if place.devices & ~nodes[Int(place.node.index)].freeDevices != 0 {
        return "devices of node \(place.node) are not free"
      }
      // Only roles of one job may share a node.
      guard specs[Int(job)].hasRoles else { continue }
      if given[place.node, default: 0] & place.devices != 0 { return "devices of node \(place.node) are given twice" }
      given[place.node, default: 0] |= place.devices
    }
    return nil
  }

  private func unknown(_ node: NodeID) -> String? { nodes.indices.contains(Int(node.index)) ? nil : "no such node" }
  private func unknown(_ job: JobID) -> String? { slot(of: job) == nil ? "no such job" : nil }
  private func unknown(_ attempt: AttemptID) -> String? { attemptSlot(attempt) == nil ? "no such attempt" : nil }
}
