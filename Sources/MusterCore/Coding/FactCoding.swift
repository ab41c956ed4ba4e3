extension Fact.Event {
  /// The number of the kind in the journal. Never changes, never reused.
  public var kind: UInt64 {
    switch self {
    case .controllerStarted: 1
    case .nodeJoined: 2
    case .nodeReturned: 3
    case .nodeSuspected: 4
    case .nodeIsolated: 5
    case .nodeCleared: 6
    case .nodeDrainRequested: 7
    case .nodeResumed: 8
    case .nodeFenced: 9
    case .joinTokenCreated: 10
    case .joinTokensForgotten: 11
    case .nodeRevoked: 12
    case .nodeLabelled: 13
    case .jobSubmitted(let submitted): submitted.spec.kind
    case .jobCancelRequested: 21
    case .attemptStarted: 22
    case .gangStarted: 23
    case .checkpointCommitted: 24
    case .faultFound: 25
    case .attemptEnding: 26
    case .memberStopped: 27
    case .attemptEnded: 28
    case .jobEnded: 29
    case .keysForgotten: 30
    case .silenceWithheld: 31
    case .jobArchived: 32
    case .stepsBegan: 33
    case .jobHeld: 35
    case .jobReleased: 36
    case .attemptWarned: 39
    case .attemptPreempted: 37
    case .policyApplied: 40
    case .maintenanceAdded: 41
    case .maintenanceRemoved: 42
    case .statusTold(_, _, let until): until == .zero ? 46 : 48
    case .placesKept: 47
    }
  }

  /// The kind's name: `jobSubmitted`.
  public var name: String {
    switch self {
    case .controllerStarted: "controllerStarted"
    case .nodeJoined: "nodeJoined"
    case .nodeReturned: "nodeReturned"
    case .nodeSuspected: "nodeSuspected"
    case .nodeIsolated: "nodeIsolated"
    case .nodeCleared: "nodeCleared"
    case .nodeDrainRequested: "nodeDrainRequested"
    case .nodeResumed: "nodeResumed"
    case .nodeFenced: "nodeFenced"
    case .joinTokenCreated: "joinTokenCreated"
    case .joinTokensForgotten: "joinTokensForgotten"
    case .nodeRevoked: "nodeRevoked"
    case .nodeLabelled: "nodeLabelled"
    case .jobSubmitted: "jobSubmitted"
    case .jobCancelRequested: "jobCancelRequested"
    case .attemptStarted: "attemptStarted"
    case .gangStarted: "gangStarted"
    case .checkpointCommitted: "checkpointCommitted"
    case .faultFound: "faultFound"
    case .attemptEnding: "attemptEnding"
    case .memberStopped: "memberStopped"
    case .attemptEnded: "attemptEnded"
    case .jobEnded: "jobEnded"
    case .keysForgotten: "keysForgotten"
    case .silenceWithheld: "silenceWithheld"
    case .jobArchived: "jobArchived"
    case .stepsBegan: "stepsBegan"
    case .jobHeld: "jobHeld"
    case .jobReleased: "jobReleased"
    case .attemptWarned: "attemptWarned"
    case .attemptPreempted: "attemptPreempted"
    case .policyApplied: "policyApplied"
    case .maintenanceAdded: "maintenanceAdded"
    case .maintenanceRemoved: "maintenanceRemoved"
    case .statusTold: "statusTold"
    case .placesKept: "placesKept"
    }
  }
}

