import MusterCore

/// Every kind of thing that the harness brings about from outside.
public enum Injected: String, CaseIterable, Sendable {
  case messageLost, messageDuplicated, messageReordered, messageDelayed, messageCoded
  case cutUp, cutDown, cutNode, cutSeveral, cutAll, cutLongerThanLease, connectionHalfOpen, connectionReplaced
  case agentCrashed, shimCrashed, rankKilled, rankOutOfMemory, rankStopped, rankIgnoredTerm, rankUnkillable
  case agentStalled, shimStalled, nodeStalled, controllerStalled
  case controllerCrashed, crashedBeforeSync, crashedBeforeTelling, crashedWhileStarting
  case batchLost, batchTorn, batchKeptUntold, syncFailed, diskFullOnce, diskFull, restartFromSnapshot
  case nodeRebooted, nodePoweredOff, nodeLostForGood, engineSpoke, machineReplaced, devicesChanged, shimCannotStart
  case clockJumpedForward, clockJumpedBack, clockDrifted
  case submitted, submittedWithKey, submittedAgain, answerLost, keyReused
  case drained, resumed, cancelled, fenced, revoked, tokenCreated
  case wished, rankWarned, policyDrawn, rolesSubmitted, backfilled, startedQuickly
}

/// How often each kind of fact, of fault and of injected fault was seen.
public struct Coverage: Sendable {
  public private(set) var facts = [Int](repeating: 0, count: Coverage.kinds.count)
  public private(set) var faults = [Int](repeating: 0, count: Fault.Cause.allCases.count)
  public private(set) var injected: [Injected: Int] = [:]

  /// Nothing writes these yet: they cannot be seen.
  public static let notWrittenYet = ["jobArchived"]

  /// Every kind of fact, by one of each: a new case of `Fact.Event` fails to compile in `name` and `kind`, and the
  /// test that counts these against the numbers of the codec fails.
  public static let kinds: [String] = [
    "controllerStarted", "nodeJoined", "nodeReturned", "nodeSuspected", "nodeIsolated", "nodeCleared",
    "nodeDrainRequested", "nodeResumed", "nodeFenced", "jobSubmitted", "jobCancelRequested", "attemptStarted",
    "gangStarted", "checkpointCommitted", "faultFound", "attemptEnding", "memberStopped", "attemptEnded", "jobEnded",
    "keysForgotten", "silenceWithheld", "jobArchived", "joinTokenCreated", "joinTokensForgotten", "nodeRevoked",
    "stepsBegan", "nodeLabelled", "jobHeld", "jobReleased", "policyApplied", "maintenanceAdded", "maintenanceRemoved",
    "attemptWarned", "attemptPreempted", "statusTold", "placesKept",
  ]

  public init() {}

  mutating func saw(_ fact: Fact) {
    facts[Coverage.index(fact.event)] += 1
    if case .faultFound(let fault) = fact.event { faults[Int(fault.cause.rawValue)] += 1 }
  }

  mutating func did(_ kind: Injected, count: Int = 1) {
    if count > 0 { injected[kind, default: 0] += count }
  }

  public mutating func add(_ other: Coverage) {
    for i in facts.indices { facts[i] += other.facts[i] }
    for i in faults.indices { faults[i] += other.faults[i] }
    injected.merge(other.injected, uniquingKeysWith: +)
  }

  public var factCount: Int { facts.reduce(0, +) }

  /// Kinds that a long enough run must have seen and did not.
  public var missing: [String] {
    var out: [String] = []
    for (i, name) in Coverage.kinds.enumerated() where facts[i] == 0 && !Coverage.notWrittenYet.contains(name) {
      out.append("fact \(name)")
    }
    for cause in Fault.Cause.allCases where faults[Int(cause.rawValue)] == 0 { out.append("fault \(cause)") }
    for kind in Injected.allCases where injected[kind] == nil { out.append("injected \(kind.rawValue)") }
    return out
  }

  /// The place of a fact's kind in `kinds`. Exhaustive: a new kind must be added here and there.
  private static func index(_ event: Fact.Event) -> Int {
    switch event {
    case .controllerStarted: 0
    case .nodeJoined: 1
    case .nodeReturned: 2
    case .nodeSuspected: 3
    case .nodeIsolated: 4
    case .nodeCleared: 5
    case .nodeDrainRequested: 6
    case .nodeResumed: 7
    case .nodeFenced: 8
    case .jobSubmitted: 9
    case .jobCancelRequested: 10
    case .attemptStarted: 11
    case .gangStarted: 12
    case .checkpointCommitted: 13
    case .faultFound: 14
    case .attemptEnding: 15
    case .memberStopped: 16
    case .attemptEnded: 17
    case .jobEnded: 18
    case .keysForgotten: 19
    case .silenceWithheld: 20
    case .jobArchived: 21
    case .joinTokenCreated: 22
    case .joinTokensForgotten: 23
    case .nodeRevoked: 24
    case .stepsBegan: 25
    case .nodeLabelled: 26
    case .jobHeld: 27
    case .jobReleased: 28
    case .policyApplied: 29
    case .maintenanceAdded: 30
    case .maintenanceRemoved: 31
    case .attemptWarned: 32
    case .attemptPreempted: 33
    case .statusTold: 34
    case .placesKept: 35
    }
  }
}
