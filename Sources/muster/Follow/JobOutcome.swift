import MusterClient
import MusterProtocol

/// What the end of a job means for a command's exit code.
enum JobOutcome {
  static func hasEnded(_ job: JSON) -> Bool {
    switch job["state"]?.stringValue {
    case "completed", "failed", "cancelled", "timedOut": true
    default: false
    }
  }

  /// `: the reason`, if there is one beside the state itself.
  static func because(_ job: JSON) -> String {
    let reason = job.shown("reason")
    return reason == "-" || reason == job.shown("state") ? "" : ": \(Table.oneLine(reason))"
  }

  /// For `wait`: done, or failed in any way.
  static func status(_ job: JSON) -> Int32 {
    job["state"]?.stringValue == "completed" ? CommandStatus.done.rawValue : CommandStatus.failed.rawValue
  }

  /// For `run`: the code of the first rank that failed, 128 + the signal's number; else as for `wait`.
  static func runStatus(_ job: JSON) -> Int32 {
    guard job["state"]?.stringValue == "failed" else { return status(job) }
    if let code = job["exitCode"]?.intValue, (1...255).contains(code) { return Int32(code) }
    for rank in job["ranks"]?.arrayValue ?? [] {
      if let signal = rank["signal"]?.intValue, (1...64).contains(signal) { return Int32(128 + signal) }
      if let code = rank["exitCode"]?.intValue, (1...255).contains(code) { return Int32(code) }
    }
    return status(job)
  }
}