extension ByteWriter {
  /// Kind, time, payload.
  public mutating func put(_ fact: borrowing Fact) {
    put(fact.event.kind)
    put(fact.at)
    switch fact.event {
    case .controllerStarted(let epoch): put(epoch)
    case .nodeJoined(let joined), .nodeReturned(let joined): put(joined)
    case .nodeSuspected(let node, let reason), .nodeDrainRequested(let node, let reason),
      .nodeRevoked(let node, let reason):
      put(node.index)
      put(reason)
    case .nodeIsolated(let node, let onEvidence, let reason):
      put(node.index)
      put(onEvidence)
      put(reason)
    case .nodeCleared(let node), .nodeResumed(let node), .nodeFenced(let node): put(node.index)
    case .joinTokenCreated(let token): put(token)
    case .jobSubmitted(let submitted):
      put(submitted.job.number)
      put(submitted.spec)
      if submitted.spec.kind != 20 { put(submitted.spec.wishes) }
      if submitted.spec.kind == 43 || submitted.spec.kind == 45 { putRoles(submitted.spec.further) }
      if submitted.spec.kind == 45 { put(submitted.spec.model) }
      put(submitted.idempotencyKey)
      put(submitted.requestHash)
    case .nodeLabelled(let node, let labels):
      put(node.index)
      put(labels)
    case .jobCancelRequested(let job), .jobArchived(let job), .jobHeld(let job), .jobReleased(let job):
      put(job.number)
    case .policyApplied(let policy): put(policy)
    case .maintenanceAdded(let maintenance): put(maintenance)
    case .maintenanceRemoved(let id): put(id)
    case .placesKept(let kept):
      put(kept) { writer, entry in
        writer.put(entry.deviceType)
        writer.put(entry.devices)
      }
    case .attemptStarted(let started):
      put(started.attempt)
      put(started.places) { writer, place in
        writer.put(place.node.index)
        writer.put(place.devices)
      }
      put(started.resumeStep)
    case .gangStarted(let attempt): put(attempt)
    case .stepsBegan(let attempt, let first):
      put(attempt)
      put(first)
    case .checkpointCommitted(let attempt, let step):
      put(attempt)
      put(step)
    case .statusTold(let attempt, let times, let until):
      put(attempt)
      put(times)
      if until != .zero { put(until) }
    case .attemptWarned(let warned):
      put(warned.attempt)
      put(warned.signal)
      put(warned.walltimeEnd)
    case .attemptPreempted(let attempt, let job):
      put(attempt)
      put(job.number)
    case .faultFound(let fault): put(fault)
    case .attemptEnding(let ending):
      put(ending.attempt)
      put(ending.outcome.rawValue)
      put(ending.lastStep)
      put(ending.firstStepAt)
      put(ending.lastStepAt)
    case .memberStopped(let member, let how):
      put(member.attempt)
      put(member.index)
      put(how.rawValue)
    case .attemptEnded(let ended):
      put(ended.attempt)
      put(ended.strikes)
    case .jobEnded(let ended):
      put(ended.job.number)
      put(ended.state.rawValue)
      put(ended.reason)
      put(ended.exitCode)
    case .keysForgotten(let before), .joinTokensForgotten(let before): put(before)
    case .silenceWithheld(let silent, let connected):
      put(silent)
      put(connected)
    }
  }

  mutating func put(_ attempt: AttemptID) {
    put(attempt.job.number)
    put(attempt.number)
  }

  mutating func put(_ token: JoinTokenCreated) {
    put(token.id)
    put(token.secretHash)
    put(token.expiresAt)
  }

  mutating func put(_ joined: NodeJoined) {
    put(joined.node.index)
    put(joined.name)
    put(joined.machine)
    put(joined.boot)
    put(joined.devices)
    put(joined.deviceType)
    put(joined.cpus)
    put(joined.memoryBytes)
    put(joined.address)
  }

  mutating func put(_ fault: Fault) {
    put(fault.attempt)
    put(fault.component.rawValue)
    put(fault.node) { $0.put($1.index) }
    put(fault.rank) { $0.put($1) }
    put(fault.cause.rawValue)
    put(fault.confidence.rawValue)
    put(fault.evidence) { $0.put($1) }
    put(fault.action.rawValue)
    put(fault.happenedAt)
    put(fault.stepsLost)
    put(fault.exitCode)
  }

