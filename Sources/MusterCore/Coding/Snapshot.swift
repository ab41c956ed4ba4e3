/// The state as bytes, and back. The same state always gives the same bytes, so that two processes can compare hashes.
extension Cluster {
  /// Number of the layout below; a snapshot of another layout is left alone and the journal replayed instead.
  public static let snapshotFormat: UInt64 = 7

  public func encodeSnapshot() -> [UInt8] {
    var w = ByteWriter()
    w.put(Cluster.snapshotFormat)
    w.put(sequence)
    w.put(epoch)
    w.put(lastFactAt)
    w.put(UInt64(nodes.count))
    for (node, detail) in zip(nodes, nodeDetails) { w.put(node, detail) }
    w.put(nextJob)
    w.put(firstKnownJob)
    w.put(slotOfJob) { $0.put($1) }
    w.put(jobs) { $0.put($1) }
    w.put(specs) {
      $0.put($1)
      $0.put($1.wishes)
      $0.putRoles($1.further)
      $0.put($1.model)
    }
    w.put(endReasons) { $0.put($1) }
    w.put(attempts) { $0.put($1) }
    w.put(attemptPlaces) { writer, places in
      writer.put(places) { writer, place in
        writer.put(place.node.index)
        writer.put(place.devices)
      }
    }
    w.put(members) { $0.put($1) }
    w.put(faults) { writer, record in
      writer.put(record.foundAt)
      writer.put(record.fault)
      writer.put(record.previous)
    }
    w.put(lemons.entries) { writer, entry in
      writer.put(entry.node)
      writer.put(entry.job)
      writer.put(entry.at)
    }
    w.put(keys.sorted { $0.key < $1.key }) { writer, entry in
      writer.put(entry.key)
      writer.put(entry.value.firstJob)
      writer.put(entry.value.count)
      writer.put(entry.value.requestHash)
      writer.put(entry.value.at)
    }
    w.put(admission.tokens) { $0.put($1) }
    w.put(admission.nextToken)
    w.put(admission.revoked) { $0.put($1) }
    w.put(policy)
    w.put(maintenance) { $0.put($1) }
    w.put(nextMaintenance)
    w.put(usage.sorted { $0.key < $1.key }) { writer, entry in
      writer.put(entry.key)
      writer.put(entry.value.deviceSeconds.bitPattern)
      writer.put(entry.value.at)
    }
    return w.bytes
  }

  public init(snapshot bytes: [UInt8]) throws(CodingError) {
    self.init()
    var r = ByteReader(bytes)
    let format = try r.uint()
    guard format == Cluster.snapshotFormat else { throw .unknown(what: "snapshot format", number: format, at: 0) }
    sequence = try r.int()
    epoch = try r.int()
    lastFactAt = try r.instant()
    for _ in 0..<(try r.count()) {
      nodes.append(try r.nodeState())
      nodeDetails.append(
        NodeDetail(
          joined: try r.joined(), reason: try r.string(), fenced: try r.bool(), labels: try r.labels()))
    }
    nextJob = try r.int()
    firstKnownJob = try r.int()
    slotOfJob = try r.array { (r) throws(CodingError) in try r.int32() }
    jobs = try r.pool { (r) throws(CodingError) in try r.job() }
    specs = try r.array { (r) throws(CodingError) in
      var spec = try r.spec()
      spec.wishes = try r.wishes()
      spec.further = try r.furtherRoles()
      spec.model = try r.model()
      return spec
    }
    endReasons = try r.array { (r) throws(CodingError) in try r.string() }
    attempts = try r.pool { (r) throws(CodingError) in try r.attemptState() }
    attemptPlaces = try r.array { (r) throws(CodingError) in
      try r.array { (r) throws(CodingError) in Place(node: try r.node(), devices: try r.uint()) }
    }
    members = try r.pool { (r) throws(CodingError) in try r.member() }
    faults = try r.pool { (r) throws(CodingError) in
      FaultRecord(foundAt: try r.instant(), fault: try r.fault(), previous: try r.int32())
    }
    lemons.entries = try r.array { (r) throws(CodingError) in
      LemonCounter.Entry(node: try r.int32(), job: try r.int(), at: try r.instant())
    }
    for _ in 0..<(try r.count()) {
      let key = try r.string()
      keys[key] = KeyRecord(
        firstJob: try r.int(), count: try r.int(), requestHash: try r.uint(), at: try r.instant())
    }
    admission.tokens = try r.array { (r) throws(CodingError) in try r.joinToken() }
    admission.nextToken = try r.int()
    admission.revoked = try r.array { (r) throws(CodingError) in try r.string() }
    policy = try r.policy()
    maintenance = try r.array { (r) throws(CodingError) in try r.maintenance() }
    nextMaintenance = try r.int()
    for _ in 0..<(try r.count()) {
      let project = try r.string()
      usage[project] = DecayedUse(deviceSeconds: Double(bitPattern: try r.uint()), at: try r.instant())
    }
    guard r.isAtEnd else { throw .leftOver(bytes: bytes.count - r.offset) }
    rebuildDerived()
  }

  /// Fingerprint of the whole durable state.
  public var stateHash: UInt64 { fingerprint(encodeSnapshot()) }

