import Foundation
package import MusterMetrics

/// What docs/metrics.md promises of each family, and what a process really exports, in the same words.
package enum MetricsTable {
  /// `name | type | unit | series` of each family.
  package static func rows(_ families: [MetricFamily]) -> [String] {
    families.map { family in
      let name =
        switch family.kind {
        case .counter: family.name + "_total"
        case .info: family.name + "_info"
        case .gauge, .histogram: family.name
        }
      let series = family.samples.reduce(0) { sum, sample in
        guard case .distribution(let histogram) = sample.value else { return sum + 1 }
        return sum + histogram.counts.count + 2
      }
      return "\(name) | \(family.kind.rawValue) | \(family.unit?.rawValue ?? "") | \(series)"
    }
  }

  /// The same from the tables under these headings.
  package static func documented(_ headings: [String]) throws -> [String] {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let text = try String(contentsOf: root.appending(path: "docs/metrics.md"), encoding: .utf8)
    var rows: [String] = []
    for section in text.components(separatedBy: "\n## ")
    where headings.contains(where: { section.hasPrefix($0 + "\n") }) {
      for line in section.split(separator: "\n") where line.hasPrefix("| `") {
        let cells = line.split(separator: "|", omittingEmptySubsequences: false).map {
          $0.trimmingCharacters(in: .whitespaces)
        }
        rows.append("\(cells[1].filter { $0 != "`" }) | \(cells[2]) | \(cells[3]) | \(cells[5])")
      }
    }
    return rows
  }
}
