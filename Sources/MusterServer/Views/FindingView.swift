import MusterInsight
import MusterProtocol

/// A finding as clients read it, with its cost by the price that holds.
extension Finding {
  func json(_ quote: PriceBook.Quote?) -> JSON {
    [
      "kind": .string(kind.rawValue), "severity": .string(severity.rawValue), "sentence": .string(sentence),
      "evidence": .array(evidence.map { .string($0) }), "nextStep": .string(nextStep),
      "gpuHours": .rounded(gpuHours), "gpuHoursAWeek": .rounded(gpuHoursAWeek),
      "cost": quote.map { .money(gpuHours * $0.price) } ?? .null,
      "costAWeek": quote.map { .money(gpuHoursAWeek * $0.price) } ?? .null,
    ]
  }
}

extension PriceBook.Quote {
  var json: JSON {
    [
      "gpuHour": .double(price), "currency": .string(currency), "date": .string(date), "source": .string(source),
      "isMean": .bool(isMean),
    ]
  }
}

extension JSON {
  /// To four places after the point.
  static func rounded(_ value: Double) -> JSON { .double((value * 10_000).rounded() / 10_000) }

  static func rounded(_ value: Double?) -> JSON { value.map { .rounded($0) } ?? .null }

  /// To hundredths.
  static func money(_ value: Double) -> JSON { .double((value * 100).rounded() / 100) }
}
