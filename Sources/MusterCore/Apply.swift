extension Cluster {
  /// Folds one fact into the state. Total and blind: no clock, no configuration, no choice.
  public mutating func apply(_ fact: borrowing Fact) {
    if let why = objection(to: fact) { impossible(fact, why) }
    let at = fact.at
    switch fact.event {
    case .controllerStarted(let epoch): self.epoch = epoch
    case .nodeJoined(let joined): join(joined, at: at)
    case .nodeReturned(let joined): rejoin(joined)
    case .nodeSuspected(let node, let reason): setNode(node, .suspect, at: at, reason: reason)
    case .nodeIsolated(let node, let onEvidence, let reason):
      setNode(node, .isolated, at: at, reason: reason)
      nodes[Int(node.index)].onEvidence = onEvidence
    case .nodeCleared(let node): putBack(node, at: at)
    case .nodeDrainRequested(let node, let reason): drain(node, at: at, reason: reason)
    case .nodeResumed(let node):
      nodes[Int(node.index)].drainRequested = false
      lemons.forgive(node: node)
      putBack(node, at: at)
    // What else follows from it are facts of their own.
    case .nodeFenced(let node): nodeDetails[Int(node.index)].fenced = true
    case .joinTokenCreated(let token):
      admission.tokens.append(token)
      admission.nextToken += 1
    case .joinTokensForgotten(let before): admission.tokens.removeAll { $0.expiresAt < before }
    case .nodeRevoked(_, let machine): admission.revoke(machine)
    case .nodeLabelled(let node, let labels): nodeDetails[Int(node.index)].labels = labels
    case .jobSubmitted(let submitted): submit(submitted, at: at)
    case .jobCancelRequested(let job):
      guard let slot = slot(of: job) else { return }
      jobs[slot].cancelRequested = true
    case .jobHeld(let job): hold(job, true)
    case .jobReleased(let job): hold(job, false)
    case .attemptStarted(let started): start(started, at: at)
    case .gangStarted(let attempt):
      guard let slot = attemptSlot(attempt) else { return }
      attempts[slot].phase = .running
      attempts[slot].runningAt = at
      jobs[attempts[slot].jobSlot].state = .running
    case .stepsBegan(let attempt, let first):
      guard let slot = attemptSlot(attempt) else { return }
      attempts[slot].firstStepAt = first
    case .attemptWarned(let warned):
      if let slot = attemptSlot(warned.attempt) { attempts[slot].warnedAt = at }
    case .statusTold(let attempt, let times, _): tell(attempt, times)
    // Its end is a fact of its own; what is kept for whom is for the accounts.
    case .attemptPreempted, .placesKept: break
    case .checkpointCommitted(let attempt, let step): commit(attempt, step, at: at)
    case .faultFound(let fault):
      guard let slot = slot(of: fault.attempt.job) else { return }
      jobs[slot].latestFault = faults.insert(
        FaultRecord(foundAt: at, fault: fault, previous: jobs[slot].latestFault))
    case .attemptEnding(let ending): end(ending, at: at)
    case .memberStopped(let member, _):
      guard let slot = memberSlot(member) else { return }
      stopMember(slot)
    case .attemptEnded(let ended):
      guard let slot = attemptSlot(ended.attempt) else { return }
      finishAttempt(slot, strikes: ended.strikes, at: at)
    case .jobEnded(let ended):
      guard let slot = slot(of: ended.job) else { return }
      finishJob(slot, ended, at: at)
    case .keysForgotten(let before): keys = keys.filter { $0.value.at >= before }
    case .silenceWithheld: break
    case .jobArchived(let job):
      guard let slot = slot(of: job) else { return }
      archive(slot)
    case .policyApplied(let policy): self.policy = policy
    case .maintenanceAdded(let added):
      maintenance.append(added)
      nextMaintenance += 1
    case .maintenanceRemoved(let id): maintenance.removeAll { $0.id == id }
    }
    sequence += 1
    lastFactAt = at
  }

  // MARK: Nodes

  private mutating func join(_ joined: NodeJoined, at: Instant) {
    nodes.append(
      Node(
        state: .ready, onEvidence: false, drainRequested: false, devices: joined.devices, members: 0,
        freeDevices: Cluster.mask(joined.devices), firstMember: -1, since: at))
    nodeDetails.append(NodeDetail(joined: joined, reason: ""))
    nodeByName[joined.name] = joined.node.index
    readyByFree[Int(joined.devices)] += 1
  }

  private mutating func rejoin(_ joined: NodeJoined) {
    let i = Int(joined.node.index)
    count(i, -1)
    let held = joined.devices == nodes[i].devices ? Cluster.mask(joined.devices) & ~nodes[i].freeDevices : held(i)
    nodes[i].devices = joined.devices
    nodes[i].freeDevices = Cluster.mask(joined.devices) & ~held
    nodeDetails[i].joined = joined
    nodeDetails[i].fenced = false
    count(i, 1)
  }

  /// Devices that members have not given back, counted anew: of those that a node came back without, `freeDevices` says
  /// nothing.
  private func held(_ i: Int) -> UInt64 {
    var held: UInt64 = 0
    var m = nodes[i].firstMember
    while m >= 0 {
      held |= members[m].devices
      m = members[m].nextOnNode
    }
    // Members that have stopped keep their devices until their attempt has ended.
    for attempt in active {
      var m = attempts[attempt].firstMember
      while m >= 0 {
        if members[m].node == Int32(i) { held |= members[m].devices }
        m = members[m].nextInGang
      }
    }
    return held
  }

  /// Bits of so many devices.
  static func mask(_ devices: Int32) -> UInt64 { devices >= 64 ? .max : (1 << UInt64(devices)) - 1 }

  /// Keeps `readyByFree` right around a change of a node.
  private mutating func count(_ i: Int, _ by: Int32) {
    if nodes[i].state == .ready { readyByFree[nodes[i].freeDeviceCount] += by }
  }

  private mutating func setNode(_ node: NodeID, _ state: NodeState, at: Instant, reason: String) {
    let i = Int(node.index)
    count(i, -1)
    nodes[i].state = state
    nodes[i].since = at
    nodeDetails[i].reason = reason
    count(i, 1)
  }

  private mutating func putBack(_ node: NodeID, at: Instant) {
    let i = Int(node.index)
    nodes[i].onEvidence = false
    if nodes[i].drainRequested {
      setNode(node, nodes[i].members == 0 ? .drained : .draining, at: at, reason: nodeDetails[i].reason)
    } else {
      setNode(node, .ready, at: at, reason: "")
    }
  }

  private mutating func drain(_ node: NodeID, at: Instant, reason: String) {
    let i = Int(node.index)
    nodes[i].drainRequested = true
    switch nodes[i].state {
    case .suspect, .isolated: nodeDetails[i].reason = reason
    case .joining, .verifying, .ready, .draining, .drained:
      setNode(node, nodes[i].members == 0 ? .drained : .draining, at: at, reason: reason)
    }
  }

  // MARK: Jobs

  private mutating func submit(_ submitted: JobSubmitted, at: Instant) {
    let spec = submitted.spec
    let job = Job(
      id: submitted.job, state: .pending, cancelRequested: false, hasCheckpoint: false, isHeld: spec.wishes.isHeld,
      priority: spec.priority,
      nodes: spec.nodes, devicesPerNode: spec.mostDevicesPerNode, attempt: 0, latestAttempt: -1, strikes: 0,
      bestStep: 0, checkpointStep: 0, submittedAt: at, startedAt: .zero, checkpointAt: .zero, uncounted: .zero,
      endedAt: .zero, exitCode: 0, latestFault: -1)
    let slot = jobs.insert(job)
    if Int(slot) == specs.count {
      specs.append(spec)
      endReasons.append("")
    } else {
      specs[Int(slot)] = spec
      endReasons[Int(slot)] = ""
    }
    slotOfJob.append(slot)
    nextJob += 1
    enqueue(slot)
    awaitStarts(spec.wishes)
    if !submitted.idempotencyKey.isEmpty {
      var record =
        keys[submitted.idempotencyKey]
        ?? KeyRecord(firstJob: submitted.job.number, count: 0, requestHash: submitted.requestHash, at: at)
      record.count += 1
      keys[submitted.idempotencyKey] = record
    }
  }

  mutating func awaitStarts(_ wishes: Wishes) {
    for dependency in wishes.dependsOn where dependency.kind == .after { awaitedStarts.insert(dependency.job.number) }
  }

  /// A task of an array with a limit has started, or ended.
  mutating func countTask(_ job: Int32, _ by: Int32) {
    guard let task = specs[Int(job)].wishes.array, task.atOnce > 0 else { return }
    let array = task.array(of: jobs[job].id).number
    startedOfArray[array, default: 0] += by
    if startedOfArray[array] == 0 { startedOfArray[array] = nil }
  }

  mutating func countActive(_ job: Int32, _ by: Int32) {
    let spec = specs[Int(job)]
    for tenant in [Tenant(project: spec.project), Tenant(project: spec.project, user: spec.user)] {
      activeOf[tenant, default: 0] += by
      if activeOf[tenant] == 0 { activeOf[tenant] = nil }
    }
  }

  private mutating func hold(_ job: JobID, _ isHeld: Bool) {
    guard let slot = slot(of: job) else { return }
    jobs[slot].isHeld = isHeld
  }

  mutating func enqueue(_ slot: Int32) {
    let (priority, id) = (jobs[slot].priority, jobs[slot].id)
    var (low, high) = (0, pending.count)
    if let last = pending.last, jobs[last].priority >= priority, jobs[last].id < id { low = high }
    while low < high {
      let middle = (low + high) / 2
      let other = jobs[pending[middle]]
      if other.priority > priority || (other.priority == priority && other.id < id) {
        low = middle + 1
      } else {
        high = middle
      }
    }
    pending.insert(slot, at: low)
  }

  private mutating func start(_ started: AttemptStarted, at: Instant) {
    guard let job = slot(of: started.attempt.job) else { return }
    let previous = jobs[job].latestAttempt
    let slot = attempts.insert(
      Attempt(
        jobSlot: job, number: started.attempt.number, phase: .starting, outcome: .finished, previous: previous,
        firstMember: -1, memberCount: Int32(started.places.count), membersStopped: 0, resumeStep: started.resumeStep,
        lastStep: started.resumeStep, startedAt: at, runningAt: .zero, firstStepAt: .zero, lastStepAt: .zero,
        warnedAt: .zero, endingAt: .zero, endedAt: .zero))
    if Int(slot) == attemptMembers.count { attemptMembers.append([]) }
    attemptMembers[Int(slot)] = Array(repeating: -1, count: started.places.count)
    var next: Int32 = -1
    for index in stride(from: started.places.count - 1, through: 0, by: -1) {
      let place = started.places[index]
      let i = Int(place.node.index)
      count(i, -1)
      nodes[i].freeDevices &= ~place.devices
      nodes[i].members += 1
      nodes[i].served += 1
      count(i, 1)
      next = members.insert(
        Member(
          attemptSlot: slot, index: Int32(index), node: place.node.index, stopped: false, nextInGang: next,
          nextOnNode: nodes[i].firstMember, devices: place.devices))
      nodes[i].firstMember = next
      attemptMembers[Int(slot)][index] = next
    }
    attempts[slot].firstMember = next
    if jobs[job].attempt == 0 { countTask(job, 1) }
    jobs[job].uncounted = uncounted(job, at: at)
    jobs[job].state = .starting
    jobs[job].attempt = started.attempt.number
    jobs[job].latestAttempt = slot
    if jobs[job].startedAt == .zero { jobs[job].startedAt = at }
    active.append(slot)
    countActive(job, 1)
    if let i = pending.firstIndex(of: job) { pending.remove(at: i) }
    if Int(slot) == attemptPlaces.count {
      attemptPlaces.append(started.places)
    } else {
      attemptPlaces[Int(slot)] = started.places
    }
    if previous >= 0 { giveBackMembers(ofAttempt: previous) }
  }

  private mutating func commit(_ attempt: AttemptID, _ step: Int64, at: Instant) {
    guard let job = slot(of: attempt.job) else { return }
    jobs[job].checkpointStep = step
    jobs[job].checkpointAt = at
    jobs[job].hasCheckpoint = true
    // What is known of the attempt's steps should controller and ranks end together.
    guard let slot = attemptSlot(attempt), attempts[slot].phase < .stopping else { return }
    attempts[slot].lastStep = max(attempts[slot].lastStep, step)
    attempts[slot].lastStepAt = max(attempts[slot].lastStepAt, at)
  }

  private mutating func end(_ ending: AttemptEnding, at: Instant) {
    guard let slot = attemptSlot(ending.attempt) else { return }
    attempts[slot].phase = .stopping
    attempts[slot].outcome = ending.outcome
    attempts[slot].lastStep = ending.lastStep
    attempts[slot].firstStepAt = ending.firstStepAt
    attempts[slot].lastStepAt = ending.lastStepAt
    // Said again when a better cause was found: it began to end when it was said first.
    if attempts[slot].endingAt == .zero { attempts[slot].endingAt = at }
    jobs[attempts[slot].jobSlot].state = .stopping
  }

  private mutating func stopMember(_ slot: Int32) {
    let member = members[slot]
    let i = Int(member.node)
    members[slot].stopped = true
    attempts[member.attemptSlot].membersStopped += 1
    if nodes[i].firstMember == slot {
      nodes[i].firstMember = member.nextOnNode
    } else {
      var m = nodes[i].firstMember
      while m >= 0, members[m].nextOnNode != slot { m = members[m].nextOnNode }
      if m >= 0 { members[m].nextOnNode = member.nextOnNode }
    }
    count(i, -1)
    nodes[i].members -= 1
    if nodes[i].state == .draining, nodes[i].members == 0 { nodes[i].state = .drained }
    count(i, 1)
    // The devices of a gang are given back together, when its attempt has ended: nobody takes a healthy node from a
    // gang that is about to be restarted on it.
    if attempts[member.attemptSlot].phase == .ended { giveBackDevices(of: member) }
    if jobs[attempts[member.attemptSlot].jobSlot].latestAttempt != member.attemptSlot {
      giveBackMembers(ofAttempt: member.attemptSlot)
    }
  }

  private mutating func giveBackDevices(of member: Member) {
    let i = Int(member.node)
    count(i, -1)
    nodes[i].freeDevices |= member.devices & Cluster.mask(nodes[i].devices)
    count(i, 1)
  }

  private mutating func finishAttempt(_ slot: Int32, strikes: Int32, at: Instant) {
    attempts[slot].phase = .ended
    attempts[slot].endedAt = at
    var m = attempts[slot].firstMember
    while m >= 0 {
      if members[m].stopped { giveBackDevices(of: members[m]) }
      m = members[m].nextInGang
    }
    let job = attempts[slot].jobSlot
    let devices = attemptPlaces[Int(slot)].reduce(0) { $0 + $1.devices.nonzeroBitCount }
    if devices > 0 {
      usage[specs[Int(job)].project, default: DecayedUse()].add(
        devices: devices, from: attempts[slot].startedAt, to: at)
    }
    if attempts[slot].outcome == .jobFault, strikes == 0, jobs[job].latestFault >= 0 {
      lemons.record(faults[jobs[job].latestFault].fault, at: at)
    }
    jobs[job].strikes = strikes
    jobs[job].bestStep = max(jobs[job].bestStep, attempts[slot].lastStep)
    jobs[job].state = .pending
    if let i = active.firstIndex(of: slot) { active.remove(at: i) }
    countActive(job, -1)
    enqueue(job)
  }

  private mutating func finishJob(_ slot: Int32, _ ended: JobEnded, at: Instant) {
    if jobs[slot].attempt > 0 { countTask(slot, -1) }
    jobs[slot].state = ended.state
    if ended.state == .failed { lemons.acquit(job: ended.job) }
    jobs[slot].exitCode = ended.exitCode
    jobs[slot].endedAt = at
    endReasons[Int(slot)] = ended.reason
    if let i = pending.firstIndex(of: slot) { pending.remove(at: i) }
  }

  private mutating func archive(_ job: Int32) {
    var attempt = jobs[job].latestAttempt
    while attempt >= 0 {
      giveBackMembers(ofAttempt: attempt)
      let previous = attempts[attempt].previous
      attemptPlaces[Int(attempt)] = []
      attempts.remove(attempt)
      attempt = previous
    }
    var fault = jobs[job].latestFault
    while fault >= 0 {
      faults.remove(fault)
      fault = faults[fault].previous
    }
    slotOfJob[Int(jobs[job].id.number - firstKnownJob)] = -1
    jobs.remove(job)
    while let first = slotOfJob.first, first < 0, slotOfJob.count > 1024 {
      let leading = slotOfJob.prefix { $0 < 0 }.count
      slotOfJob.removeFirst(leading)
      firstKnownJob += Int64(leading)
    }
  }

  /// The members of an attempt that is over go back to the pool once nothing of it runs (and a later attempt's are shown).
  private mutating func giveBackMembers(ofAttempt slot: Int32) {
    guard attempts[slot].membersStopped == attempts[slot].memberCount else { return }
    var m = attempts[slot].firstMember
    attempts[slot].firstMember = -1
    attemptMembers[Int(slot)] = []
    while m >= 0 {
      let next = members[m].nextInGang
      members.remove(m)
      m = next
    }
  }
}
