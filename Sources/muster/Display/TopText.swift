import MusterProtocol

/// One frame of `muster top`. Pure.
enum TopText {
  /// What the small curves show of a frame.
  struct Seen: Hashable {
    /// 0...1 of the devices that are in service.
    var busy: Double?
    /// 0...1 of what jobs held in the stretch.
    var goodput: Double?

    init(_ frame: JSON) {
      let devices = TopText.devices(frame)
      let served = devices.busy + devices.free + devices.held
      busy = served > 0 ? Double(devices.busy) / Double(served) : nil
      goodput = frame["goodput"]?.doubleValue
    }
  }

  private struct Devices {
    var (busy, held, free, maintenance, out): (Int64, Int64, Int64, Int64, Int64) = (0, 0, 0, 0, 0)
    var all: Int64 { busy + held + free + maintenance + out }
  }

  private static func devices(_ frame: JSON) -> Devices {
    func count(_ name: String) -> Int64 { frame["devices"]?[name]?.intValue ?? 0 }
    return Devices(
      busy: count("busy"), held: count("held"), free: count("free"), maintenance: count("maintenance"),
      out: count("outOfService"))
  }

  /// - Parameters:
  ///   - size: of the terminal; nil: all jobs, plain.
  ///   - scrolled: jobs that are above the first one shown.
  static func frame(_ frame: JSON, history: [Seen], size: Screen.Size?, scrolled: Int, _ style: Style) -> String {
    var text = head(frame, isLive: size != nil, style)
    text += fleet(frame, history.map(\.busy), style)
    text += accounts(frame, history.map(\.goodput), style)
    text += waste(frame["worstWaste"] ?? .null, style)
    text += "\n"
    let used = text.split(separator: "\n", omittingEmptySubsequences: false).count
    let jobs = (frame["top"]?.arrayValue ?? []).filter { $0 != .null }
    let room = size.map { max(0, $0.rows - used) } ?? jobs.count
    return text + table(Array(jobs.dropFirst(scrolled).prefix(room)), now: frame.seconds("at") ?? 0, style)
  }

  private static func head(_ frame: JSON, isLive: Bool, _ style: Style) -> String {
    let nodes = frame["nodes"]?.objectValue ?? []
    let all = nodes.reduce(0) { $0 + ($1.value.intValue ?? 0) }
    var text = style.paint("muster top", .strong) + "  \(frame.shown("at").prefix(19))Z  \(grouped(all)) nodes"
    for node in nodes where node.name != "ready" {
      guard let count = node.value.intValue, count > 0 else { continue }
      text += "  " + style.paint("\(grouped(count)) \(node.name)", Style.tone(state: node.name))
    }
    if isLive { text += style.paint("   q quit  g l t order  m minutes  \u{2191}\u{2193} move", .faint) }
    return text + "\n"
  }

  private static func fleet(_ frame: JSON, _ busy: [Double?], _ style: Style) -> String {
    let devices = devices(frame)
    guard devices.all > 0 else { return "GPUs    none: no node with devices has joined\n" }
    let parts: [(Int64, Character, Style.Tone?)] = [
      (devices.busy, "█", .good), (devices.held, "▓", .busy), (devices.free, "░", nil),
      (devices.maintenance, "·", .faint), (devices.out, "x", .bad),
    ]
    var text = "GPUs    " + bar(parts, style) + "  \(grouped(devices.busy)) of \(grouped(devices.all)) in use"
    for (count, name) in [
      (devices.held, "held for a gang"), (devices.free, "free"), (devices.maintenance, "in maintenance"),
      (devices.out, "out of service"),
    ] where count > 0 { text += ", \(grouped(count)) \(name)" }
    text += curve(busy) + "\n"
    func count(_ name: String) -> Int64 { frame["jobs"]?[name]?.intValue ?? 0 }
    text += "Jobs    \(grouped(count("running"))) running"
    for name in ["starting", "stopping"] where count(name) > 0 { text += ", \(grouped(count(name))) \(name)" }
    text += ", \(grouped(count("pending"))) pending"
    if let asked = frame["pendingDevices"]?.intValue, asked > 0 { text += " for \(grouped(asked)) GPUs" }
    return text + "\n"
  }

  private static func accounts(_ frame: JSON, _ goodput: [Double?], _ style: Style) -> String {
    let accounts = (frame["gpuMilliseconds"]?.objectValue ?? []).map { ($0.name, $0.value.intValue ?? 0) }
    let all = accounts.reduce(0) { $0 + $1.1 }
    let seconds = (frame.seconds("to") ?? 0) - (frame.seconds("from") ?? 0)
    guard all > 0, seconds > 0 else { return "" }
    let sorted = accounts.sorted { ($1.1, $0.0) < ($0.1, $1.0) }
    let parts = sorted.map { name, amount -> (Int64, Character, Style.Tone?) in
      name == "productive" ? (amount, "█", .good) : idle.contains(name) ? (amount, "░", nil) : (amount, "▒", .warning)
    }
    // Work first, then what was lost, then what nobody had.
    let order: [Character] = ["█", "▒", "░"]
    let drawn = order.flatMap { mark in parts.filter { $0.1 == mark } }
    var text = "Last    " + bar(drawn, style) + "  " + Timestamps.length(seconds: seconds) + ":"
    text += sorted.prefix(5).map { " \($0.0) \(percent(Double($0.1) / Double(all)))" }.joined(separator: ",")
    if let share = frame["goodput"]?.doubleValue { text += "; goodput \(percent(share))" }
    return text + curve(goodput) + "\n"
  }

