/// A place that others are leaving, and for whom. It is kept by name: nobody else gets what becomes free of it, and the gang
/// starts in the moment in which all of it is. Not durable: after the controller's restart the next round finds the same
/// gang first in its turn, and what was stopped for it stopped.
struct Claim: Sendable {
  var job: JobID
  /// The job's latest attempt when the place was chosen.
  var attempt: Int32
  /// In `JobSpec.roles`, of the gang that takes it: the only one of the job that has devices.
  var role: Int32 = 0
  var places: [Place]
  var victims: [AttemptID]
}

extension Controller {
  /// Stops the victims and keeps the place; false, and nothing has happened, if either is not what the round took it for.
  mutating func claim(
    _ planned: Plan.Job, _ gang: PendingGang, _ type: Int32, _ held: HeldPlace, _ stopped: [AttemptID],
    _ shared: [SharedNode], _ choice: inout NodeChoice, _ table: inout VictimTable
  ) -> Bool {
    guard let slot = cluster.slot(of: planned.id) else { return true }
    let job = cluster.jobs[slot]
    guard job.state == .pending, job.attempt == planned.attempt, unready(slot) == nil, !isClaiming(planned.id) else {
      isPlanOld = true
      return true
    }
    let devices = gang.nodes &* gang.devicesPerNode
    var slots: [Int32] = []
    // One after the other: each leaves its project with less, and what is guaranteed to that one is not taken.
    var after = table
    for attempt in stopped {
      guard let slot = cluster.attemptSlot(attempt), let candidate = self.candidate(slot, table.tree),
        after.mayStop(candidate, for: gang, type, devices)
      else { return false }
      slots.append(slot)
      if !candidate.isLeaving { count(slot, &after) }
    }
    // What victims of an earlier gang of this round leave beyond its need is counted on, too.
    let leaving =
      slots
      + cluster.active.filter {
        cluster.attempts[$0].phase == .stopping && cluster.attempts[$0].outcome == .preempted
      }
    for slot in leaving {
      for place in cluster.attemptPlaces[Int(slot)] { vacated[place.node.index, default: 0] |= place.devices }
    }
    defer { vacated = [:] }
    let rule = nodeRule(slot, role: Int(planned.role))
    let places = choice.choose(
      held, devicesPerNode: job.devicesPerNode, sharedNodes: shared, isAllowed: { allows(rule, $0) }, in: self)
    guard let places else { return false }
    let taken = Set(places.map(\.node))
    // The round may not have counted what runs on nodes that take no more work: nobody is stopped in vain.
    var quotas = quotaCount(leaving: leaving)
    guard isWithinQuota(slot, places, &quotas) else { return false }
    // Victims were chosen by counts: the place that was found with them may not need them all.
    slots = slots.filter { victim in
      if cluster.attemptPlaces[Int(victim)].contains(where: { taken.contains($0.node) }) { return true }
      let spec = cluster.specs[Int(cluster.attempts[victim].jobSlot)]
      return quotas?.sharesRows(cluster.specs[Int(slot)], spec) ?? false
    }
    let victims = leaving.filter { slot in
      slots.contains(slot) || cluster.attemptPlaces[Int(slot)].contains { taken.contains($0.node) }
    }
    let claim = Claim(
      job: planned.id, attempt: planned.attempt, role: planned.role, places: places,
      victims: victims.map { cluster.attemptID($0) })
    guard allPlaces(slot, claim) != nil else { return false }
    claims.append(claim)
    countClaims()
    for slot in slots where cluster.attempts[slot].phase < .stopping {
      count(slot, &table)
      let victim = planted == .victimInWrongDomain ? stray(from: slot) : slot
      note(.attemptPreempted(attempt: cluster.attemptID(victim), by: planned.id))
      endAttempt(victim, .preempted)
    }
    table.count(gang.owner, type, devices)
    return true
  }

  /// An attempt uses nothing any more.
  private func count(_ slot: Int32, _ table: inout VictimTable) {
    let owner = self.owner(cluster.attempts[slot].jobSlot, table.tree)
    for place in cluster.attemptPlaces[Int(slot)] {
      table.count(owner, fleetMap.type(of: place.node), -Int32(place.devices.nonzeroBitCount))
    }
  }

  func isClaiming(_ job: JobID) -> Bool { claims.contains { $0.job == job } }

  private mutating func countClaims() {
    claimed = [:]
    for claim in claims where planted != .keptPlaceGivenAway {
      for place in claim.places { claimed[place.node.index, default: 0] |= place.devices }
    }
  }

  /// Those whose place is free start; those that can have theirs no more go back to the queue.
  mutating func startClaims() {
    guard !claims.isEmpty else { return }
    let old = claims
    claims = []
    claimed = [:]
    var kept: [Claim] = []
    var quotas = quotaCount()
    for claim in old {
      guard let slot = cluster.slot(of: claim.job), cluster.jobs[slot].state == .pending,
        cluster.jobs[slot].attempt == claim.attempt, unready(slot) == nil
      else {
        isPlanOld = true
        continue
      }
      let isWaiting = claim.victims.contains { victim in
        cluster.attemptSlot(victim).map { cluster.attempts[$0].phase == .stopping } ?? false
      }
      let isServing = claim.places.allSatisfy { free($0.node) != nil }
      let isFree = claim.places.allSatisfy { $0.devices & ~(free($0.node) ?? 0) == 0 }
      // Some may be stopped for what they use of its quota.
      if isFree, let places = allPlaces(slot, claim), isWithinQuota(slot, places, &quotas) {
        begin(slot, places)
      } else if isWaiting, isServing {
        kept.append(claim)
      } else {
        isPlanOld = true
      }
    }
    claims = kept
    countClaims()
  }
}
