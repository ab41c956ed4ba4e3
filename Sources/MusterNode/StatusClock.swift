package import MusterCore

/// How long a rank has said what it does instead of steps. Times in milliseconds of the boot-time clock.
package struct StatusClock: Sendable {
  private var account: Account?
  private var since: Int64 = 0
  private var times = StatusTimes()

  package init() {}

  /// What held until now has held so long; from now on this does.
  package mutating func changed(to status: String, now: Int64) {
    pass(now)
    account = StatusTimes.account(ofStatus: status)
    since = now
  }

  /// Time passes in which the rank runs.
  package mutating func pass(_ now: Int64) {
    guard let account, now > since else { return }
    times[account] = times[account] + .milliseconds(now - since)
    since = now
  }

  package func describe(in report: inout RankReport) { report.statusTimes = times }
}
