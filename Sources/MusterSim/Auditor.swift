public import MusterCore

/// Recounts from facts alone what must hold. Shares no bookkeeping with the core.
public struct Auditor: Sendable {
  struct Gang: Sendable {
    var places: [Place]
    var stopped: Set<Int32> = []
    var ended = false
    /// Decided when it ended: nothing of it may run beside its successor.
    var endedStrictly = false
  }
  private var owner: [Int64: AttemptID] = [:]
  private var specs: [Int64: JobSpec] = [:]
  private(set) var gangs: [AttemptID: Gang] = [:]
  private var attempts: [Int64: Int32] = [:]
  private var ended: Set<Int64> = []
  private var devices: [Int32] = []
  private var unfit: Set<Int32> = []
  private var drained: Set<Int32> = []
  private var checkpoints: [Int64: Int64] = [:]
  private var epoch: Int64 = 0
  private var lastJob: Int64 = 0
  private var wishes = WishAudit()
  private var warnings = WarningAudit()
  private var lastAt: Instant = .zero

  private var sharing: SharingAudit

  public init(minimumRun: Span) { sharing = SharingAudit(minimumRun: minimumRun) }

  /// - Returns: what this fact breaks.
  public mutating func check(_ fact: Fact) -> Failure? {
    defer { lastAt = fact.at }
    wishes.see(fact.event)
    if let broken = warnings.check(fact) { return broken }
    guard fact.at >= lastAt else { return Failure(invariant: .timeGoesForward, detail: "\(fact.at) after \(lastAt)") }
    if let broken = sharing.check(fact) { return broken }
    switch fact.event {
    case .controllerStarted(let new):
      guard new == epoch + 1 else { return Failure(invariant: .epochsCountUp, detail: "\(new) after \(epoch)") }
      epoch = new
    case .nodeJoined(let joined): devices.append(joined.devices)
    case .nodeReturned(let joined): devices[Int(joined.node.index)] = joined.devices
    case .nodeSuspected(let node, _), .nodeIsolated(let node, _, _): unfit.insert(node.index)
    case .nodeCleared(let node): unfit.remove(node.index)
    case .nodeDrainRequested(let node, _): drained.insert(node.index)
    case .nodeResumed(let node):
      unfit.remove(node.index)
      drained.remove(node.index)
    case .jobSubmitted(let submitted):
      guard submitted.job.number == lastJob + 1 else {
        return Failure(invariant: .jobNumbersCountUp, detail: "job \(submitted.job) after \(lastJob)")
      }
      lastJob += 1
      specs[lastJob] = submitted.spec
      if let why = wishes.submit(submitted.spec) {
        return Failure(invariant: .dependenciesCanHold, detail: "job \(lastJob) \(why)", job: lastJob)
      }
    case .attemptStarted(let started):
      if let broken = start(started) { return broken }
      let job = started.attempt.job.number
      guard let spec = specs[job], let why = wishes.start(started, spec, at: fact.at) else { return nil }
      return Failure(invariant: .wishesHold, detail: "\(started.attempt) \(why)", job: job)
    case .checkpointCommitted(let attempt, let step): return checkpoint(attempt, step)
    case .memberStopped(let member, _): return stop(member)
    case .attemptEnded(let end): return checkFence(end.attempt)
    case .jobEnded(let end):
      guard ended.insert(end.job.number).inserted else {
        return Failure(invariant: .endsOnce, detail: "job \(end.job)", job: end.job.number)
      }
    case .nodeFenced, .joinTokenCreated, .joinTokensForgotten, .nodeRevoked, .jobCancelRequested, .gangStarted,
      .stepsBegan, .attemptWarned, .attemptPreempted, .statusTold, .faultFound, .attemptEnding, .keysForgotten,
      .silenceWithheld,
      .jobArchived,
      .nodeLabelled,
      .jobHeld, .jobReleased, .policyApplied, .maintenanceAdded, .maintenanceRemoved, .placesKept:
      break
    }
    return nil
  }

  /// As `SharingAudit.connectionChanged`.
  mutating func connectionChanged() { sharing.connectionChanged() }

  /// As `SharingAudit.placesKept`.
  mutating func placesKept(for jobs: Set<Int64>) { sharing.placesKept(for: jobs) }

  /// As `SharingAudit.neverAllowed`.
  func neverAllowed(_ job: Int64) -> String? { sharing.neverAllowed(job) }

  /// As `SharingAudit.roundTaken`.
  mutating func roundTaken(at now: Instant, unit: Span, horizon: Span, serving: [Bool]) -> Failure? {
    sharing.roundTaken(at: now, unit: unit, horizon: horizon, serving: serving)
  }

  /// As `SharingAudit.roundReturned`.
  mutating func roundReturned() { sharing.roundReturned() }

  /// As `SharingAudit.roundIsOver`.
  mutating func roundIsOver() -> Int { sharing.roundIsOver() }

