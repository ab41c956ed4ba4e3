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
    .jobArchived(job: JobID(1)),
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
    case .jobSubmitted: 20
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
    }
  }
}
