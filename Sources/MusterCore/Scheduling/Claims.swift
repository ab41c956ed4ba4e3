/// A place that others are leaving, and for whom. It is kept by name: nobody else gets what becomes free of it, and the job
/// starts in the moment in which all of it is. Not durable: after the controller's restart the next round finds the same
/// job first in its turn, and what was stopped for it stopped.
struct Claim: Sendable {
  /// Of one of the job's roles that have devices.
  struct Gang: Sendable {
    /// In `JobSpec.roles`.
    var role: Int32 = 0
    var places: [Place]
    /// It is to be alone on its nodes.
    var isAlone = false
  }

  var job: JobID
  /// The job's latest attempt when the place was chosen.
  var attempt: Int32
  var gangs: [Gang]
  var victims: [AttemptID]

  var places: [Place] { gangs.flatMap(\.places) }
}

/// A gang of a round for which others are to be stopped, or that has its place beside those of its job's roles for which
/// they are.
struct TakingGang {
  var role: Int32
  var gang: PendingGang
  var type: Int32
  var place: HeldPlace
  var victims: [AttemptID]

  /// Devices that its project is charged.
  func charge(_ topology: Topology) -> Int32 {
    guard gang.isExclusive else { return gang.nodes &* gang.devicesPerNode }
    switch place {
    case .mixed(let members): return members.reduce(0) { $0 + $1.devices }
    case .whole, .part: return gang.nodes &* topology.deviceTypes[Int(type)].devicesPerNode
    }
  }
}

extension Controller {
  /// Stops the victims and keeps the places of all gangs of a job; false, and nothing has happened, if any of it is not what
  /// the round took it for.
  mutating func claim(
    _ planned: Plan.Job, _ gangs: [TakingGang], _ topology: Topology, _ shared: [SharedNode],
    _ choice: inout NodeChoice, _ table: inout VictimTable
  ) -> Bool {
    guard let slot = cluster.slot(of: planned.id) else { return true }
    let job = cluster.jobs[slot]
    guard job.state == .pending, job.attempt == planned.attempt, unready(slot) == nil, !isClaiming(planned.id) else {
      isPlanOld = true
      return true
    }
    guard var slots = victims(of: gangs, topology, table) else { return false }
    // What victims of an earlier gang of this round leave beyond its need is counted on, too.
    let isChosen = Set(slots)
    let gone =
      slots
      + cluster.active.filter {
        cluster.attempts[$0].phase == .stopping && cluster.attempts[$0].outcome == .preempted && !isChosen.contains($0)
      }
    for slot in gone {
      for place in cluster.attemptPlaces[Int(slot)] { vacated[place.node.index, default: 0] |= place.devices }
    }
    leaving = Set(gone)
    defer { (vacated, leaving) = ([:], []) }
    guard let named = places(slot, gangs, shared, &choice) else { return false }
    let taken = Set(named.flatMap(\.places).map(\.node))
    // The round may not have counted what runs on nodes that take no more work: nobody is stopped in vain.
    var quotas = quotaCount(leaving: gone)
    guard isWithinQuota(slot, named.flatMap(\.places), &quotas) else { return false }
    // Victims were chosen by counts: the place that was found with them may not need them all.
    slots = slots.filter { victim in
      if cluster.attemptPlaces[Int(victim)].contains(where: { taken.contains($0.node) }) { return true }
      let spec = cluster.specs[Int(cluster.attempts[victim].jobSlot)]
      return quotas?.sharesRows(cluster.specs[Int(slot)], spec) ?? false
    }
    let victims = gone.filter { slot in
      slots.contains(slot) || cluster.attemptPlaces[Int(slot)].contains { taken.contains($0.node) }
    }
    let claim = Claim(
      job: planned.id, attempt: planned.attempt, gangs: named, victims: victims.map { cluster.attemptID($0) })
    guard let all = allPlaces(slot, claim) else { return false }
    for taking in gangs { table.count(taking.gang.owner, taking.type, taking.charge(topology)) }
    if victims.isEmpty, startNow(slot, all) { return true }
    claims.append(claim)
    countClaims()
    for slot in slots where cluster.attempts[slot].phase < .stopping {
      count(slot, &table)
      let victim = planted == .victimInWrongDomain ? stray(from: slot) : slot
      note(.attemptPreempted(attempt: cluster.attemptID(victim), by: planned.id))
      endAttempt(victim, .preempted)
    }
    return true
  }

