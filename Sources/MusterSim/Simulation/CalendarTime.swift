/// Dates and times of traces, without a calendar of the system: the proleptic Gregorian one, in UTC.
public enum CalendarTime {
  /// `2017-10-09`, `2017-10-09 07:01:55`, `2017-10-09T07:01:55Z`, with a fraction of a second or without. Milliseconds
  /// since 1970; nil for anything else.
  public static func milliseconds(_ text: some StringProtocol) -> Int64? { milliseconds(Array(text.utf8)[...]) }

  static func milliseconds(_ text: ArraySlice<UInt8>) -> Int64? {
    var rest = text
    guard let year = number(&rest, 4), skip(&rest, "-"), let month = number(&rest, 2), skip(&rest, "-"),
      let day = number(&rest, 2), (1...12).contains(month), day >= 1, day <= days(in: month, of: year)
    else { return nil }
    var time = daysSince1970(year, month, day) * 86_400_000
    if rest.isEmpty { return time }
    guard skip(&rest, "T") || skip(&rest, " "), let hour = number(&rest, 2), skip(&rest, ":"),
      let minute = number(&rest, 2), skip(&rest, ":"), let second = number(&rest, 2), hour < 24, minute < 60,
      second < 60
    else { return nil }
    time += (hour * 3600 + minute * 60 + second) * 1000
    if skip(&rest, ".") {
      let digits = rest.prefix { isDigit($0) }
      guard !digits.isEmpty else { return nil }
      var scale: Int64 = 100
      for digit in digits.prefix(3) {
        time += Int64(digit - UInt8(ascii: "0")) * scale
        scale /= 10
      }
      rest = rest.dropFirst(digits.count)
    }
    _ = skip(&rest, "Z")
    return rest.isEmpty ? time : nil
  }

  /// `2017-10-09T07:01:55Z`.
  public static func text(milliseconds: Int64) -> String {
    let seconds = floorDivide(milliseconds, 1000)
    let day = floorDivide(seconds, 86_400)
    let rest = seconds - day * 86_400
    let (year, month, date) = civil(day)
    return "\(padded(year, 4))-\(padded(month, 2))-\(padded(date, 2))T"
      + "\(padded(rest / 3600, 2)):\(padded(rest / 60 % 60, 2)):\(padded(rest % 60, 2))Z"
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

  private static func number(_ text: inout ArraySlice<UInt8>, _ width: Int) -> Int64? {
    guard text.count >= width, text.prefix(width).allSatisfy(isDigit) else { return nil }
    defer { text = text.dropFirst(width) }
    return text.prefix(width).reduce(0) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
  }

  private static func skip(_ text: inout ArraySlice<UInt8>, _ letter: Unicode.Scalar) -> Bool {
    guard text.first == UInt8(ascii: letter) else { return false }
    text = text.dropFirst()
    return true
  }

  private static func days(in month: Int64, of year: Int64) -> Int64 {
    switch month {
    case 4, 6, 9, 11: 30
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    default: 31
    }
  }

  private static func floorDivide(_ a: Int64, _ b: Int64) -> Int64 { a >= 0 ? a / b : -((b - 1 - a) / b) }

  /// Counts in years that begin in March, so that the leap day comes last.
  private static func daysSince1970(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let shifted = month > 2 ? year : year - 1
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return shifted * 365 + floorDivide(shifted, 4) - floorDivide(shifted, 100) + floorDivide(shifted, 400)
      + dayOfYear - 719_468
  }

  private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    var year = 1970 + floorDivide(days * 400, 146_097)
    while daysSince1970(year, 1, 1) > days { year -= 1 }
    while daysSince1970(year + 1, 1, 1) <= days { year += 1 }
    var month: Int64 = 12
    while daysSince1970(year, month, 1) > days { month -= 1 }
    return (year, month, days - daysSince1970(year, month, 1) + 1)
  }

  private static func padded(_ number: Int64, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
