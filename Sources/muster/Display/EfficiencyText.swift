import MusterProtocol

/// How well a job used what it held, and what it wasted, for people.
enum EfficiencyText {
  /// What follows a job's report.
  static func job(_ answer: JSON, _ style: Style) -> String {
    var lines = Lines(style)
    if let mfu = answer["mfu"] {
      lines.add("MFU", self.mfu(mfu))
      for (label, name) in [("  counters", "basis"), ("  declared", "declaredBasis"), ("  why not", "note")] {
        if let basis = mfu[name]?.stringValue { lines.add(label, basis) }
      }
    }
    if let counters = answer["counters"], counters != .null { lines.add("Devices", devices(counters)) }
    let held = answer["gpuHoursHeld"]?.doubleValue ?? 0
    let wasted = answer["gpuHoursWasted"]?.doubleValue ?? 0
    lines.add(
      "Wasted", "\(hours(wasted)) of \(hours(held)) GPU-hours" + cost(answer["cost"]), wasted > 0 ? .warning : nil)
    if let idle = answer["idle"]?["message"]?.stringValue { lines.add("Warned", idle, .warning) }
    let findings = answer["findings"]?.arrayValue ?? []
    guard !findings.isEmpty else {
      return "\n" + lines.text + "\n" + (answer["noFindingsReason"]?.stringValue ?? "nothing found") + ".\n"
    }
    let currency = answer["cost"]?["price"]?["currency"]?.stringValue
    return "\n" + lines.text + findings.map { "\n" + finding($0, currency: currency, style) }.joined()
  }

  /// Both figures; which of them there is.
  static func mfu(_ mfu: JSON) -> String {
    var parts: [String] = []
    if let counted = mfu["counters"]?.doubleValue { parts.append("\(Numbers.percent(counted)) from counters") }
    if let declared = mfu["declared"]?.doubleValue {
      parts.append("\(Numbers.percent(declared)) as declared" + (declared > 1 ? ", which is impossible" : ""))
    }
    return parts.isEmpty ? "not measured" : parts.joined(separator: ", ")
  }

  /// `working 62.0 %, starved 38.0 %; dark 0.1 %`.
  private static func devices(_ counters: JSON) -> String {
    let states = (counters["states"]?.objectValue ?? []).compactMap { state in
      state.value.doubleValue.flatMap { $0 >= 0.0005 ? (state.name, $0) : nil }
    }.sorted { $0.1 > $1.1 }
    var text = states.map { "\($0.0) \(Numbers.percent($0.1))" }.joined(separator: ", ")
    if let dark = counters["darkShare"]?.doubleValue, dark > 0 { text += "; counters dark \(Numbers.percent(dark))" }
    return text + " (\(counters.shown("source")), \(hours(counters["gpuHours"]?.doubleValue ?? 0)) GPU-hours)"
  }

  private static func cost(_ cost: JSON?) -> String {
    guard let price = cost?["price"], price != .null, let currency = price["currency"]?.stringValue else {
      return (cost?["noPriceReason"]?.stringValue).map { "; \($0)" } ?? ""
    }
    let wasted = money(cost?["wasted"], currency) ?? "-"
    let aWeek = money(cost?["wastedAWeek"], currency) ?? "-"
    let gpuHour = Numbers.fixed(price["gpuHour"]?.doubleValue ?? 0, decimals: 2)
    let isMean = price["isMean"]?.boolValue == true
    return
      ": \(wasted), in a week like this \(aWeek), at \(gpuHour)\(isMean ? " on average" : "") (\(price.shown("source")), since "
      + "\(price.shown("date")))"
  }

  /// A sentence, what it costs, what to do, what was seen.
  static func finding(_ finding: JSON, currency: String?, _ style: Style) -> String {
    let isWarning = finding["severity"]?.stringValue == "warn"
    var text = style.paint(isWarning ? "! " : "- ", isWarning ? .bad : .faint)
    text += style.paint(Table.oneLine(finding.shown("sentence")), .strong) + "\n"
    if let lost = finding["gpuHours"]?.doubleValue, lost > 0 {
      var cost = "\(hours(lost)) GPU-hours, \(hours(finding["gpuHoursAWeek"]?.doubleValue ?? 0)) in a week like this"
      if let currency, let money = money(finding["costAWeek"], currency) { cost += ": \(money) a week" }
      text += "  costs  \(cost)\n"
    }
    text += "  next   \(Table.oneLine(finding.shown("nextStep")))\n"
    for seen in finding.texts("evidence") { text += style.paint("  seen   \(Table.oneLine(seen))", .faint) + "\n" }
    return text
  }

