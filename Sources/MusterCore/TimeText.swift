extension Instant {
  /// RFC 3339 in UTC with milliseconds: `2026-11-24T13:05:09.120Z`.
  public var rfc3339: String {
    let milliseconds = nanoseconds / 1_000_000
    let (seconds, fraction) = (milliseconds / 1000, milliseconds % 1000)
    let days = (seconds >= 0 ? seconds : seconds - 86_399) / 86_400
    let clock = seconds - days * 86_400
    // Civil date from days since 1970-01-01: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthIndex = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * monthIndex + 2) / 5 + 1
    let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    func two(_ n: Int64) -> String { n < 10 ? "0\(n)" : "\(n)" }
    let millis = fraction < 10 ? "00\(fraction)" : fraction < 100 ? "0\(fraction)" : "\(fraction)"
    let date = "\(year)-\(two(month))-\(two(day))"
    return "\(date)T\(two(clock / 3600)):\(two(clock / 60 % 60)):\(two(clock % 60)).\(millis)Z"
  }
}