  /// The finding that costs most now, and its job.
  private static func waste(_ worst: JSON, _ style: Style) -> String {
    guard worst != .null else { return "" }
    let job = "job \(worst.shown("job")) \(worst.shown("name")) (\(worst.shown("project")), \(worst.shown("user")))"
    let isWarning = worst["severity"]?.stringValue == "warn"
    var text = "Waste   " + style.paint(Table.oneLine(job), .strong) + ": "
    text += style.paint(Table.oneLine(worst.shown("sentence")), isWarning ? .bad : .warning)
    if let lost = worst["gpuHours"]?.doubleValue {
      text += "; \(EfficiencyText.hours(lost)) of its \(EfficiencyText.hours(worst["gpuHoursHeld"]?.doubleValue ?? 0)) "
      text += "GPU-hours of the last hour"
    }
    if let currency = worst["currency"]?.stringValue, let cost = EfficiencyText.money(worst["costAWeek"], currency) {
      text += ", \(cost) in a week like this"
    }
    return text + "\n"
  }

  /// Accounts of time that no job had.
  private static let idle: Set<String> = ["free", "heldForGang", "maintenance", "broken", "verifying", "draining"]

  private static func table(_ jobs: [JSON], now: Double, _ style: Style) -> String {
    guard !jobs.isEmpty else { return "No job runs.\n" }
    var table = Table([
      .init("JOBID", .right), .init("NAME"), .init("PROJECT"), .init("USER"), .init("STATE"), .init("GPUS", .right),
      .init("TIME", .right), .init("ATTEMPT", .right), .init("STEP", .right), .init("LOSS", .right),
      .init("BUSY", .right), .init("MFU", .right), .init("DECLARED", .right), .init("GOODPUT", .right),
      .init("LOST GPU-H", .right), .init("MOST OF IT TO"),
    ])
    for job in jobs {
      let state = job.shown("state")
      let (goodput, busy) = (job["goodput"]?.doubleValue, job["busy"]?.doubleValue)
      let declared = job["mfu"]?["declared"]?.doubleValue
      let lost = job["lostGpuMilliseconds"]?.intValue ?? 0
      table.rows.append([
        .init(job.shownJob), .init(Table.shortened(job.shown("name"), to: 24)),
        .init(Table.shortened(job.shown("project"), to: 16)), .init(Table.shortened(job.shown("user"), to: 12)),
        .init(state, Style.tone(state: state)), .init(grouped(job["devices"]?.intValue ?? 0)),
        .init(job.seconds("startedAt").map { Timestamps.clock(seconds: now - $0) } ?? "-"),
        .init(job.shown("attempt")), .init(job.shown("step")), .init(job.shown("loss")),
        .init(busy.map(percent) ?? "-", busy.map { $0 < 0.05 ? .bad : $0 < 0.45 ? .warning : .good }),
        .init(job["mfu"]?["counters"]?.doubleValue.map(percent) ?? "-"),
        .init(declared.map(percent) ?? "-", declared.map { $0 > 1 ? .bad : nil } ?? nil),
        .init(goodput.map(percent) ?? "-", goodput.map { $0 >= 0.9 ? .good : $0 >= 0.6 ? .warning : .bad }),
        .init(lost > 0 ? AccountsText.hours(lost) : "-"), .init(lost > 0 ? lostTo(job) : "-"),
      ])
    }
    return table.text(style)
  }

  private static func lostTo(_ job: JSON) -> String {
    let lost = (job["gpuMilliseconds"]?.objectValue ?? []).filter { $0.name != "productive" }
    return lost.max { ($0.value.intValue ?? 0) < ($1.value.intValue ?? 0) }?.name ?? "-"
  }

  /// What is nearly all is not told as all, and what cannot be is told as it is.
  private static func percent(_ share: Double) -> String {
    Numbers.fixed(share < 1 ? min(share * 100, 99.9) : share * 100, decimals: 1) + " %"
  }

  /// Forty places; what there is something of has at least one.
  private static func bar(_ parts: [(Int64, Character, Style.Tone?)], _ style: Style) -> String {
    let width = 40
    let all = parts.reduce(0) { $0 + $1.0 }
    guard all > 0 else { return String(repeating: "░", count: width) }
    var places = parts.map { $0.0 == 0 ? 0 : max(1, Int((Double($0.0) / Double(all) * Double(width)).rounded())) }
    while let largest = places.indices.max(by: { places[$0] < places[$1] }), places.reduce(0, +) != width {
      places[largest] += places.reduce(0, +) < width ? 1 : -1
    }
    return zip(parts, places).map { style.paint(String(repeating: $0.1, count: $1), $0.2) }.joined()
  }

  /// The newest twenty, eight heights.
  private static func curve(_ values: [Double?]) -> String {
    guard values.count > 1 else { return "" }
    let heights = Array("▁▂▃▄▅▆▇█")
    return "  " + String(values.suffix(20).map { $0.map { heights[max(0, min(7, Int($0 * 8)))] } ?? " " })
  }

  private static func grouped(_ number: Int64) -> String {
    var (rest, text) = (String(number), "")
    while rest.count > 3 {
      text = "," + rest.suffix(3) + text
      rest.removeLast(3)
    }
    return rest + text
  }
}
