import MusterCore

/// How often things happened since this process started, counted from facts as they become durable. They begin at 0 with
/// the process: Prometheus takes that for what it is, and the journal has the whole.
struct FactCounts: Hashable, Sendable {
  private(set) var submitted: Int64 = 0
  /// By `JobState.rawValue`.
  private(set) var ended = [Int64](repeating: 0, count: JobState.allCases.count)
  private(set) var attempts: Int64 = 0
  /// By `Outcome.rawValue`.
  private(set) var outcomes = [Int64](repeating: 0, count: Outcome.allCases.count)
  /// By `Fault.Cause.rawValue`.
  private(set) var faults = [Int64](repeating: 0, count: Fault.Cause.allCases.count)
  private(set) var preemptions: Int64 = 0
  private(set) var checkpoints: Int64 = 0
  private(set) var isolations: Int64 = 0

  mutating func count(_ facts: [Fact]) {
    for fact in facts {
      switch fact.event {
      case .jobSubmitted: submitted += 1
      case .jobEnded(let end): ended[Int(end.state.rawValue)] += 1
      case .attemptStarted: attempts += 1
      case .attemptEnding(let ending): outcomes[Int(ending.outcome.rawValue)] += 1
      case .faultFound(let fault): faults[Int(fault.cause.rawValue)] += 1
      case .attemptPreempted: preemptions += 1
      case .checkpointCommitted: checkpoints += 1
      case .nodeIsolated: isolations += 1
      default: break  // no figure is made of it
      }
    }
  }
}