  mutating func put(_ spec: JobSpec) {
    put(spec.name)
    put(spec.project)
    put(spec.user)
    put(spec.priority)
    put(spec.role)
    put(spec.walltime) { $0.put($1) }
    put(spec.restart.limit)
    put(spec.restart.hangAfter) { $0.put($1) }
    put(spec.restart.grace)
    put(spec.restart.fence.rawValue)
    put(spec.stop.signal)
    put(spec.stop.grace)
    put(spec.checkpointEvery)
    put(spec.logLimitBytes)
  }
}

extension ByteReader {
  /// - Throws: `CodingError.unknown` for a kind that this version does not know.
  public mutating func fact() throws(CodingError) -> Fact {
    let at = offset
    let kind = try uint()
    let time = try instant()
    return Fact(
      at: time,
      try kind < 20
        ? nodeEvent(kind, at: at)
        : kind < 40 || (43...46).contains(kind) || kind == 48 ? jobEvent(kind, at: at) : policyEvent(kind, at: at))
  }

  private mutating func nodeEvent(_ kind: UInt64, at: Int) throws(CodingError) -> Fact.Event {
    switch kind {
    case 1: return .controllerStarted(epoch: try int())
    case 2: return .nodeJoined(try joined())
    case 3: return .nodeReturned(try joined())
    case 4: return .nodeSuspected(node: try node(), reason: try string())
    case 5: return .nodeIsolated(node: try node(), onEvidence: try bool(), reason: try string())
    case 6: return .nodeCleared(node: try node())
    case 7: return .nodeDrainRequested(node: try node(), reason: try string())
    case 8: return .nodeResumed(node: try node())
    case 9: return .nodeFenced(node: try node())
    case 10: return .joinTokenCreated(try joinToken())
    case 11: return .joinTokensForgotten(before: try instant())
    case 12: return .nodeRevoked(node: try node(), machine: try string())
    case 13: return .nodeLabelled(node: try node(), labels: try labels())
    default: throw .unknown(what: "fact", number: kind, at: at)
    }
  }

  private mutating func jobEvent(_ kind: UInt64, at: Int) throws(CodingError) -> Fact.Event {
    switch kind {
    case 20:
      return .jobSubmitted(
        JobSubmitted(
          job: JobID(try int()), spec: try spec(), idempotencyKey: try string(), requestHash: try uint()))
    case 21: return .jobCancelRequested(job: JobID(try int()))
    case 22:
      return .attemptStarted(
        AttemptStarted(
          attempt: try attempt(),
          places: try array { (r) throws(CodingError) in Place(node: try r.node(), devices: try r.uint()) },
          resumeStep: try int()))
    case 23: return .gangStarted(attempt: try attempt())
    case 24: return .checkpointCommitted(attempt: try attempt(), step: try int())
    case 25: return .faultFound(try fault())
    case 26:
      return .attemptEnding(
        AttemptEnding(
          attempt: try attempt(), outcome: try raw(Outcome.self), lastStep: try int(), firstStepAt: try instant(),
          lastStepAt: try instant()))
    case 27:
      return .memberStopped(
        member: MemberID(attempt: try attempt(), index: try int32()), how: try raw(StopProof.self))
    case 28: return .attemptEnded(AttemptEnded(attempt: try attempt(), strikes: try int32()))
    case 29:
      return .jobEnded(
        JobEnded(
          job: JobID(try int()), state: try raw(JobState.self), reason: try string(), exitCode: try int32()))
    case 30: return .keysForgotten(before: try instant())
    case 31: return .silenceWithheld(silent: try int32(), connected: try int32())
    case 32: return .jobArchived(job: JobID(try int()))
    case 33: return .stepsBegan(attempt: try attempt(), first: try instant())
    case 34, 43, 45:
      let job = JobID(try int())
      var spec = try spec()
      spec.wishes = try wishes()
      if kind != 34 { spec.further = try furtherRoles() }
      if kind == 45 { spec.model = try model() }
      return .jobSubmitted(
        JobSubmitted(job: job, spec: spec, idempotencyKey: try string(), requestHash: try uint()))
    case 35: return .jobHeld(job: JobID(try int()))
    case 36: return .jobReleased(job: JobID(try int()))
    case 37: return .attemptPreempted(attempt: try attempt(), by: JobID(try int()))
    case 39:
      return .attemptWarned(
        AttemptWarned(attempt: try attempt(), signal: try int32(), walltimeEnd: try instant()))
    case 44, 46, 48:
      return .statusTold(
        attempt: try attempt(), times: try statusTimes(withStraggling: kind != 44),
        until: kind == 48 ? try instant() : .zero)
    default: throw .unknown(what: "fact", number: kind, at: at)
    }
  }

