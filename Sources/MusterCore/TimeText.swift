/// Days since 1970-01-01 and dates of the proleptic Gregorian calendar, in UTC.
/// Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms". Years begin in March there, so that the leap day comes
/// last.
public enum CivilDate {
  public static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let shifted = month > 2 ? year : year - 1
    let era = (shifted >= 0 ? shifted : shifted - 399) / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  public static func date(ofDay days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthIndex = (5 * dayOfYear + 2) / 153
    let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * monthIndex + 2) / 5 + 1)
  }

  public static func days(ofMonth month: Int64, in year: Int64) -> Int64 {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }
}

extension Instant {
  /// RFC 3339 in UTC with milliseconds: `2026-11-24T13:05:09.120Z`.
  public var rfc3339: String { text(milliseconds: true) }

  /// RFC 3339 in UTC, with milliseconds only where there are any: `2026-11-24T13:05:09Z`.
  public var shortRFC3339: String { text(milliseconds: nanoseconds / 1_000_000 % 1000 != 0) }

  private func text(milliseconds hasMilliseconds: Bool) -> String {
    let milliseconds = nanoseconds / 1_000_000
    let (seconds, fraction) = (milliseconds / 1000, milliseconds % 1000)
    let days = (seconds >= 0 ? seconds : seconds - 86_399) / 86_400
    let clock = seconds - days * 86_400
    let (year, month, day) = CivilDate.date(ofDay: days)
    func two(_ n: Int64) -> String { n < 10 ? "0\(n)" : "\(n)" }
    let millis = fraction < 10 ? "00\(fraction)" : fraction < 100 ? "0\(fraction)" : "\(fraction)"
    return "\(year)-\(two(month))-\(two(day))T\(two(clock / 3600)):\(two(clock / 60 % 60)):\(two(clock % 60))"
      + (hasMilliseconds ? ".\(millis)Z" : "Z")
  }
}
