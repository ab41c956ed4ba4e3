import ArgumentParser
import MusterCore
import MusterProtocol
import MusterServer

/// `--rollups-keep 6h,7d,400d`.
enum RollupTimes {
  static let standard = "6h,7d,400d"
  /// Milliseconds: ten minutes, ten years.
  private static let allowed: ClosedRange<Int64> = 600_000...3_650 * 86_400_000

  static func read(_ text: String) throws(ValidationError) -> RollupsKept {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 3 else {
      throw ValidationError(
        "--rollups-keep is \"\(text)\": three times with commas, for 10 s, a minute and an hour, e.g. \(standard)")
    }
    var times: [Int64] = []
    for part in parts {
      guard let time = JobFile.span(part)?.milliseconds, allowed.contains(time) else {
        throw ValidationError(
          "--rollups-keep is \"\(text)\": \"\(part)\" is no time from 10m to 3650d; each needs a unit, e.g. \(standard)"
        )
      }
      times.append(time)
    }
    var kept = RollupsKept()
    (kept.sent, kept.minutes, kept.hours) = (times[0], times[1], times[2])
    return kept
  }
}
