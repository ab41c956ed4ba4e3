import MusterProtocol
import MusterSim

/// A report as one page: no script, nothing from any other host, light and dark.
struct ReportPage {
  private let title: String
  private let parts: [String]

  var html: String {
    PageFrame.html(
      title: title, style: Self.style, body: parts.filter { !$0.isEmpty }.joined(separator: "\n"))
  }

  private static let style = """
    :root{--back:#fff;--text:#1c2024;--dim:#60646c;--line:#d9dce0;--good:#2b6cb0;--bad:#c2410c;--other:#d69e2e;\
    --free:#e2e8f0}
    @media(prefers-color-scheme:dark){:root{--back:#16181b;--text:#e6e8eb;--dim:#9ba1a8;--line:#33373c;--good:#5b9be0;\
    --bad:#f0824a;--other:#e5b94e;--free:#2b3036}}
    body{background:var(--back);color:var(--text);font:15px/1.5 system-ui,sans-serif;max-width:980px;margin:2em auto;\
    padding:0 1em}
    h1{font-size:1.4em}h2{font-size:1.1em;margin-top:2em}h3{font-size:1em;margin:1.2em 0 0}
    svg{width:100%;height:auto;display:block}svg text{fill:var(--dim);font-size:11px}
    .grid{stroke:var(--line);stroke-width:1;fill:none}
    table{border-collapse:collapse;width:100%}
    th,td{text-align:right;padding:.2em .6em;border-bottom:1px solid var(--line)}
    th:first-child,td:first-child{text-align:left}th{color:var(--dim);font-weight:500}td.bar{width:45%}
    .good{fill:var(--good)}.bad{fill:var(--bad)}.other{fill:var(--other)}.free{fill:var(--free)}
    .dim,li{color:var(--dim)}.words td,.words th{text-align:left}
    .words td:nth-child(-n+2){white-space:nowrap}
    .line{fill:none;stroke-width:1.5}.key{border-bottom:3px solid;margin-right:1.2em}
    .busy{stroke:var(--good);border-color:var(--good)}.tensor{stroke:var(--bad);border-color:var(--bad)}
    .dram{stroke:var(--other);border-color:var(--other)}.mfu{stroke:var(--text);border-color:var(--text)}
    .power{stroke:var(--bad);border-color:var(--bad)}
    """

  // MARK: The two kinds

  /// - Parameters:
  ///   - efficiency: null: the controller does not know it.
  ///   - devices: what its devices did, by minute; null: as above.
  static func job(_ report: JSON, _ efficiency: JSON, devices: JSON = .null) -> ReportPage {
    let name = "Job \(report.shown("id")) \(report.shown("name"))"
    var summary =
      "\(report.shown("state")), goodput \(report["goodput"]?.doubleValue.map(Numbers.percent) ?? "-") of what it "
    summary += "held, \(report.shown("attempts")) attempts, \(report["faults"]?.arrayValue?.count ?? 0) faults."
    var parts = ["<p>\(escaped(summary))</p>"]
    if efficiency != .null {
      parts += ["<h2>Where its GPU time went</h2>", accounts(efficiency["gpuMilliseconds"]?.objectValue ?? [])]
      parts.append(mfu(efficiency["mfu"] ?? .null))
      parts += ReportCurves(devices).parts
      parts.append("<h2>What it wastes</h2>")
      // What the terminal says, without its blank lines at the top.
      let findings = efficiency["findings"]?.arrayValue ?? []
      let currency = efficiency["cost"]?["price"]?["currency"]?.stringValue
      parts.append(
        findings.isEmpty
          ? "<p>\(escaped(efficiency.shown("noFindingsReason"))).</p>"
          : findings.map { finding($0, currency: currency) }.joined(separator: "\n"))
    }
    return ReportPage(title: escaped(name), parts: parts)
  }

  static func period(_ report: JSON) -> ReportPage {
    let whole = report["goodput"]?["whole"] ?? .null
    let name = report["project"]?.stringValue.map { "Project \($0)" } ?? "Fleet"
    let days = PeriodText.trend(report)
    var parts = [
      "<p>\(escaped("\(report.shown("from")) to \(report.shown("to")). Goodput \(PeriodText.factors(whole)). "))"
        + "\(AccountsText.gpuTime(whole["heldGpuMilliseconds"]?.intValue ?? 0)) held."
        + "\(PeriodText.mfu(whole).map { " MFU \($0)." } ?? "")</p>",
      "<h2>Where the GPU time went</h2>", accounts(whole["gpuMilliseconds"]?.objectValue ?? []),
    ]
    if days.count > 1 {
      var area = PlotArea(label: "goodput by day", span: Int64(days.count) * 86_400_000, top: "100 %")
      area.band("good", days.map { (0, $0.share ?? 0) })
      parts += ["<h2>Runtime goodput by day</h2>", "<p class=\"dim\">from \(escaped(days[0].name))</p>", area.svg]
    }
    parts += ["<h2>Who loses most</h2>", waste(report["waste"] ?? .null)]
    return ReportPage(title: escaped(name), parts: parts)
  }

