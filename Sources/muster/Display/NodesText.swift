import MusterProtocol

/// Nodes for people.
enum NodesText {
  static func table(_ nodes: [JSON], now: Double, _ style: Style) -> String {
    guard !nodes.isEmpty else { return "No nodes.\n" }
    var table = Table([
      .init("NAME"), .init("STATE"), .init("TYPE"), .init("DEVICES", .right), .init("FREE", .right), .init("JOBS"),
      .init("SINCE", .right), .init("REASON"),
    ])
    for node in nodes {
      let state = node.shown("state")
      let since = node.seconds("since").map { Timestamps.length(seconds: now - $0) } ?? "-"
      table.rows.append([
        .init(node.shown("name")), .init(state, Style.tone(state: state)), .init(node.shown("deviceType")),
        .init(node.shown("devices")), .init(node.shown("free")), .init(node.shown("jobs")), .init(since),
        .init(node.shown("reason")),
      ])
    }
    return table.text(style)
  }

  static func detail(_ node: JSON, now: Double, _ style: Style) -> String {
    let state = node.shown("state")
    var lines = Lines(style)
    lines.add("Node", node.shown("name"))
    lines.add("State", state, Style.tone(state: state))
    if node.shown("reason") != "-" { lines.add("Reason", node.shown("reason")) }
    if let since = node["since"]?.stringValue { lines.add("Since", "\(since) (\(Timestamps.ago(since, now: now)))") }
    let type = node.shown("deviceType") == "-" ? "" : " \(node.shown("deviceType"))"
    lines.add("Devices", "\(node.shown("devices"))\(type), \(node.shown("free")) free")
    lines.add("Jobs", node.shown("jobs"))
    let labels = (node["labels"]?.objectValue ?? []).map { "\($0.name)=\($0.value.stringValue ?? $0.value.text)" }
    if !labels.isEmpty { lines.add("Labels", labels.joined(separator: " ")) }
    lines.add("CPUs", node.shown("cpus"))
    if let memory = node["memoryBytes"]?.intValue, memory > 0 { lines.add("Memory", Numbers.bytes(memory)) }
    lines.add("Address", node.shown("address"))
    lines.add("Agent's pid", node.shown("pid"))
    return lines.text
  }
}