  /// Its place turns out to be free: nobody's end would start it later.
  private mutating func startNow(_ slot: Int32, _ places: [Place]) -> Bool {
    var quotas = quotaCount()
    guard isWithinQuota(slot, places, &quotas) else { return false }
    begin(slot, places)
    return true
  }

  /// nil: one of them may not be stopped, as things are now. One after the other, as the round chose them: each leaves its
  /// project with less, and what is guaranteed to that one is not taken; what all roles take counts for each of them.
  private func victims(of gangs: [TakingGang], _ topology: Topology, _ table: VictimTable) -> [Int32]? {
    var (slots, after): ([Int32], VictimTable) = ([], table)
    for taking in gangs { after.count(taking.gang.owner, taking.type, taking.charge(topology)) }
    for taking in gangs {
      let devices = taking.charge(topology)
      // It is added again by whoever asks.
      after.count(taking.gang.owner, taking.type, -devices)
      for attempt in taking.victims {
        guard let slot = cluster.attemptSlot(attempt), let candidate = self.candidate(slot, table.tree),
          after.mayStop(candidate, for: taking.gang, taking.type, devices)
        else { return nil }
        slots.append(slot)
        if !candidate.isLeaving { count(slot, &after) }
      }
      after.count(taking.gang.owner, taking.type, devices)
    }
    return slots
  }

  /// The nodes of each gang by name; those that ask for certain nodes choose first. nil: one finds none, and nothing is taken.
  private func places(
    _ slot: Int32, _ gangs: [TakingGang], _ shared: [SharedNode], _ choice: inout NodeChoice
  ) -> [Claim.Gang]? {
    var (trial, named) = (choice, gangs.map { Claim.Gang(role: $0.role, places: [], isAlone: $0.gang.isExclusive) })
    let rules = gangs.map { nodeRule(slot, role: Int($0.role)) }
    for isAny in [false, true] {
      for (i, taking) in gangs.enumerated() where rules[i].isAny == isAny {
        // What is free there beside the victims' nodes may be what another was promised.
        let vacated = taking.victims.flatMap { victim in
          cluster.attemptSlot(victim).map { cluster.attemptPlaces[Int($0)].map(\.node) } ?? []
        }
        let places = trial.choose(
          taking.place, devicesPerNode: taking.gang.devicesPerNode, vacated: vacated, sharedNodes: shared,
          isAllowed: { allows(rules[i], $0) }, in: self)
        guard let places else { return nil }
        named[i].places = places
      }
    }
    choice = trial
    return named
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
    (claimed, claimedAlone) = ([:], [])
    for claim in claims where planted != .keptPlaceGivenAway {
      for gang in claim.gangs {
        for place in gang.places { claimed[place.node.index, default: 0] |= place.devices }
        if gang.isAlone { claimedAlone.formUnion(gang.places.map(\.node.index)) }
      }
    }
  }

  private func canHave(_ gang: Claim.Gang) -> Bool {
    gang.places.allSatisfy { place in
      place.devices & ~(free(place.node) ?? 0) == 0
        && !(gang.isAlone && cluster.nodes[Int(place.node.index)].members > 0)
    }
  }

  /// Those whose place is free start; those that can have theirs no more go back to the queue, and so do all of them when
  /// what their places were chosen by has changed: levels, labels, quotas, maintenance. The next round knows what was
  /// stopped for them.
  mutating func startClaims() {
    guard !claims.isEmpty else {
      areClaimsOld = false
      return
    }
    let old = areClaimsOld ? [] : claims
    if areClaimsOld { isPlanOld = true }
    areClaimsOld = false
    claims = []
    // Not `claimedAlone`: roles without devices are put beside nobody who is to be alone.
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
      let isFree = claim.gangs.allSatisfy { canHave($0) }
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
