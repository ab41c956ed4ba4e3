import MusterCore
import MusterProtocol

/// What the idle policy told the user of a job's attempt.
struct IdleWarning: Hashable, Sendable {
  var attempt: Int32
  /// Milliseconds since 1970.
  var at: Int64
  var text: String

  var json: JSON { ["warnedAt": .moment(at), "message": .string(text)] }
}

/// Warnings of jobs that use nothing. In memory alone: a controller that starts anew warns anew before it cancels.
actor IdleWarnings {
  private var warnings: [JobID: IdleWarning] = [:]
  /// By job.
  var all: [JobID: IdleWarning] { warnings }
  private(set) var warned: Int64 = 0
  private(set) var cancelled: Int64 = 0

  func warning(of job: JobID) -> IdleWarning? { warnings[job] }

  func warn(_ job: JobID, _ warning: IdleWarning) {
    warnings[job] = warning
    warned += 1
  }

  func cancel(_ job: JobID, _ warning: IdleWarning) {
    warnings[job] = warning
    cancelled += 1
  }

  /// So that they do not grow for ever: the newest 10,000 jobs are kept.
  func forget() {
    guard warnings.count > 10_000 else { return }
    for job in warnings.keys.sorted(by: { $0.number < $1.number }).prefix(warnings.count - 10_000) {
      warnings[job] = nil
    }
  }
}