  // MARK: Parts

  private static func mfu(_ mfu: JSON) -> String {
    var table = "<h2>MFU</h2>\n<table class=\"words\"><tr><th>from</th><th>MFU</th><th>basis</th></tr>"
    for (name, label, basis) in [
      ("counters", "its devices' counters", "basis"), ("declared", "the model that it declares", "declaredBasis"),
    ] {
      table += "<tr><td>\(label)</td><td>\(mfu[name]?.doubleValue.map(Numbers.percent) ?? "not known")</td>"
      table += "<td>\(escaped(mfu[basis]?.stringValue ?? ""))</td></tr>\n"
    }
    let notes = ["note", "disagreement"].compactMap { mfu[$0]?.stringValue.map { "<p>\(escaped($0)).</p>" } }
    return table + "</table>" + notes.joined()
  }

  private static func kind(_ account: String) -> String {
    switch AccountsText.tone(account) {
    case .good: "good"
    case .bad: "bad"
    case .faint: "free"
    case .busy, .warning, .strong, nil: "other"
    }
  }

  private static func accounts(_ amounts: [JSON.Member]) -> String {
    let shown = amounts.compactMap { account in account.value.intValue.flatMap { $0 > 0 ? (account.name, $0) : nil } }
      .sorted { $0.1 > $1.1 }
    let all = shown.reduce(0) { $0 + $1.1 }
    guard all > 0 else { return "<p>No GPU time.</p>" }
    var bar = "<svg viewBox=\"0 0 960 34\" role=\"img\" aria-label=\"GPU time by account\">"
    var table = "<table><tr><th>account</th><th>GPU-hours</th><th>share</th><th></th></tr>"
    var x = 0.0
    for (name, amount) in shown {
      let share = Double(amount) / Double(all)
      let (width, percent) = (PlotArea.number(960 * share), Numbers.percent(share))
      bar += "<rect class=\"\(kind(name))\" x=\"\(PlotArea.number(x))\" width=\"\(width)\" height=\"34\">"
      bar += "<title>\(escaped(name)) \(percent)</title></rect>"
      x += 960 * share
      table += "<tr><td>\(escaped(name))</td><td>\(AccountsText.hours(amount))</td><td>\(percent)</td>"
      table += "<td class=\"bar\"><svg viewBox=\"0 0 400 12\"><rect class=\"\(kind(name))\" "
      table += "width=\"\(PlotArea.number(400 * share))\" height=\"12\"/></svg></td></tr>\n"
    }
    return bar + "</svg>\n" + table + "</table>"
  }

  private static func waste(_ waste: JSON) -> String {
    let rows = waste["rows"]?.arrayValue ?? []
    guard !rows.isEmpty else { return "<p>Nothing found that was wasted.</p>" }
    return rows.prefix(20).map { row in
      let name = "\(row.shown("key")) \(row.shown("name")) (\(row.shown("project")), \(row.shown("user")))"
      var head = "\(EfficiencyText.hours(row["gpuHoursWasted"]?.doubleValue ?? 0)) of "
      head += "\(EfficiencyText.hours(row["gpuHoursHeld"]?.doubleValue ?? 0)) GPU-hours"
      if let cost = EfficiencyText.money(row["costAWeek"]) { head += ", \(cost) in a week like this" }
      return "<h3>\(escaped(name))</h3><p class=\"dim\">\(escaped(head))</p>"
        + (row["findings"]?.arrayValue ?? []).map { finding($0, currency: nil) }.joined()
    }.joined(separator: "\n")
  }

  private static func finding(_ finding: JSON, currency: String?) -> String {
    var head = "<p><b>\(escaped(finding.shown("sentence")))</b>"
    if let lost = finding["gpuHours"]?.doubleValue, lost > 0 { head += " \(EfficiencyText.hours(lost)) GPU-hours." }
    if let currency, let cost = EfficiencyText.money(finding["costAWeek"], currency) {
      head += " \(escaped(cost)) in a week like this."
    }
    let seen = finding.texts("evidence").map { "<li>\(escaped($0))</li>" }.joined()
    return head + "<br>Next: \(escaped(finding.shown("nextStep")))</p><ul>\(seen)</ul>"
  }

  static func escaped(_ text: String) -> String {
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
