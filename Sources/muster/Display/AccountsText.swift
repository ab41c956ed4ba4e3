import MusterProtocol

/// Accounts for people: GPU-hours, and only the accounts that there is something in.
enum AccountsText {
  /// Work, waste, what no job has; what work costs is plain.
  static func tone(_ account: String) -> Style.Tone? {
    switch account {
    case "productive": .good
    case "redone", "hung", "straggling", "inputStall", "preempted", "broken": .bad
    case "free", "heldForGang", "maintenance": .faint
    default: nil
    }
  }

  static func table(_ accounts: JSON, _ style: Style) -> String {
    let rows = accounts["rows"]?.arrayValue ?? []
    guard let fleet = accounts["fleet"], !rows.isEmpty else {
      return "No GPU time yet: no node with devices has joined. `muster nodes` shows the nodes.\n"
    }
    let names = (fleet["gpuMilliseconds"]?.objectValue ?? []).filter { ($0.value.intValue ?? 0) > 0 }.map(\.name)
    var columns: [Table.Column] = [
      .init((accounts["by"]?.stringValue ?? "").uppercased()), .init("GPU-HOURS", .right), .init("GOODPUT", .right),
      .init(""),
    ]
    columns += names.map { .init(title($0), .right) }
    var table = Table(columns)
    // What no job has stands last, before the sum.
    let jobs = rows.filter { $0["key"] != .null }
    let others = rows.filter { $0["key"] == .null }
    for row in jobs + others { table.rows.append(cells(row, label(row), names)) }
    if rows.count > 1 { table.rows.append(cells(fleet, "all", names)) }
    return table.text(style) + footnote(accounts, fleet)
  }

  private static func label(_ row: JSON) -> String {
    guard let key = row["key"], key != .null else { return "(no job)" }
    // What jobs held that ended long ago, where they are not told apart.
    if key.intValue == 0 { return "(older jobs)" }
    if let number = key.intValue { return [String(number), row["name"]?.stringValue ?? ""].joined(separator: " ") }
    return key.stringValue == "" ? "(unnamed)" : key.stringValue ?? "-"
  }

  private static func cells(_ row: JSON, _ label: String, _ names: [String]) -> [Table.Cell] {
    let amounts = names.map { row["gpuMilliseconds"]?[$0]?.intValue ?? 0 }
    let goodput = row["goodput"]?.doubleValue
    return [
      .init(label, .strong), .init(hours(amounts.reduce(0, +))),
      .init(goodput.map(percent) ?? "-", goodput.map { $0 >= 0.9 ? .good : $0 >= 0.6 ? .warning : .bad }),
      .init(bar(goodput)),
    ]
      + zip(names, amounts).map { name, amount in
        .init(amount == 0 ? "-" : hours(amount), amount == 0 ? nil : tone(name))
      }
  }

  private static func footnote(_ accounts: JSON, _ fleet: JSON) -> String {
    var text = "\n\(accounts.shown("from")) to \(accounts.shown("to")), in GPU-hours."
    if let provisional = fleet["provisionalGpuMilliseconds"]?.intValue, provisional > 0 {
      text += " \(hours(provisional)) are provisional: work since the last checkpoint of jobs that run."
    }
    let capacity = accounts["capacityGpuMilliseconds"]?.intValue ?? 0
    let sum = accounts["accountedGpuMilliseconds"]?.intValue ?? 0
    text +=
      capacity == sum
      ? " They come to the capacity of the nodes."
      : " The nodes had \(hours(capacity)): \(hours(abs(capacity - sum))) do not agree; please report this."
    return text + "\n"
  }

  /// Ten places are all that jobs held.
  private static func bar(_ share: Double?) -> String {
    guard let share else { return "" }
    let full = max(0, min(10, Int((share * 10).rounded())))
    return String(repeating: "█", count: full) + String(repeating: "░", count: 10 - full)
  }

  /// What is nearly all is not told as all.
  private static func percent(_ share: Double) -> String { Numbers.percent(share < 1 ? min(share, 0.999) : share) }

  /// GPU-hours, without fractions of large ones; less than a tenth of one in GPU-seconds.
  static func hours(_ milliseconds: Int64) -> String {
    guard milliseconds == 0 || milliseconds >= 360_000 else {
      return Numbers.fixed(Double(milliseconds) / 1000, decimals: 1) + " s"
    }
    let hours = Double(milliseconds) / 3_600_000
    return Numbers.fixed(hours, decimals: hours >= 100 ? 0 : hours >= 1 ? 1 : 2)
  }

  /// With its unit: `12.3 GPU-hours`, `109.3 GPU-seconds`.
  static func gpuTime(_ milliseconds: Int64) -> String {
    milliseconds == 0 || milliseconds >= 360_000
      ? hours(milliseconds) + " GPU-hours" : Numbers.fixed(Double(milliseconds) / 1000, decimals: 1) + " GPU-seconds"
  }

  /// `inputStall` as `INPUT-STALL`.
  private static func title(_ account: String) -> String {
    account.reduce(into: "") { text, letter in
      if letter.isUppercase { text += "-" }
      text += letter.uppercased()
    }
  }

  /// RFC 4180; the first line names the columns.
  static func csv(_ accounts: JSON) -> String {
    let names = (accounts["fleet"]?["gpuMilliseconds"]?.objectValue ?? []).map(\.name)
    var text = ([accounts["by"]?.stringValue ?? ""] + names + ["provisional", "goodput"]).joined(separator: ",") + "\n"
    for row in accounts["rows"]?.arrayValue ?? [] {
      var fields = [quoted(row["key"]?.intValue.map { String($0) } ?? row["key"]?.stringValue ?? "")]
      fields += names.map { String(row["gpuMilliseconds"]?[$0]?.intValue ?? 0) }
      fields.append(String(row["provisionalGpuMilliseconds"]?.intValue ?? 0))
      fields.append(row["goodput"]?.doubleValue.map { String($0) } ?? "")
      text += fields.joined(separator: ",") + "\n"
    }
    return text
  }

  static func quoted(_ text: String) -> String {
    guard text.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return text }
    return "\"" + text.replacing("\"", with: "\"\"") + "\""
  }
}
