import MusterCore

/// Whether attempts are warned as their jobs asked, judged from the facts alone.
struct WarningAudit: Sendable {
  private var specs: [Int64: JobSpec] = [:]
  /// By job: when its first attempt started.
  private var started: [Int64: Instant] = [:]
  private var running: Set<AttemptID> = []
  private var warned: Set<AttemptID> = []

  func isWarned(_ attempt: AttemptID) -> Bool { warned.contains(attempt) }

  mutating func check(_ fact: Fact) -> Failure? {
    switch fact.event {
    case .jobSubmitted(let submitted): specs[submitted.job.number] = submitted.spec
    case .attemptStarted(let start) where start.attempt.number == 1: started[start.attempt.job.number] = fact.at
    case .gangStarted(let attempt): running.insert(attempt)
    case .attemptEnding(let ending): running.remove(ending.attempt)
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
      let first = started[told.attempt.job.number]
    else { return "did not ask for it" }
    guard told.signal == warning.signal, told.walltimeEnd == first + walltime else { return "is told something else" }
    return at >= told.walltimeEnd - warning.before ? nil : "is warned at \(at)"
  }
}
