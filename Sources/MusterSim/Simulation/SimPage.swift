/// A page with the plots of one simulation: one file, no script, nothing from any other host, light and dark.
extension SimResults {
  public func page(title: String) -> String {
    let body = """
      <p>\(summary)</p>
      <h2>Where the GPU time went</h2>
      \(accountsPlot)
      <h2>Use over time</h2>
      <p class="key"><i class="held"></i>held by jobs <i class="out"></i>out of service <i class="free"></i>free</p>
      \(useOverTimePlot)
      <h2>Jobs that wait</h2>
      \(waitingPlot)
      <h2>Free devices, and how many of them lie on partly used nodes</h2>
      <p class="key"><i class="part"></i>on partly used nodes: not for a gang that takes whole ones
      <i class="whole"></i>on nodes that are wholly free</p>
      \(fragmentationPlot)
      <h2>Waits by size</h2>
      \(waitsTable(bySize, of: "GPUs"))
      <h2>Waits by project</h2>
      \(waitsTable(byProject, of: "project"))
      """
    return PageFrame.html(title: escaped(title), style: Self.style, body: body)
  }

  private static let style = """
    :root{--back:#fff;--text:#1c2024;--dim:#60646c;--line:#d9dce0;--productive:#2b6cb0;--redone:#c2410c;\
    --starting:#d69e2e;--stopping:#975a16;--rounding:#8b5cf6;--broken:#c53030;--isolated:#b83280;--free:#e2e8f0}
    @media(prefers-color-scheme:dark){:root{--back:#16181b;--text:#e6e8eb;--dim:#9ba1a8;--line:#33373c;\
    --productive:#5b9be0;--redone:#f0824a;--starting:#e5b94e;--stopping:#c08b4b;--rounding:#a78bfa;--broken:#ef6a6a;\
    --isolated:#e27bb1;--free:#2b3036}}
    body{background:var(--back);color:var(--text);font:15px/1.5 system-ui,sans-serif;max-width:980px;margin:2em auto;\
    padding:0 1em}
    h1{font-size:1.4em}h2{font-size:1.1em;margin-top:2em}
    svg{width:100%;height:auto;display:block}svg text{fill:var(--dim);font-size:11px}
    .grid{stroke:var(--line);stroke-width:1;fill:none}
    table{border-collapse:collapse;width:100%}
    th,td{text-align:right;padding:.2em .6em;border-bottom:1px solid var(--line);white-space:nowrap}
    th:first-child,td:first-child{text-align:left}th{color:var(--dim);font-weight:500}td.bar{width:45%}
    .key{color:var(--dim)}i{display:inline-block;width:.8em;height:.8em;margin:0 .3em 0 1em}
    .productive,.held{fill:var(--productive);background:var(--productive)}.redone{fill:var(--redone);\
    background:var(--redone)}.starting,.part{fill:var(--starting);background:var(--starting)}
    .stopping{fill:var(--stopping);background:var(--stopping)}.rounding{fill:var(--rounding);\
    background:var(--rounding)}.broken,.out{fill:var(--broken);background:var(--broken)}
    .isolated{fill:var(--isolated);background:var(--isolated)}.free,.whole{fill:var(--free);background:var(--free)}
    """

  private var summary: String {
    let fleet = settings.fleet
    let span = Self.length(end - begin)
    var text = "\(fleet.devices) GPUs on \(fleet.nodes) nodes, \(CalendarTime.text(milliseconds: begin)) to "
    text += "\(CalendarTime.text(milliseconds: end)) (\(span)). \(jobs.count) jobs submitted, \(completed) completed, "
    text += "\(jobs.count - completed) unfinished; \(rejected.count) rows rejected. "
    let sorted = waits
    if let longest = sorted.last {
      text += "Wait: mean \(Self.length(sorted.reduce(0, +) / Int64(sorted.count))), "
      text += "p95 \(Self.length(Self.percentile(sorted, 95) ?? longest)), max \(Self.length(longest)). "
    }
    text += "Utilisation \(Self.percent(accounts.delivered, capacity)), "
    text += "ETTR \(Self.percent(accounts.productive, accounts.delivered))."
    return text
  }

  // MARK: Plots

  private var accountsPlot: String {
    var bar = "<svg viewBox=\"0 0 960 34\" role=\"img\" aria-label=\"GPU time by account\">"
    var key = "<p class=\"key\">"
    var x = 0.0
    for (name, amount) in zip(Accounts.names, accounts.all) where amount > 0 {
      let width = 960 * Double(amount) / Double(max(1, capacity))
      let share = Self.percent(amount, capacity)
      bar += "<rect class=\"\(name)\" x=\"\(PlotArea.number(x))\" y=\"0\" width=\"\(PlotArea.number(width))\" "
      bar += "height=\"34\"><title>\(name) \(share)</title></rect>"
      key += "<i class=\"\(name)\"></i>\(name) \(share) "
      x += width
    }
    return bar + "</svg>\n" + key + "</p>"
  }

  private var useOverTimePlot: String {
    let points = plotPoints
    var area = PlotArea(label: "use over time", span: end - begin, top: "100 %")
    area.band("held", points.map { (0, $0.held) })
    area.band("out", points.map { ($0.held, $0.held + $0.out) })
    area.band("free", points.map { ($0.held + $0.out, $0.held + $0.out + $0.free) })
    return area.svg
  }