  private mutating func rebuildDerived() {
    for (i, detail) in nodeDetails.enumerated() {
      nodeByName[detail.joined.name] = Int32(i)
      if nodes[i].state == .ready { readyByFree[nodes[i].freeDeviceCount] += 1 }
    }
    attemptMembers = Array(repeating: [], count: attempts.items.count)
    for slot in slotOfJob where slot >= 0 {
      jobs[slot].nodes = specs[Int(slot)].nodes
      jobs[slot].devicesPerNode = specs[Int(slot)].mostDevicesPerNode
      if jobs[slot].state == .pending { enqueue(slot) }
      if !jobs[slot].state.isFinal {
        awaitStarts(specs[Int(slot)].wishes)
        if jobs[slot].attempt > 0 { countTask(slot, 1) }
      }
      let latest = jobs[slot].latestAttempt
      if latest >= 0, attempts[latest].phase != .ended {
        active.append(latest)
        countActive(slot, 1)
      }
      listMembers(from: latest)
    }
    active.sort {
      (attempts[$0].startedAt, jobs[attempts[$0].jobSlot].id) < (attempts[$1].startedAt, jobs[attempts[$1].jobSlot].id)
    }
  }

  /// Of an attempt and those before it.
  private mutating func listMembers(from latest: Int32) {
    var attempt = latest
    while attempt >= 0 {
      var m = attempts[attempt].firstMember
      while m >= 0 {
        attemptMembers[Int(attempt)].append(m)
        m = members[m].nextInGang
      }
      attempt = attempts[attempt].previous
    }
  }
}

extension ByteWriter {
  fileprivate mutating func put<T>(_ pool: Pool<T>, _ each: (inout ByteWriter, T) -> Void) {
    put(pool.items, each)
    put(pool.free) { $0.put($1) }
  }

  fileprivate mutating func put(_ node: Node, _ detail: NodeDetail) {
    put(node.state.rawValue)
    put(node.onEvidence)
    put(node.drainRequested)
    put(node.devices)
    put(node.members)
    put(node.freeDevices)
    put(node.firstMember)
    put(node.served)
    put(node.since)
    put(detail.joined)
    put(detail.reason)
    put(detail.fenced)
    put(detail.labels)
  }

  fileprivate mutating func put(_ job: Job) {
    put(job.id.number)
    put(job.state.rawValue)
    put(job.cancelRequested)
    put(job.hasCheckpoint)
    put(job.isHeld)
    put(job.priority)
    put(job.attempt)
    put(job.latestAttempt)
    put(job.strikes)
    put(job.bestStep)
    put(job.checkpointStep)
    put(job.submittedAt)
    put(job.startedAt)
    put(job.checkpointAt)
    put(job.uncounted)
    put(job.endedAt)
    put(job.exitCode)
    put(job.latestFault)
  }

  fileprivate mutating func put(_ a: Attempt) {
    put(a.jobSlot)
    put(a.number)
    put(a.phase.rawValue)
    put(a.outcome.rawValue)
    put(a.previous)
    put(a.firstMember)
    put(a.memberCount)
    put(a.membersStopped)
    put(a.resumeStep)
    put(a.lastStep)
    put(a.startedAt)
    put(a.runningAt)
    put(a.firstStepAt)
    put(a.lastStepAt)
    put(a.warnedAt)
    put(a.endingAt)
    put(a.endedAt)
    put(a.straggling)
    put(a.slowRank)
  }

  fileprivate mutating func put(_ m: Member) {
    put(m.attemptSlot)
    put(m.index)
    put(m.node)
    put(m.stopped)
    put(m.nextInGang)
    put(m.nextOnNode)
    put(m.devices)
  }
}

extension ByteReader {
  fileprivate mutating func pool<T: Sendable>(
    _ each: (inout ByteReader) throws(CodingError) -> T
  ) throws(CodingError) -> Pool<T> {
    let items = try array(each)
    return Pool(items: items, free: try array { (r) throws(CodingError) in try r.int32() })
  }

  fileprivate mutating func nodeState() throws(CodingError) -> Node {
    Node(
      state: try raw(NodeState.self), onEvidence: try bool(), drainRequested: try bool(), devices: try int32(),
      members: try int32(), freeDevices: try uint(), firstMember: try int32(), served: try int32(),
      since: try instant())
  }

  fileprivate mutating func job() throws(CodingError) -> Job {
    Job(
      id: JobID(try int()), state: try raw(JobState.self), cancelRequested: try bool(), hasCheckpoint: try bool(),
      isHeld: try bool(),
      priority: try int32(), nodes: 0, devicesPerNode: 0, attempt: try int32(), latestAttempt: try int32(),
      strikes: try int32(),
      bestStep: try int(), checkpointStep: try int(), submittedAt: try instant(), startedAt: try instant(),
      checkpointAt: try instant(), uncounted: try span(), endedAt: try instant(), exitCode: try int32(),
      latestFault: try int32())
  }

  fileprivate mutating func attemptState() throws(CodingError) -> Attempt {
    Attempt(
      jobSlot: try int32(), number: try int32(), phase: try raw(Attempt.Phase.self), outcome: try raw(Outcome.self),
      previous: try int32(), firstMember: try int32(), memberCount: try int32(), membersStopped: try int32(),
      resumeStep: try int(), lastStep: try int(), startedAt: try instant(), runningAt: try instant(),
      firstStepAt: try instant(), lastStepAt: try instant(), warnedAt: try instant(),
      endingAt: try instant(), endedAt: try instant(), straggling: try span(), slowRank: try int32())
  }

  fileprivate mutating func member() throws(CodingError) -> Member {
    Member(
      attemptSlot: try int32(), index: try int32(), node: try int32(), stopped: try bool(), nextInGang: try int32(),
      nextOnNode: try int32(), devices: try uint())
  }
}
