public enum JobState: UInt8, CaseIterable, Hashable, Sendable {
  case pending = 0
  case starting = 1
  case running = 2
  case stopping = 3
  case completed = 4
  case failed = 5
  case cancelled = 6
  case timedOut = 7

  public var isFinal: Bool { rawValue >= JobState.completed.rawValue }

  /// As a sentence goes on behind the job's number: `is running`, `has failed`.
  public var predicate: String {
    switch self {
    case .pending, .starting, .running, .stopping: "is \(self)"
    case .completed, .failed: "has \(self)"
    case .cancelled: "was cancelled"
    case .timedOut: "has run out of its walltime"
    }
  }
}

/// The hot part of a job: no references. The spec lies beside it at the same slot.
public struct Job: Sendable {
  public internal(set) var id: JobID
  public internal(set) var state: JobState
  public internal(set) var cancelRequested: Bool
  public internal(set) var hasCheckpoint: Bool
  /// Not started before it is released.
  public internal(set) var isHeld: Bool
  public internal(set) var priority: Int32
  /// The gang's shape, beside the spec for rounds over many jobs; derived.
  public internal(set) var nodes: Int32
  public internal(set) var devicesPerNode: Int32
  /// Number of the latest attempt; 0 is none yet.
  public internal(set) var attempt: Int32
  /// Slot of the latest attempt; its `previous` leads to earlier ones. -1 is none.
  public internal(set) var latestAttempt: Int32
  /// See `AttemptEnded.strikes`.
  public internal(set) var strikes: Int32
  /// Highest step that any attempt reached.
  public internal(set) var bestStep: Int64
  public internal(set) var checkpointStep: Int64
  public internal(set) var submittedAt: Instant
  /// Start of the first attempt; zero before.
  public internal(set) var startedAt: Instant
  /// Of its latest checkpoint; zero before.
  public internal(set) var checkpointAt: Instant
  /// Since `startedAt`, not counted against its walltime: what it waited for because others took its place, and what it
  /// had done since its last checkpoint then.
  public internal(set) var uncounted: Span
  /// Zero before.
  public internal(set) var endedAt: Instant
  public internal(set) var exitCode: Int32
  /// Newest of the job's faults, as a list through `FaultRecord.previous`; -1 is none.
  public internal(set) var latestFault: Int32
}

/// One placement of a gang.
public struct Attempt: Sendable {
  public enum Phase: UInt8, CaseIterable, Hashable, Sendable {
    case starting = 0
    case running = 1
    case stopping = 2
    case ended = 3
  }

  public internal(set) var jobSlot: Int32
  public internal(set) var number: Int32
  public internal(set) var phase: Phase
  public internal(set) var outcome: Outcome
  /// Slot of the job's attempt before this one; -1 is none.
  public internal(set) var previous: Int32
  /// First member in rank order, as a list through `Member.nextInGang`; -1 when they have been given back.
  public internal(set) var firstMember: Int32
  public internal(set) var memberCount: Int32
  public internal(set) var membersStopped: Int32
  public internal(set) var resumeStep: Int64
  public internal(set) var lastStep: Int64
  public internal(set) var startedAt: Instant
  public internal(set) var runningAt: Instant
  public internal(set) var firstStepAt: Instant
  public internal(set) var lastStepAt: Instant
  /// When its ranks were warned of the end of their walltime; zero before.
  public internal(set) var warnedAt: Instant
  public internal(set) var endingAt: Instant
  public internal(set) var endedAt: Instant
  /// What its ranks have waited for the slow one, and which that was, as last told; -1: nobody said. A controller that
  /// starts goes on from there.
  public internal(set) var straggling = Span.zero
  public internal(set) var slowRank: Int32 = -1
}

/// One node's part of an attempt. Stays until nothing of it runs, even when a later attempt has started.
public struct Member: Sendable {
  public internal(set) var attemptSlot: Int32
  public internal(set) var index: Int32
  public internal(set) var node: Int32
  public internal(set) var stopped: Bool
  public internal(set) var nextInGang: Int32
  public internal(set) var nextOnNode: Int32
  public internal(set) var devices: UInt64
}

/// A fault in the job's list.
public struct FaultRecord: Hashable, Sendable {
  public internal(set) var foundAt: Instant
  public internal(set) var fault: Fault
  public internal(set) var previous: Int32
}
