import MusterCore

/// Whether attempts are warned as their jobs asked, judged from the facts alone.
struct WarningAudit: Sendable {
  private var specs: [Int64: JobSpec] = [:]
  /// By job: from when its walltime counts. After a preemption it counts on from the last checkpoint, or the attempt's
  /// start.
  private var countsFrom: [Int64: Instant] = [:]
  /// By job: the last thing of its latest attempt that is not done again.
  private var saved: [Int64: Instant] = [:]
  private var preempted: Set<Int64> = []
  private var running: Set<AttemptID> = []
  private var warned: Set<AttemptID> = []

  func isWarned(_ attempt: AttemptID) -> Bool { warned.contains(attempt) }

  mutating func check(_ fact: Fact) -> Failure? {
    switch fact.event {
    case .jobSubmitted(let submitted): specs[submitted.job.number] = submitted.spec
    case .attemptStarted(let start):
      let job = start.attempt.job.number
      if let from = countsFrom[job] {
        if preempted.remove(job) != nil { countsFrom[job] = from + (fact.at - (saved[job] ?? from)) }
      } else {
        countsFrom[job] = fact.at
      }
      saved[job] = fact.at
    case .checkpointCommitted(let attempt, _): saved[attempt.job.number] = fact.at
    case .gangStarted(let attempt): running.insert(attempt)
    case .attemptEnding(let ending):
      running.remove(ending.attempt)
      if ending.outcome == .preempted {
        preempted.insert(ending.attempt.job.number)
      } else {
        preempted.remove(ending.attempt.job.number)
      }
    case .attemptWarned(let told):
      guard let why = objection(told, at: fact.at) else { break }
      return Failure(
        invariant: .warnedInTime, detail: "\(told.attempt) \(why)", job: told.attempt.job.number)
    default: break
    }
    return nil
  }

  private mutating func objection(_ told: AttemptWarned, at: Instant) -> String? {
    guard warned.insert(told.attempt).inserted else { return "was warned before" }
    guard running.contains(told.attempt) else { return "does not run" }
    guard let spec = specs[told.attempt.job.number], let warning = spec.wishes.warning, let walltime = spec.walltime,
      let first = countsFrom[told.attempt.job.number]
    else { return "did not ask for it" }
    guard told.signal == warning.signal, told.walltimeEnd == first + walltime else { return "is told something else" }
    return at >= told.walltimeEnd - warning.before ? nil : "is warned at \(at)"
  }
}
