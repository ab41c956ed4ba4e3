import MusterProtocol

/// A project's or the fleet's stretch of time, for people: goodput and its factors, where the time went, the trend, and
/// who loses most.
enum PeriodText {
  static func text(_ report: JSON, _ style: Style) -> String {
    let (goodput, waste) = (report["goodput"] ?? .null, report["waste"] ?? .null)
    let whole = goodput["whole"] ?? .null
    var lines = Lines(style)
    lines.add(
      report["project"]?.stringValue == nil ? "Fleet" : "Project", report["project"]?.stringValue ?? "all projects")
    lines.add("Time", "\(report.shown("from")) to \(report.shown("to"))")
    lines.add("Goodput", factors(whole), .strong)
    if let mfu = mfu(whole) { lines.add("MFU", mfu) }
    lines.add("Held", AccountsText.gpuTime(whole["heldGpuMilliseconds"]?.intValue ?? 0))
    let days = trend(report)
    if days.count > 1 { lines.add("By day", sparkline(days.map(\.share)) + "  runtime goodput, \(range(days))") }
    var text = lines.text + "\n" + accounts(whole["gpuMilliseconds"]?.objectValue ?? [], style)
    let projects = goodput["rows"]?.arrayValue ?? []
    if report["project"]?.stringValue == nil, projects.count > 1 { text += "\n" + self.projects(projects, style) }
    return text + "\n" + self.waste(waste, style)
  }

  /// `41.2 % = scheduling 91.0 % x runtime 88.2 % x program 51.3 %`.
  static func factors(_ whole: JSON) -> String {
    let parts = ["scheduling", "runtime", "program"].compactMap { name in
      whole[name]?.doubleValue.map { "\(name) \(Numbers.percent($0))" }
    }
    guard !parts.isEmpty else { return "-" }
    if let product = whole["product"]?.doubleValue {
      return "\(Numbers.percent(product)) = \(parts.joined(separator: " x "))" + measured(whole)
    }
    return parts.joined(separator: " x ") + (whole["program"]?.doubleValue == nil ? "; program is not measured" : "")
  }

  /// What program goodput and the product speak for, where they do not speak for all that was held.
  private static func measured(_ whole: JSON) -> String {
    guard let share = whole["programShare"]?.doubleValue, share < 0.9995 else { return "" }
    return "; program was measured in \(Numbers.percent(share)) of the time held"
  }

  /// Both figures, means over the GPU-hours of the jobs of which each is known; nil: neither is.
  static func mfu(_ whole: JSON) -> String? {
    let (counters, declared) = (whole["counterMFU"] ?? .null, whole["declaredMFU"] ?? .null)
    guard counters != .null || declared != .null else { return nil }
    return EfficiencyText.mfu(["counters": counters, "declared": declared])
  }

  /// Accounts with something in them, as bars of the whole.
  private static func accounts(_ amounts: [JSON.Member], _ style: Style) -> String {
    let shown = amounts.compactMap { account in account.value.intValue.flatMap { $0 > 0 ? (account.name, $0) : nil } }
      .sorted { $0.1 > $1.1 }
    let all = shown.reduce(0) { $0 + $1.1 }
    guard all > 0 else { return "No GPU time.\n" }
    var table = Table([.init("ACCOUNT"), .init("GPU-HOURS", .right), .init("SHARE", .right), .init("")])
    for (name, amount) in shown {
      let share = Double(amount) / Double(all)
      table.rows.append([
        .init(name, .strong), .init(AccountsText.hours(amount)), .init(Numbers.percent(share)),
        .init(bar(share), AccountsText.tone(name)),
      ])
    }
    return table.text(style)
  }

  private static func projects(_ rows: [JSON], _ style: Style) -> String {
    var table = Table([
      .init("PROJECT"), .init("HELD", .right), .init("RUNTIME", .right), .init("PROGRAM", .right),
    ])
    let sorted = rows.sorted {
      ($0["heldGpuMilliseconds"]?.intValue ?? 0) > ($1["heldGpuMilliseconds"]?.intValue ?? 0)
    }
    for row in sorted.prefix(20) {
      table.rows.append([
        .init(row.shown("key"), .strong), .init(AccountsText.hours(row["heldGpuMilliseconds"]?.intValue ?? 0)),
        .init(row["runtime"]?.doubleValue.map(Numbers.percent) ?? "-"),
        .init(row["program"]?.doubleValue.map(Numbers.percent) ?? "-"),
      ])
    }
    return table.text(style)
  }

