import MusterCore

/// One sample of every kind of fact. The switch has no default: a new kind without a sample does not compile.
enum Samples {
  static let spec = JobSpec(
    name: "train", project: "p", user: "u", priority: -3,
    role: RoleSpec(
      nodes: 2, devicesPerNode: 8, ranksPerNode: 4, cpus: 3, memoryBytes: 1 << 33, command: ["python3", "a b", "ä"],
      environment: [EnvironmentVariable(name: "A", value: "=1")], workingDirectory: "/w"),
    walltime: .seconds(90),
    restart: RestartPolicy(limit: 7, hangAfter: .seconds(5), grace: .seconds(2), fence: .strict),
    stop: StopPolicy(signal: 10, grace: .seconds(9)), checkpointEvery: 100, logLimitBytes: 1 << 20)
  static let several = {
    var spec = wishful
    spec.further = [
      FurtherRole(
        role: RoleSpec(name: "eval", nodes: 2, devicesPerNode: 0, command: ["e"], workingDirectory: "/e"),
        wishes: wishful.wishes.place),
      FurtherRole(role: RoleSpec(name: "plain", command: ["p"], workingDirectory: "/"), wishes: Wishes()),
    ]
    return spec
  }()
  static let modelled = {
    var spec = Samples.spec
    var model = ModelSpec(parameters: 671_000_000_000, activeParameters: 37_000_000_000, tokensPerStep: 1 << 26)
    (model.layers, model.hidden, model.sequence) = (61, 16_384, 4_096)
    (model.attention, model.precision, model.pass) = (.causal, .fp8, .forward)
    spec.model = model
    return spec
  }()
  static let wishful = {
    var spec = Samples.spec
    spec.wishes.segment = 2
    spec.wishes.within = Within(level: "rack", isRequired: false)
    spec.wishes.spread = Spread(level: "block", atMost: 3)
    spec.wishes.deviceTypes = ["H100", "A100"]
    spec.wishes.isExclusive = true
    spec.wishes.constraint = [LabelRule(key: "ib", value: "hdr"), LabelRule(key: "old", isNegated: true)]
    spec.wishes.exclude = ["node-3"]
    spec.wishes.begin = Instant(nanoseconds: 11)
    spec.wishes.isHeld = true
    spec.wishes.dependsOn = [Dependency(kind: .afterok, job: JobID(1)), Dependency(kind: .singleton)]
    spec.wishes.array = ArrayTask(position: 1, count: 4, index: 3, atOnce: 2)
    spec.wishes.warning = Warning(signal: 12, before: .seconds(60))
    spec.wishes.priorityClass = "urgent"
    return spec
  }()
  static let policy = {
    var policy = Policy()
    policy.topology = TopologyPolicy(
      levels: ["block", "rack"], places: [NodePlaces(domains: ["b1", "r1"], nodes: "node-[1-18]", spares: 2)])
    policy.projects = [
      ProjectPolicy(
        name: "team", quotas: [DeviceQuota(deviceType: "H100", guaranteed: 64, borrowLimit: 8, lendLimit: 0)]),
      ProjectPolicy(
        name: "p", parent: "team", quotas: [DeviceQuota(guaranteed: 8)], weight: 3,
        limits: UseLimits(runningJobs: 5, devices: 9, walltime: .seconds(60)), userLimits: UseLimits(devices: 1)),
    ]
    policy.priorities = [
      PriorityClass(name: "urgent", value: 100), PriorityClass(name: "idle", value: -5, preempts: false),
    ]
    return policy
  }()
  static let attempt = AttemptID(job: JobID(1), number: 1)
  static let joined = NodeJoined(
    node: NodeID(0), name: "node-1", machine: "m", boot: "b", devices: 8, deviceType: "H100", cpus: 96,
    memoryBytes: 1 << 40, address: "10.0.0.1")
  static let fault = Fault(
    attempt: attempt, component: .rank, node: NodeID(0), rank: 3, cause: .hangBusy, confidence: .high,
    evidence: ["one", "two"], action: .restartOnSameNodes, happenedAt: Instant(nanoseconds: 5), stepsLost: 4,
    exitCode: 137)

