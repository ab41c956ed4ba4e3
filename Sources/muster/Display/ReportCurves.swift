import MusterProtocol
import MusterSim

/// What a job's devices did over time, all together, as plots: shares of the time, and power.
struct ReportCurves {
  private struct Point {
    /// Milliseconds since the first one.
    var at: Int64
    var length: Int64
    var told: JSON
  }

  private let points: [Point]
  private let source: String

  /// - Parameter devices: the answer of `/v1/jobs/ID/devices`; null: there is none.
  init(_ devices: JSON) {
    source = devices["source"]?.stringValue ?? ""
    let series = devices["series"]?.arrayValue ?? []
    let first = series.first?.seconds("at") ?? 0
    points = series.compactMap { point in
      point.seconds("at").map { at in
        Point(
          at: Int64((at - first) * 1000), length: Int64((point["lengthSeconds"]?.doubleValue ?? 60) * 1000), told: point
        )
      }
    }
  }

  private static let shares = [
    ("busy", "busy"), ("tensor", "tensor cores"), ("dram", "memory interface"), ("mfu", "MFU from counters"),
  ]

  /// As HTML; none without two points: that is no curve.
  var parts: [String] {
    guard points.count > 1, let last = points.last else { return [] }
    let span = last.at + last.length
    var keys = ""
    var plot = PlotArea(label: "busy, tensor cores, memory interface and MFU over time", span: span, top: "100 %")
    for (name, label) in Self.shares where points.contains(where: { $0.told[name]?.doubleValue != nil }) {
      plot.line(name, points.map { ($0.at + $0.length / 2, $0.told[name]?.doubleValue) }, gap: gap)
      keys += "<span class=\"key \(name)\">\(label)</span> "
    }
    var parts = [
      "<h2>What its devices did</h2>",
      "<p class=\"dim\">Means of all of them, from \(ReportPage.escaped(source)); from "
        + "\(ReportPage.escaped(points[0].told.shown("at"))).</p>",
      "<p>\(keys)</p>", plot.svg,
    ]
    // To the next hundred: a line at the plot's edge is hardly seen.
    let most = ((points.compactMap { $0.told["power"]?.doubleValue }.max() ?? 0) / 100).rounded(.up) * 100
    guard most > 0 else { return parts }
    var power = PlotArea(label: "power of a device over time", span: span, top: "\(Numbers.fixed(most, decimals: 0)) W")
    power.line(
      "power", points.map { ($0.at + $0.length / 2, $0.told["power"]?.doubleValue.map { $0 / most }) }, gap: gap)
    parts += ["<p><span class=\"key power\">power of a device</span></p>", power.svg]
    return parts
  }

  /// Where nothing was measured for longer than three points, the line ends, and begins again.
  private var gap: Int64 { 3 * (points.map(\.length).max() ?? 60_000) }
}