  private static func waste(_ waste: JSON, _ style: Style) -> String {
    let rows = waste["rows"]?.arrayValue ?? []
    guard let all = waste["all"], !rows.isEmpty else { return "Nothing found that was wasted.\n" }
    let (held, wasted) = (all["gpuHoursHeld"]?.doubleValue ?? 0, all["gpuHoursWasted"]?.doubleValue ?? 0)
    var text = "Wasted: \(EfficiencyText.hours(wasted)) of \(EfficiencyText.hours(held)) GPU-hours"
    if held > 0 { text += " (\(Numbers.percent(wasted / held)))" }
    if let cost = EfficiencyText.money(all["cost"]) {
      text += ", \(cost)"
    } else if wasted > 0 {
      text += waste["hasPrices"]?.boolValue == false ? "; no price book" : "; not all of it has a price"
    }
    text += "\n"
    for row in rows.prefix(10) {
      let what = "\(row.shown("key")) \(row.shown("name")) (\(row.shown("project")), \(row.shown("user")))"
      var line = "\n\(style.paint(Table.oneLine(what), .strong)): "
      line += "\(EfficiencyText.hours(row["gpuHoursWasted"]?.doubleValue ?? 0)) of "
      line += "\(EfficiencyText.hours(row["gpuHoursHeld"]?.doubleValue ?? 0)) GPU-hours"
      if let cost = EfficiencyText.money(row["costAWeek"]) { line += ", \(cost) in a week like this" }
      text += line + "\n"
      for finding in (row["findings"]?.arrayValue ?? []).prefix(3) {
        text += "  \(Table.oneLine(finding.shown("sentence")))\n"
        text += style.paint("    next: \(Table.oneLine(finding.shown("nextStep")))", .faint) + "\n"
      }
    }
    return text
  }

  // MARK: Lines of marks

  struct Day {
    var name: String
    /// Productive of what was held; nil: nothing was held.
    var share: Double?
  }

  static func trend(_ report: JSON) -> [Day] {
    (report["days"]?["rows"]?.arrayValue ?? []).map { Day(name: $0.shown("key"), share: $0["runtime"]?.doubleValue) }
  }

  private static func range(_ days: [Day]) -> String { "\(days.first?.name ?? "-") to \(days.last?.name ?? "-")" }

  /// Eight heights from 0 to 1; a dot where there is no value.
  static func sparkline(_ shares: [Double?]) -> String {
    let marks = Array("▁▂▃▄▅▆▇█")
    return String(
      shares.suffix(120).map { share in
        share.map { marks[max(0, min(marks.count - 1, Int($0 * Double(marks.count))))] } ?? "·"
      })
  }

  /// 24 places are the whole; what is there at all has one.
  private static func bar(_ share: Double) -> String {
    String(repeating: "█", count: max(1, min(24, Int((share * 24).rounded()))))
  }

  /// What was found, a row each; RFC 4180.
  static func csv(_ report: JSON) -> String {
    let columns = [
      "job", "name", "project", "user", "kind", "severity", "gpuHours", "gpuHoursAWeek", "costAWeek", "sentence",
      "mfuCounters", "mfuDeclared", "mfuBasis", "mfuDeclaredBasis",
    ]
    var text = columns.joined(separator: ",") + "\n"
    for row in report["waste"]?["rows"]?.arrayValue ?? [] {
      for finding in row["findings"]?.arrayValue ?? [] { text += csv(finding, of: row) }
    }
    return text
  }

  /// The findings of one job; without any, one row with its MFU.
  static func csv(job answer: JSON) -> String {
    var row = (answer.objectValue ?? []).filter { $0.name != "findings" }
    row.append(.init(name: "key", value: answer["id"] ?? .null))
    let findings = answer["findings"]?.arrayValue ?? []
    row.append(.init(name: "findings", value: .array(findings.isEmpty && answer != .null ? [[:]] : findings)))
    return csv(["waste": ["rows": [.object(row)]]])
  }

  private static func csv(_ finding: JSON, of row: JSON) -> String {
    let mfu = row["mfu"] ?? .null
    func number(_ object: JSON, _ name: String) -> String { object[name]?.doubleValue == nil ? "" : object.shown(name) }
    func text(_ object: JSON, _ name: String) -> String { object[name]?.stringValue ?? "" }
    let fields = [
      row.shown("key"), text(row, "name"), text(row, "project"), text(row, "user"), text(finding, "kind"),
      text(finding, "severity"), number(finding, "gpuHours"), number(finding, "gpuHoursAWeek"),
      finding["costAWeek"]?.doubleValue.map { Numbers.fixed($0, decimals: 2) } ?? "", text(finding, "sentence"),
      number(mfu, "counters"), number(mfu, "declared"), text(mfu, "basis"), text(mfu, "declaredBasis"),
    ]
    return fields.map(AccountsText.quoted).joined(separator: ",") + "\n"
  }
}