  private var waitingPlot: String {
    let points = plotPoints
    let most = max(1, points.map(\.waiting).max() ?? 1)
    var area = PlotArea(label: "jobs waiting over time", span: end - begin, top: "\(Int(most.rounded(.up)))")
    area.band("held", points.map { (0, $0.waiting / most) })
    return area.svg
  }

  private var fragmentationPlot: String {
    let points = plotPoints
    var area = PlotArea(label: "free devices over time", span: end - begin, top: "100 %")
    area.band("part", points.map { (0, $0.part) })
    area.band("whole", points.map { ($0.part, $0.free) })
    return area.svg
  }

  /// Shares of the fleet, at most 600 of them.
  private var plotPoints: [(held: Double, out: Double, free: Double, part: Double, waiting: Double)] {
    let group = max(1, (use.pieces.count + 599) / 600)
    return stride(from: 0, to: use.pieces.count, by: group).map { first in
      let last = min(use.pieces.count, first + group)
      let from = begin + Int64(first) * use.pieceMilliseconds
      let length = max(1, min(end, begin + Int64(last) * use.pieceMilliseconds) - from)
      let whole = Double(length * settings.fleet.devices)
      var sum = UseOverTime.Piece()
      for piece in use.pieces[first..<last] {
        sum.held += piece.held
        sum.out += piece.out
        sum.free += piece.free
        sum.freeOnPartNodes += piece.freeOnPartNodes
        sum.waiting += piece.waiting
      }
      return (
        Double(sum.held) / whole, Double(sum.out) / whole, Double(sum.free) / whole,
        Double(sum.freeOnPartNodes) / whole, Double(sum.waiting) / Double(length)
      )
    }
  }

  // MARK: Waits

  private struct WaitGroup {
    var name: String
    /// Ascending milliseconds.
    var waits: [Int64]
  }

  /// Sizes by powers of two.
  private var bySize: [WaitGroup] {
    var groups = [[Int64]](repeating: [], count: 32)
    for job in jobs {
      guard let wait = job.waitMilliseconds else { continue }
      groups[Int32.bitWidth - (job.trace.devices - 1).leadingZeroBitCount].append(wait)
    }
    return groups.enumerated().filter { !$0.element.isEmpty }.map { power, waits in
      let name = power < 2 ? "\(1 << power)" : "\(1 + 1 << (power - 1))–\(1 << power)"
      return WaitGroup(name: name, waits: waits.sorted())
    }
  }

  /// The projects with most work, at most 16.
  private var byProject: [WaitGroup] {
    var waits = [[Int64]](repeating: [], count: settings.trace.names.count)
    var work = [Double](repeating: 0, count: waits.count)
    for job in jobs {
      guard let wait = job.waitMilliseconds else { continue }
      waits[Int(job.trace.project)].append(wait)
      work[Int(job.trace.project)] += Double(job.trace.durationMilliseconds) * Double(job.trace.devices)
    }
    let largest = waits.indices.filter { !waits[$0].isEmpty }.sorted { (work[$1], $0) < (work[$0], $1) }
    return largest.prefix(16).map { WaitGroup(name: settings.trace.names[$0], waits: waits[$0].sorted()) }
  }

  /// Bars on a logarithmic scale from a second on: the dark part to the mean, the light one to the 95th percentile.
  private func waitsTable(_ groups: [WaitGroup], of what: String) -> String {
    let longest = Double(max(2_000, groups.compactMap { Self.percentile($0.waits, 95) }.max() ?? 0))
    func width(_ milliseconds: Int64) -> Double {
      guard milliseconds > 1000 else { return 0 }
      return min(400, 400 * naturalLogarithm(Double(milliseconds) / 1000) / naturalLogarithm(longest / 1000))
    }
    var out = "<table><tr><th>\(what)</th><th>jobs</th><th>mean</th><th>p50</th><th>p95</th>"
    out += "<th>mean and p95, logarithmic</th></tr>\n"
    for group in groups {
      let mean = group.waits.reduce(0, +) / Int64(group.waits.count)
      let (p50, p95) = (Self.percentile(group.waits, 50) ?? 0, Self.percentile(group.waits, 95) ?? 0)
      out += "<tr><td>\(escaped(group.name))</td><td>\(group.waits.count)</td><td>\(Self.length(mean))</td>"
      out += "<td>\(Self.length(p50))</td><td>\(Self.length(p95))</td><td class=\"bar\"><svg viewBox=\"0 0 400 12\">"
      out += "<rect class=\"free\" width=\"\(PlotArea.number(width(p95)))\" height=\"12\"/>"
      out += "<rect class=\"held\" y=\"3\" width=\"\(PlotArea.number(width(mean)))\" height=\"6\"/></svg></td></tr>\n"
    }
    return out + "</table>"
  }

  // MARK: Texts

  static func length(_ milliseconds: Int64) -> String {
    let seconds = milliseconds / 1000
    switch seconds {
    case ..<120: return "\(seconds) s"
    case ..<7_200: return "\(seconds / 60) min"
    case ..<172_800: return "\(seconds / 3600) h \(seconds / 60 % 60) min"
    default: return "\(seconds / 86_400) d \(seconds / 3600 % 24) h"
    }
  }

  static func percent(_ part: Int64, _ whole: Int64) -> String {
    whole == 0 ? "–" : PlotArea.number(100 * Double(part) / Double(whole)) + " %"
  }

  private func escaped(_ text: String) -> String {
    text.reduce(into: "") { out, letter in
      switch letter {
      case "&": out += "&amp;"
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      case "\"": out += "&quot;"
      default: out.append(letter)
      }
    }
  }
}
