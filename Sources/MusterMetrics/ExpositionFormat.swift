/// The two texts that Prometheus reads.
package enum ExpositionFormat: Hashable, Sendable, CaseIterable {
  /// Prometheus' own format, version 0.0.4.
  case text
  /// OpenMetrics, version 1.0.0.
  case openMetrics

  package var contentType: String {
    switch self {
    case .text: "text/plain; version=0.0.4; charset=utf-8"
    case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
    }
  }

  /// What an `Accept` header wants more, by its q values (RFC 9110, 12.5.1). OpenMetrics only where it is named: a
  /// browser, or a program that takes anything, gets the text. Nobody is refused: who wants neither gets the text, too.
  package init(accept header: String?) {
    let ranges = AcceptedRange.parse(header ?? "")
    let openMetrics = ranges.filter { $0.type == "application/openmetrics-text" && $0.allows(version: "1.0.0") }
    let wished = openMetrics.map(\.quality).max() ?? 0
    self = wished > 0 && wished >= Self.wishForText(ranges) ? .openMetrics : .text
  }

  /// The most specific range that takes it decides.
  private static func wishForText(_ ranges: [AcceptedRange]) -> Double {
    for type in ["text/plain", "text/*", "*/*"] {
      let named = ranges.filter { $0.type == type && $0.allows(version: "0.0.4") }
      if let wished = named.map(\.quality).max() { return wished }
    }
    return 0
  }
}

/// One of the comma-separated parts of an `Accept` header.
struct AcceptedRange: Hashable, Sendable {
  /// Lower case.
  var type: String
  /// nil: any.
  var version: String?
  /// 0 to 1.
  var quality: Double

  func allows(version wanted: String) -> Bool { version == nil || version == wanted }

  /// Parts that cannot be read are left out.
  static func parse(_ header: String) -> [AcceptedRange] {
    header.split(separator: ",").compactMap { part in
      var fields = part.split(separator: ";", omittingEmptySubsequences: false).map(trimmed)
      let type = fields.removeFirst().lowercased()
      guard type.split(separator: "/", omittingEmptySubsequences: false).count == 2 else { return nil }
      var range = AcceptedRange(type: type, version: nil, quality: 1)
      for field in fields {
        let pair = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(trimmed)
        guard pair.count == 2 else { continue }
        switch pair[0].lowercased() {
        case "q":
          guard let quality = Double(pair[1]), (0...1).contains(quality) else { return nil }
          range.quality = quality
        case "version": range.version = unquoted(pair[1])
        default: break  // charset, escaping: there is one of each
        }
      }
      return range
    }
  }

  private static func trimmed(_ text: Substring) -> String {
    let start = text.drop { $0 == " " || $0 == "\t" }
    return String(start.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
  }

  private static func unquoted(_ text: String) -> String {
    text.count >= 2 && text.hasPrefix("\"") && text.hasSuffix("\"") ? String(text.dropFirst().dropLast()) : text
  }
}
