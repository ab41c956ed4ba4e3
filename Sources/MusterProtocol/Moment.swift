public import MusterCore

/// Moments as people and programs write them: RFC 3339 with its zone.
public enum Moment {
  /// `2026-12-01T08:00:00Z`, `2026-12-01T08:00:00.5+01:00`; to the millisecond, from 1970 to 2200. Nil for all else.
  public static func parse(_ text: String) -> Instant? {
    let bytes = Array(text.utf8)
    func number(_ range: Range<Int>) -> Int64? {
      guard range.upperBound <= bytes.count, bytes[range].allSatisfy(isDigit) else { return nil }
      return bytes[range].reduce(0) { $0 * 10 + Int64($1 - 0x30) }
    }
    guard bytes.count >= 20, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
      bytes[10] == UInt8(ascii: "T") || bytes[10] == UInt8(ascii: "t") || bytes[10] == UInt8(ascii: " "),
      bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":"),
      let year = number(0..<4), let month = number(5..<7), let day = number(8..<10), let hour = number(11..<13),
      let minute = number(14..<16), let second = number(17..<19), (1970...2200).contains(year),
      (1...12).contains(month), day >= 1, day <= days(of: month, in: year), hour < 24, minute < 60, second < 60
    else { return nil }
    var rest = bytes[19...]
    var milliseconds: Int64 = 0
    if rest.first == UInt8(ascii: ".") {
      let digits = rest.dropFirst().prefix(while: isDigit)
      guard !digits.isEmpty else { return nil }
      for place in 0..<3 {
        let digit = place < digits.count ? Int64(digits[digits.startIndex + place] - 0x30) : 0
        milliseconds = milliseconds * 10 + digit
      }
      rest = rest.dropFirst(digits.count + 1)
    }
    guard let offset = offsetSeconds(Array(rest)) else { return nil }
    let seconds = daysSince1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset
    return seconds < 0 ? nil : Instant(nanoseconds: (seconds * 1000 + milliseconds) * 1_000_000)
  }

  /// In UTC, with milliseconds only where there are any.
  public static func text(_ instant: Instant) -> String {
    let milliseconds = instant.nanoseconds / 1_000_000
    let (seconds, fraction) = (milliseconds / 1000, milliseconds % 1000)
    let (days, clock) = (seconds / 86_400, seconds % 86_400)
    // Civil date from days since 1970-01-01: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    let shifted = days + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthIndex = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * monthIndex + 2) / 5 + 1
    let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    func padded(_ number: Int64, _ width: Int) -> String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    return "\(year)-\(padded(month, 2))-\(padded(day, 2))T\(padded(clock / 3600, 2)):\(padded(clock / 60 % 60, 2)):"
      + padded(clock % 60, 2) + (fraction > 0 ? ".\(padded(fraction, 3))Z" : "Z")
  }

  private static func offsetSeconds(_ zone: [UInt8]) -> Int64? {
    if zone == [UInt8(ascii: "Z")] || zone == [UInt8(ascii: "z")] { return 0 }
    guard zone.count == 6, zone[0] == UInt8(ascii: "+") || zone[0] == UInt8(ascii: "-"), zone[3] == UInt8(ascii: ":"),
      [1, 2, 4, 5].allSatisfy({ isDigit(zone[$0]) })
    else { return nil }
    let (hours, minutes) = (
      Int64(zone[1] - 0x30) * 10 + Int64(zone[2] - 0x30), Int64(zone[4] - 0x30) * 10 + Int64(zone[5] - 0x30)
    )
    guard hours < 24, minutes < 60 else { return nil }
    return (hours * 3600 + minutes * 60) * (zone[0] == UInt8(ascii: "-") ? -1 : 1)
  }

  private static func days(of month: Int64, in year: Int64) -> Int64 {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// Counts in years that start in March, so that the leap day comes last.
  private static func daysSince1970(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let shifted = month > 2 ? year : year - 1
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
}
