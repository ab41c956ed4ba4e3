package import MusterCore

/// When a rank said its steps, kept by its shim: a controller that was restarted still knows how long the job's steps take.
/// Times in milliseconds of the boot-time clock.
package struct StepTimes: Sendable {
  private var firstAt: Int64?
  private var lastAt: Int64 = 0
  private var count: Int64 = 0
  /// Between two said steps, from the second on (the first ones compile and fill caches) and without a status.
  private var longest: Int64 = 0

  package init() {}

  /// The rank said a step that it had not said last. `status` is the one that held until now.
  package mutating func said(status: String, now: Int64) {
    if count >= 2, status.isEmpty { longest = max(longest, now - lastAt) }
    firstAt = firstAt ?? now
    lastAt = now
    count += 1
  }

  package func describe(in report: inout RankReport, now: Int64) {
    guard let firstAt else { return }
    report.stepAge = .milliseconds(max(0, now - lastAt))
    report.firstStepAge = .milliseconds(max(0, now - firstAt))
    report.stepsSaid = count
    report.longestStep = .milliseconds(longest)
  }
}