  private mutating func policyEvent(_ kind: UInt64, at: Int) throws(CodingError) -> Fact.Event {
    switch kind {
    case 40: return .policyApplied(try policy())
    case 41: return .maintenanceAdded(try maintenance())
    case 42: return .maintenanceRemoved(id: try int())
    case 47:
      return .placesKept(
        try array { (r) throws(CodingError) in KeptDevices(deviceType: try r.string(), devices: try r.int32()) })
    default: throw .unknown(what: "fact", number: kind, at: at)
    }
  }

  mutating func node() throws(CodingError) -> NodeID { NodeID(try int32()) }

  mutating func attempt() throws(CodingError) -> AttemptID {
    AttemptID(job: JobID(try int()), number: try int32())
  }

  mutating func joinToken() throws(CodingError) -> JoinTokenCreated {
    JoinTokenCreated(id: try int(), secretHash: try string(), expiresAt: try instant())
  }

  mutating func joined() throws(CodingError) -> NodeJoined {
    NodeJoined(
      node: try node(), name: try string(), machine: try string(), boot: try string(), devices: try int32(),
      deviceType: try string(), cpus: try int32(), memoryBytes: try int(), address: try string())
  }

  mutating func fault() throws(CodingError) -> Fault {
    Fault(
      attempt: try attempt(), component: try raw(Fault.Component.self),
      node: try optional { (r) throws(CodingError) in try r.node() },
      rank: try optional { (r) throws(CodingError) in try r.int32() }, cause: try raw(Fault.Cause.self),
      confidence: try raw(Fault.Confidence.self),
      evidence: try array { (r) throws(CodingError) in try r.string() }, action: try raw(Fault.Action.self),
      happenedAt: try instant(), stepsLost: try int(), exitCode: try int32())
  }

  mutating func spec() throws(CodingError) -> JobSpec {
    let (name, project, user, priority) = (try string(), try string(), try string(), try int32())
    let role = try role()
    return JobSpec(
      name: name, project: project, user: user, priority: priority, role: role,
      walltime: try optional { (r) throws(CodingError) in try r.span() },
      restart: RestartPolicy(
        limit: try int32(), hangAfter: try optional { (r) throws(CodingError) in try r.span() }, grace: try span(),
        fence: try raw(FencePolicy.self)),
      stop: StopPolicy(signal: try int32(), grace: try span()), checkpointEvery: try int(),
      logLimitBytes: try int())
  }
}

extension ByteWriter {
  mutating func put(_ times: StatusTimes) {
    put(times.checkpointing)
    put(times.evaluating)
    put(times.inputStall)
    put(times.straggling)
    put(times.slowRank)
  }
}

extension ByteReader {
  /// - Parameter withStraggling: false for facts of before there was any.
  mutating func statusTimes(withStraggling: Bool = true) throws(CodingError) -> StatusTimes {
    var times = StatusTimes(
      checkpointing: Span(nanoseconds: try int()), evaluating: Span(nanoseconds: try int()),
      inputStall: Span(nanoseconds: try int()))
    if withStraggling { (times.straggling, times.slowRank) = (Span(nanoseconds: try int()), try int32()) }
    return times
  }
}
