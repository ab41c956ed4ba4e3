public import MusterCore

/// Moments as people and programs write them: RFC 3339 with its zone.
public enum Moment {
  /// `2026-12-01T08:00:00Z`, `2026-12-01T08:00:00.5+01:00`; to the millisecond, from 1970 to 2200. Nil for all else.
  public static func parse(_ text: String) -> Instant? {
    guard let milliseconds = milliseconds(text), (0..<CivilDate.days(2201, 1, 1) * 86_400_000).contains(milliseconds)
    else { return nil }
    return Instant(nanoseconds: milliseconds * 1_000_000)
  }

  /// Since 1970, of any year that has four digits.
  package static func milliseconds(_ text: String) -> Int64? {
    let bytes = Array(text.utf8)
    func number(_ range: Range<Int>) -> Int64? {
      guard range.upperBound <= bytes.count, bytes[range].allSatisfy(isDigit) else { return nil }
      return bytes[range].reduce(0) { $0 * 10 + Int64($1 - 0x30) }
    }
    guard bytes.count >= 20, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
      bytes[10] == UInt8(ascii: "T") || bytes[10] == UInt8(ascii: "t") || bytes[10] == UInt8(ascii: " "),
      bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":"),
      let year = number(0..<4), let month = number(5..<7), let day = number(8..<10), let hour = number(11..<13),
      let minute = number(14..<16), let second = number(17..<19),
      (1...12).contains(month), day >= 1, day <= CivilDate.days(ofMonth: month, in: year), hour < 24, minute < 60,
      second < 60
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
    let seconds = CivilDate.days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset
    return seconds * 1000 + milliseconds
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

  private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
}
