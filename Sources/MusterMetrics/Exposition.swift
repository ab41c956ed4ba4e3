/// Families as text, in one of the two formats that Prometheus reads.
///
/// What differs in OpenMetrics (its specification 1.0.0, "Text Format"): a family's name in its comments is without the
/// ending that its samples have, units have a line of their own, and the text ends in `# EOF`. Bounds of buckets are
/// written as OpenMetrics wants them (`1.0`, never `1`) in both, so that a series has one name, whichever is scraped.
package struct Exposition: Sendable {
  private let format: ExpositionFormat
  package private(set) var bytes: [UInt8] = []

  package static func text(_ families: [MetricFamily], _ format: ExpositionFormat) -> [UInt8] {
    var exposition = Exposition(format: format)
    for family in families { exposition.put(family) }
    if format == .openMetrics { exposition.put("# EOF\n") }
    return exposition.bytes
  }

  private init(format: ExpositionFormat) {
    self.format = format
    bytes.reserveCapacity(16 << 10)
  }

  private mutating func put(_ text: String) { bytes.append(contentsOf: text.utf8) }

  private mutating func put(_ family: MetricFamily) {
    guard !family.samples.isEmpty else { return }
    let sampleName = family.name + Self.ending(family.kind)
    let name = format == .openMetrics ? family.name : sampleName
    put("# HELP \(name) \(escapedHelp(family.help))\n")
    put("# TYPE \(name) \(typeName(family.kind))\n")
    if format == .openMetrics, let unit = family.unit { put("# UNIT \(name) \(unit.rawValue)\n") }
    for sample in family.samples {
      switch sample.value {
      case .integer(let value): putLine(sampleName, sample.labels, "\(value)")
      case .real(let value): putLine(sampleName, sample.labels, Self.text(value))
      case .distribution(let histogram): put(histogram, family.name, sample.labels)
      }
    }
  }

  private static func ending(_ kind: MetricFamily.Kind) -> String {
    switch kind {
    case .counter: "_total"
    case .info: "_info"
    case .gauge, .histogram: ""
    }
  }

  /// The older format has no word for an information: it is a gauge that is always 1.
  private func typeName(_ kind: MetricFamily.Kind) -> String {
    kind == .info && format == .text ? "gauge" : kind.rawValue
  }

  /// Buckets are cumulative in the text; the last one holds everything.
  private mutating func put(_ histogram: Histogram, _ name: String, _ labels: [MetricFamily.Label]) {
    var below: Int64 = 0
    for (bound, count) in zip(histogram.bounds + [.infinity], histogram.counts) {
      below += count
      putLine(name + "_bucket", labels + [MetricFamily.Label("le", Self.text(bound))], "\(below)")
    }
    putLine(name + "_sum", labels, Self.text(histogram.sum))
    putLine(name + "_count", labels, "\(below)")
  }

  private mutating func putLine(_ name: String, _ labels: [MetricFamily.Label], _ value: String) {
    put(name)
    if !labels.isEmpty {
      put("{")
      for (i, label) in labels.enumerated() {
        put("\(i > 0 ? "," : "")\(label.name)=\"\(Self.escapedLabel(label.value))\"")
      }
      put("}")
    }
    put(" \(value)\n")
  }

  /// As Go and OpenMetrics read numbers: always with a point or an exponent, and words for what is no number.
  static func text(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    return "\(value)"
  }

  static func escapedLabel(_ value: String) -> String { escaped(value, quotes: true) }

  /// Only OpenMetrics escapes quotes in a help text.
  private func escapedHelp(_ text: String) -> String { Self.escaped(text, quotes: format == .openMetrics) }

  private static func escaped(_ text: String, quotes: Bool) -> String {
    var out = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case "\"" where quotes: out += "\\\""
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out
  }
}
