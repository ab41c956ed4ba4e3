/// Moments and lengths of time for people. Pure: now is a parameter, in Unix seconds.
enum Timestamps {
  /// Reads RFC 3339, e.g. `2026-01-02T03:04:05.678Z`; nil for anything else.
  static func unixSeconds(_ text: String) -> Double? {
    let bytes = Array(text.utf8)
    func number(_ range: Range<Int>) -> Int? {
      guard range.upperBound <= bytes.count else { return nil }
      let digits = bytes[range]
      guard digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
      return digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    }
    guard bytes.count >= 20, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
      bytes[10] == UInt8(ascii: "T"), bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":"),
      let year = number(0..<4), let month = number(5..<7), let day = number(8..<10), let hour = number(11..<13),
      let minute = number(14..<16), let second = number(17..<19), (1...12).contains(month)
    else { return nil }
    var rest = bytes[19...]
    var fraction = 0.0
    if rest.first == UInt8(ascii: ".") {
      let digits = rest.dropFirst().prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
      var scale = 0.1
      for digit in digits {
        fraction += Double(digit - UInt8(ascii: "0")) * scale
        scale /= 10
      }
      rest = rest.dropFirst(digits.count + 1)
    }
    // Times on the wire are in UTC.
    guard rest.elementsEqual([UInt8(ascii: "Z")]) else { return nil }
    let days = daysSince1970(year: year, month: month, day: day)
    return Double(days * 86_400 + hour * 3600 + minute * 60 + second) + fraction
  }

  /// Counts in years that start in March, so that the leap day comes last.
  private static func daysSince1970(year: Int, month: Int, day: Int) -> Int {
    let shifted = month > 2 ? year : year - 1
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
  }

  /// As squeue writes it: `12:34`, `3:12:34`, `2-03:12:34`.
  static func clock(seconds: Double) -> String {
    let total = Int(max(0, min(seconds, 1e12)))
    let (days, hours, minutes, rest) = (total / 86_400, total / 3600 % 24, total / 60 % 60, total % 60)
    let tail = "\(two(minutes)):\(two(rest))"
    if days > 0 { return "\(days)-\(two(hours)):\(tail)" }
    return hours > 0 ? "\(hours):\(tail)" : "\(minutes):\(two(rest))"
  }

  /// A length of time with the digits that matter: `40 ms`, `2.3 s`, `12 min 5 s`, `3 h 2 min`, `2 d 3 h`.
  static func length(seconds: Double) -> String {
    let seconds = max(0, min(seconds, 1e12))
    if seconds < 0.9995 { return "\(Int((seconds * 1000).rounded())) ms" }
    if seconds < 59.95 {
      let tenths = Int((seconds * 10).rounded())
      return tenths % 10 == 0 ? "\(tenths / 10) s" : "\(tenths / 10).\(tenths % 10) s"
    }
    let total = Int(seconds.rounded())
    if total < 3600 { return pair(total / 60, "min", total % 60, "s") }
    if total < 86_400 { return pair(total / 3600, "h", total / 60 % 60, "min") }
    return pair(total / 86_400, "d", total / 3600 % 24, "h")
  }

  private static func pair(_ large: Int, _ largeUnit: String, _ small: Int, _ smallUnit: String) -> String {
    small == 0 ? "\(large) \(largeUnit)" : "\(large) \(largeUnit) \(small) \(smallUnit)"
  }

  /// `3 min 2 s ago`; the text itself if it is no time.
  static func ago(_ text: String, now: Double) -> String {
    guard let then = unixSeconds(text) else { return text }
    return length(seconds: now - then) + " ago"
  }

  /// The time of day of an RFC 3339 text, in UTC: `03:04:05`.
  static func timeOfDay(_ text: String) -> String {
    guard unixSeconds(text) != nil else { return text }
    return String(text.dropFirst(11).prefix(8))
  }

  /// An RFC 3339 text without its fraction.
  static func toTheSecond(_ text: String) -> String { unixSeconds(text) == nil ? text : text.prefix(19) + "Z" }

  private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
