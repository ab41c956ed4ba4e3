import MusterCore
import MusterProtocol

/// Dates and times of traces: those of `Moment`, and as traces have them, without a zone (UTC) or a time of day.
public enum CalendarTime {
  /// `2017-10-09`, `2017-10-09 07:01:55`, `2017-10-09T07:01:55Z`, with a fraction of a second or without. Milliseconds
  /// since 1970; nil for anything else.
  public static func milliseconds(_ text: some StringProtocol) -> Int64? {
    let text = String(text)
    let full = text.utf8.count == 10 ? text + "T00:00:00Z" : hasZone(text) ? text : text + "Z"
    return Moment.milliseconds(full)
  }

  static func milliseconds(_ text: ArraySlice<UInt8>) -> Int64? { milliseconds(String(decoding: text, as: UTF8.self)) }

  /// After the time of day nothing but a zone has these.
  private static func hasZone(_ text: String) -> Bool {
    text.utf8.dropFirst(11).contains {
      [UInt8(ascii: "Z"), UInt8(ascii: "z"), UInt8(ascii: "+"), UInt8(ascii: "-")].contains($0)
    }
  }

  /// `2017-10-09T07:01:55Z`, in whole seconds.
  public static func text(milliseconds: Int64) -> String {
    Instant(nanoseconds: milliseconds / 1000 * 1_000_000_000).shortRFC3339
  }
}
