import MusterProtocol

/// What devices do, for people.
enum DevicesText {
  static func fleet(_ told: JSON, _ style: Style) -> String {
    guard let source = told["source"]?.stringValue else {
      return "\(told.shown("devices")) devices, and no agent tells what they do.\n"
    }
    var table = Table([.init("PROJECT"), .init("DEVICES", .right)] + states(told).map { .init($0.name, .right) })
    func add(_ name: String, _ row: JSON) {
      let counts = states(told).map { Table.Cell(row["states"]?.shown($0.name) ?? "-", tone($0.name)) }
      table.rows.append([.init(name, .strong), .init(row.shown("measured"))] + counts)
    }
    for project in told["projects"]?.arrayValue ?? [] { add(project.shown("project"), project) }
    add("all", told)
    let power = told["meanPowerWatts"]?.doubleValue.map { ", \(Int($0.rounded())) W each" } ?? ""
    return table.text(style)
      + "\(told.shown("measured")) of \(told.shown("devices")) devices are measured\(power); source: \(source).\n"
  }

  static func node(_ told: JSON, _ style: Style) -> String {
    guard let source = told["source"]?.stringValue else {
      return "Node \(told.shown("node")) has told nothing of its devices in the last 90 s.\n"
    }
    var table = Table([
      .init("DEVICE", .right), .init("JOB", .right), .init("STATE"), .init("BUSY", .right), .init("TENSOR", .right),
      .init("DRAM", .right), .init("POWER", .right), .init("MFU", .right),
    ])
    for device in told["devices"]?.arrayValue ?? [] {
      let counters = device["counters"] ?? .null
      let state = device.shown("state")
      table.rows.append([
        .init(device.shown("device")), .init(device.shown("job")), .init(state, tone(state)),
        .init(percent(counters["graphics"] ?? counters["utilisation"])), .init(percent(counters["tensor"])),
        .init(percent(counters["dram"])),
        .init(counters["power"]?.doubleValue.map { "\(Int($0.rounded())) W" } ?? "-"), .init(percent(device["mfu"])),
      ])
    }
    return table.text(style) + "Means up to \(told.shown("at")); source: \(source).\n"
  }

  static func job(_ told: JSON, _ style: Style) -> String {
    guard let source = told["source"]?.stringValue else {
      return "Of job \(told.shown("id")) no device was measured.\n"
    }
    var table = Table([.init("STATE"), .init("TIME", .right)])
    for state in states(told) where (state.value.doubleValue ?? 0) > 0 {
      table.rows.append([.init(state.name, tone(state.name)), .init(percent(state.value))])
    }
    let hours = told["measuredDeviceHours"]?.doubleValue ?? 0
    let mfu = told["counterMFU"]?.doubleValue == nil ? "" : ", MFU \(percent(told["counterMFU"])) by its counters"
    let measured = "\((hours * 10).rounded() / 10) device-hours of \(told.shown("deviceType")) were measured"
    return table.text(style) + "\(measured)\(mfu); source: \(source).\n"
  }

  private static func states(_ told: JSON) -> [JSON.Member] { told["states"]?.objectValue ?? [] }

  private static func percent(_ share: JSON?) -> String {
    share?.doubleValue.map { "\(Int(($0 * 100).rounded())) %" } ?? "-"
  }

  private static func tone(_ state: String) -> Style.Tone? {
    switch state {
    case "working": .good
    case "hung": .bad
    case "starved", "idle": .warning
    default: nil
    }
  }
}