  static let events: [Fact.Event] = [
    .controllerStarted(epoch: 1), .nodeJoined(joined), .nodeReturned(joined),
    .nodeSuspected(node: NodeID(0), reason: "silent"), .nodeIsolated(node: NodeID(0), onEvidence: true, reason: "died"),
    .nodeCleared(node: NodeID(0)), .nodeDrainRequested(node: NodeID(0), reason: "fan"), .nodeResumed(node: NodeID(0)),
    .nodeFenced(node: NodeID(0)),
    .joinTokenCreated(JoinTokenCreated(id: 1, secretHash: "ab", expiresAt: Instant(nanoseconds: 7))),
    .joinTokensForgotten(before: Instant(nanoseconds: 8)), .nodeRevoked(node: NodeID(0), machine: "m"),
    .jobSubmitted(JobSubmitted(job: JobID(1), spec: spec, idempotencyKey: "k", requestHash: .max)),
    .jobCancelRequested(job: JobID(1)),
    .attemptStarted(
      AttemptStarted(
        attempt: attempt, places: [Place(node: NodeID(0), devices: .max), Place(node: NodeID(1), devices: 1)],
        resumeStep: 40)),
    .gangStarted(attempt: attempt), .stepsBegan(attempt: attempt, first: Instant(nanoseconds: 5)),
    .checkpointCommitted(attempt: attempt, step: 1 << 40), .faultFound(fault),
    .attemptEnding(
      AttemptEnding(
        attempt: attempt, outcome: .nodeFault, lastStep: 52, firstStepAt: Instant(nanoseconds: 1),
        lastStepAt: Instant(nanoseconds: 2))),
    .memberStopped(member: MemberID(attempt: attempt, index: 1), how: .leaseOver),
    .attemptEnded(AttemptEnded(attempt: attempt, strikes: 2)),
    .jobEnded(JobEnded(job: JobID(1), state: .failed, reason: "why", exitCode: 3)),
    .keysForgotten(before: Instant(nanoseconds: 9)), .silenceWithheld(silent: 3, connected: 5),
    .jobArchived(job: JobID(1)), .nodeLabelled(node: NodeID(0), labels: [Label(key: "rack", value: "r1")]),
    .jobSubmitted(JobSubmitted(job: JobID(2), spec: wishful, idempotencyKey: "l", requestHash: 1)),
    .jobSubmitted(JobSubmitted(job: JobID(3), spec: several, idempotencyKey: "m", requestHash: 2)),
    .jobSubmitted(JobSubmitted(job: JobID(4), spec: modelled, idempotencyKey: "n", requestHash: 3)),
    .attemptPreempted(attempt: attempt, by: JobID(7)),
    .attemptWarned(AttemptWarned(attempt: attempt, signal: 10, walltimeEnd: Instant(nanoseconds: 11))),
    .jobHeld(job: JobID(1)), .jobReleased(job: JobID(1)), .policyApplied(policy),
    .maintenanceAdded(
      Maintenance(
        id: 1, from: Instant(nanoseconds: 12), to: Instant(nanoseconds: 13), nodes: "node-[1-2]", level: "rack",
        domain: "r1", reason: "pumps")),
    .maintenanceRemoved(id: 1),
    .placesKept([KeptDevices(deviceType: "a", devices: 8), KeptDevices(deviceType: "b", devices: 64)]),
    .statusTold(attempt: attempt, times: StatusTimes(evaluating: .seconds(2)), until: Instant(nanoseconds: 14)),
    .statusTold(
      attempt: attempt,
      times: StatusTimes(
        checkpointing: .seconds(1), evaluating: .seconds(2), inputStall: .seconds(3),
        straggling: .seconds(4), slowRank: 5)
    ),
  ]

  /// Kinds by number: the numbers are in journals for ever.
  static func number(_ event: Fact.Event) -> UInt64 {
    switch event {
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
    case .jobSubmitted(let submitted):
      submitted.spec.model != nil ? 45 : submitted.spec.hasRoles ? 43 : submitted.spec.wishes.isEmpty ? 20 : 34
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
}