  // MARK: What holds

  static func settings(_ answer: JSON, _ style: Style) -> String {
    var text = "File: \(answer["file"]?.stringValue ?? "none: the defaults of \(answer.shown("defaultsOf")) hold")\n\n"
    var table = Table([.init("THRESHOLD"), .init("VALUE", .right), .init("MEANING"), .init("SOURCE")])
    for threshold in answer["thresholds"]?.arrayValue ?? [] {
      let isDefault = threshold["isDefault"]?.boolValue ?? true
      table.rows.append([
        .init(threshold.shown("name"), .strong), .init(value(threshold), isDefault ? nil : .warning),
        .init(threshold.shown("meaning")), .init(threshold.shown("source"), .faint),
      ])
    }
    text += table.text(style) + "\n"
    let prices = answer["prices"]?.arrayValue ?? []
    if prices.isEmpty { text += "No price book: no money is told.\n" } else { text += self.prices(prices, style) }
    return text + "\n" + idle(answer["idle"] ?? .null) + "\n"
  }

  private static func value(_ threshold: JSON) -> String {
    if let seconds = threshold["valueSeconds"]?.doubleValue { return Timestamps.length(seconds: seconds) }
    if let bytes = threshold["valueBytes"]?.intValue { return Numbers.fixed(Double(bytes) / 1e9, decimals: 0) + " GB" }
    if let hours = threshold["valueGpuHours"]?.doubleValue { return self.hours(hours) + " GPU-h" }
    return threshold["value"]?.doubleValue.map(Numbers.percent) ?? "-"
  }

  private static func prices(_ entries: [JSON], _ style: Style) -> String {
    var table = Table([.init("SINCE"), .init("TYPE"), .init("GPU-HOUR", .right), .init(""), .init("SOURCE")])
    for entry in entries {
      for price in entry["gpuHour"]?.objectValue ?? [] {
        table.rows.append([
          .init(entry.shown("date")), .init(price.name, .strong),
          .init(Numbers.fixed(price.value.doubleValue ?? 0, decimals: 2)), .init(entry.shown("currency")),
          .init(entry.shown("source"), .faint),
        ])
      }
    }
    return table.text(style)
  }

  private static func idle(_ idle: JSON) -> String {
    guard let warnAfter = idle["warnAfterSeconds"]?.doubleValue else { return "Idle jobs are left alone." }
    var text = "A job none of whose devices is used is warned after \(Timestamps.length(seconds: warnAfter))"
    if let cancelAfter = idle["cancelAfterSeconds"]?.doubleValue {
      text += " and cancelled after \(Timestamps.length(seconds: cancelAfter))"
    }
    let projects = idle["exempt"]?.texts("projects") ?? []
    var exempt = projects.isEmpty ? [] : ["projects \(projects.joined(separator: ", "))"]
    if let most = idle["exempt"]?["devicesAtLeast"]?.intValue { exempt.append("jobs of \(most) devices or more") }
    return text + (exempt.isEmpty ? "." : "; not: \(exempt.joined(separator: ", ")).")
  }

  // MARK: Numbers

  /// GPU-hours, without fractions of large ones; of small ones two digits that matter.
  static func hours(_ hours: Double) -> String {
    var decimals = hours >= 100 || hours == 0 ? 0 : hours >= 1 ? 1 : 2
    var scale = 100.0
    while decimals >= 2, decimals < 6, hours * scale < 9.95 { (decimals, scale) = (decimals + 1, scale * 10) }
    return Numbers.fixed(hours, decimals: decimals)
  }

  /// `USD 1,204`, `USD 3.99`; nil without an amount.
  static func money(_ amount: JSON?, _ currency: String) -> String? {
    guard let amount = amount?.doubleValue else { return nil }
    let text = Numbers.fixed(amount, decimals: amount >= 100 ? 0 : 2)
    let whole = text.prefix { $0 != "." }
    var grouped = ""
    for (i, digit) in whole.enumerated() {
      if i > 0, (whole.count - i) % 3 == 0 { grouped += "," }
      grouped.append(digit)
    }
    return "\(currency) \(grouped)\(text.dropFirst(whole.count))"
  }

  /// `{amount, currency}`.
  static func money(_ sum: JSON?) -> String? {
    guard let currency = sum?["currency"]?.stringValue else { return nil }
    return money(sum?["amount"], currency)
  }
}