  func isWarned(_ attempt: AttemptID) -> Bool { warnings.isWarned(attempt) }

  private static func key(_ node: Int32, _ device: Int) -> Int64 { Int64(node) << 8 | Int64(device) }

  private mutating func checkpoint(_ attempt: AttemptID, _ step: Int64) -> Failure? {
    let job = attempt.job.number
    guard attempts[job] == attempt.number, gangs[attempt]?.ended == false else {
      return Failure(
        invariant: .checkpointIsCurrent, detail: "step \(step) of \(attempt), latest is \(attempts[job] ?? 0)", job: job
      )
    }
    checkpoints[job] = step
    return nil
  }

  private mutating func start(_ started: AttemptStarted) -> Failure? {
    let job = started.attempt.job.number
    func broken(_ invariant: Invariant, _ detail: String, _ node: NodeID? = nil) -> Failure {
      Failure(invariant: invariant, detail: "\(started.attempt): \(detail)", job: job, node: node?.index)
    }
    guard let spec = specs[job], !ended.contains(job) else {
      return broken(.attemptAfterEnd, "its job is not there or has ended")
    }
    guard started.attempt.number == (attempts[job] ?? 0) + 1 else {
      return broken(.attemptNumbersCountUp, "after number \(attempts[job] ?? 0)")
    }
    if let last = attempts[job], gangs[AttemptID(job: started.attempt.job, number: last)]?.ended != true {
      return broken(.attemptAfterEnd, "number \(last) has not ended")
    }
    guard started.resumeStep == checkpoints[job] ?? 0 else {
      return broken(.resumesFromCheckpoint, "from \(started.resumeStep), accepted was \(checkpoints[job] ?? 0)")
    }
    attempts[job] = started.attempt.number
    let gangs = [(spec.role, spec.wishes)] + spec.further.map { ($0.role, $0.wishes) }
    guard started.places.count == gangs.reduce(0, { $0 + Int($1.0.nodes) }) else {
      return broken(.gangIsWhole, "\(started.places.count) places for \(gangs.map(\.0.nodes)) nodes")
    }
    var asking: [(RoleSpec, Wishes)] = []
    for gang in gangs {
      let nodes = started.places[asking.count...].prefix(Int(gang.0.nodes)).map(\.node)
      guard Set(nodes).count == nodes.count else { return broken(.gangIsWhole, "one node twice: \(nodes)") }
      asking += Array(repeating: gang, count: nodes.count)
    }
    for (place, asks) in zip(started.places, asking) {
      let node = place.node
      let asked = asks.1.isExclusive ? devices[Int(node.index)] : asks.0.devicesPerNode
      guard place.devices.nonzeroBitCount == Int(asked) else {
        return broken(.gangIsWhole, "another number of devices on \(node)", node)
      }
      guard !unfit.contains(node.index), !drained.contains(node.index) else {
        return broken(.unfitNode, "placed on \(node)", node)
      }
      for device in 0..<64 where place.devices & (1 << UInt64(device)) != 0 {
        guard device < devices[Int(node.index)] else {
          return broken(.gangIsWhole, "device \(device) of \(node) does not exist", node)
        }
        if let other = owner.updateValue(started.attempt, forKey: Self.key(node.index, device)) {
          return broken(.deviceOnce, "device \(device) of \(node) is \(other)'s", node)
        }
      }
    }
    self.gangs[started.attempt] = Gang(places: started.places)
    return nil
  }

  private mutating func stop(_ member: MemberID) -> Failure? {
    guard let gang = gangs[member.attempt], gangs[member.attempt]?.stopped.insert(member.index).inserted == true else {
      return Failure(
        invariant: .stopsOnce, detail: "\(member) stopped twice or never was", job: member.attempt.job.number)
    }
    let place = gang.places[Int(member.index)]
    wishes.stopped(member.attempt, on: place.node)
    for device in 0..<64 where place.devices & (1 << UInt64(device)) != 0 {
      owner[Self.key(place.node.index, device)] = nil
    }
    return nil
  }

  /// An attempt may end with members that have not stopped only on suspect nodes, and never under `strict`.
  private mutating func checkFence(_ attempt: AttemptID) -> Failure? {
    guard let gang = gangs[attempt], let spec = specs[attempt.job.number] else { return nil }
    let fence = spec.restart.fence
    let strict = fence == .strict || (fence == .auto && checkpoints[attempt.job.number] == nil)
    gangs[attempt]?.ended = true
    gangs[attempt]?.endedStrictly = strict
    for (i, place) in gang.places.enumerated() where !gang.stopped.contains(Int32(i)) {
      guard !strict, unfit.contains(place.node.index) else {
        return Failure(
          invariant: .fenceHolds, detail: "\(attempt) ended while its member \(i) on \(place.node) may still run",
          job: attempt.job.number, node: place.node.index)
      }
    }
    return nil
  }
}
