/// What broke, as far as we can tell. A verdict names its evidence, so that a person can disagree.
public struct Fault: Hashable, Sendable {
  public var attempt: AttemptID
  public var component: Component
  /// The node concerned (blamed only if `component` is `node`), or none.
  public var node: NodeID?
  public var rank: Int32?
  public var cause: Cause
  public var confidence: Confidence
  public var evidence: [String]
  public var action: Action
  /// When it happened, as well as we know; `Fact.at` says when it was found.
  public var happenedAt: Instant
  /// Steps done since the checkpoint that the job resumes from.
  public var stepsLost: Int64
  /// The code that `muster run` would exit with.
  public var exitCode: Int32

  public init(
    attempt: AttemptID, component: Component, node: NodeID?, rank: Int32?, cause: Cause, confidence: Confidence,
    evidence: [String], action: Action, happenedAt: Instant, stepsLost: Int64 = 0, exitCode: Int32 = 1
  ) {
    self.attempt = attempt
    self.component = component
    self.node = node
    self.rank = rank
    self.cause = cause
    self.confidence = confidence
    self.evidence = evidence
    self.action = action
    self.happenedAt = happenedAt
    self.stepsLost = stepsLost
    self.exitCode = exitCode
  }

  public enum Component: UInt8, CaseIterable, Hashable, Sendable {
    case rank = 0
    case node = 1
    case shim = 2
    case job = 3
    case unknown = 4
  }

  public enum Cause: UInt8, CaseIterable, Hashable, Sendable {
    case exitCode = 0
    case signal = 1
    case outOfMemory = 2
    case hangStopped = 3
    case hangBusy = 4
    case hangBlocked = 5
    case hangUnknown = 6
    case shimDied = 7
    case nodeSilent = 8
    case nodeDied = 9
    case cannotExecute = 10
    case shimNotStarted = 11
    case leaseExpired = 12
    case nodeRevoked = 13
  }

  public enum Confidence: UInt8, CaseIterable, Hashable, Sendable {
    case low = 0
    case medium = 1
    case high = 2
    case certain = 3
  }

  public enum Action: UInt8, CaseIterable, Hashable, Sendable {
    case restartOnSameNodes = 0
    case replaceNode = 1
    case failJob = 2
  }
}
