import MusterCore

/// Why an attempt ended.
enum AttemptEnd: Sendable {
  case finished
  case fault
  case preempted
  /// Cancelled, over its walltime, or not to be run at all: nothing follows.
  case final

  /// Every outcome that the core knows; a new one is decided here.
  init(_ outcome: Outcome) {
    switch outcome {
    case .finished: self = .finished
    case .jobFault, .nodeFault: self = .fault
    case .preempted: self = .preempted
    case .cancelled, .timedOut, .unrunnable: self = .final
    }
  }
}

/// What the simulation keeps of a job. Times in milliseconds since 1970.
struct JobRun: Sendable {
  enum Phase: UInt8, Sendable {
    case notSubmitted
    case waiting
    /// Its nodes are chosen.
    case starting
    /// Its ranks run.
    case running
    case stopping
    case over
    /// The core did not take it.
    case refused
  }

  var phase = Phase.notSubmitted
  /// In the core, once it has started.
  var number = JobID(0)
  var attempt: Int32 = 0
  var faults: Int32 = 0
  var preemptions: Int32 = 0
  /// Devices that its attempt holds.
  var held: Int32 = 0
  var state = JobState.pending
  var firstStart: Int64 = 0
  var attemptStart: Int64 = 0
  /// When the attempt's work goes on.
  var worksFrom: Int64 = .max
  /// Work that was done before the attempt began.
  var resumed: Int64 = 0
  var endingAt: Int64 = 0
  var endedAt: Int64 = 0
  /// The last attempt was preempted: what the next one costs to start is the preemption's.
  var wasPreempted = false
  /// Work that its last checkpoint holds, when its attempt was preempted.
  var saved: Int64 = 0
  /// Its own time, not that of its devices.
  var redone: Int64 = 0

  /// Work done at that time.
  func progress(at now: Int64, of duration: Int64) -> Int64 {
    now <= worksFrom ? resumed : min(duration, resumed + (now - worksFrom))
  }
}

/// What the simulation keeps of a node.
struct NodeRun: Sendable {
  enum Service: UInt8, Sendable {
    case up
    case broken
    case isolated
  }
  /// That it has.
  var devices: Int32 = 0
  var service = Service.up
  /// When that began.
  var since: Int64 = 0
  /// Devices that attempts hold.
  var held: Int32 = 0
  /// Counts its boots.
  var boot: Int32 = 1
}
