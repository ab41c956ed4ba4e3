import MusterProtocol

/// What an `apply` changes, for people.
enum PolicyText {
  static func applied(_ answer: JSON, _ style: Style) -> String {
    let changes = answer["changes"]?.arrayValue ?? []
    let isDryRun = answer["dryRun"]?.boolValue ?? false
    var text = ""
    for change in changes {
      let (sign, tone): (String, Style.Tone?) =
        switch change.shown("change") {
        case "added": ("+", .good)
        case "removed": ("-", .bad)
        default: ("~", .warning)
        }
      let says = change.shown("text")
      let line = "\(sign) \(change.shown("what")) \(change.shown("name"))" + (says == "-" ? "" : ": \(says)")
      text += style.paint(Table.oneLine(line), tone) + "\n"
    }
    for warning in answer.texts("warnings") { text += style.paint("! " + Table.oneLine(warning), .warning) + "\n" }
    if changes.isEmpty { return text + "Nothing changes: the policy is as the file says.\n" }
    let count = changes.count == 1 ? "1 change" : "\(changes.count) changes"
    return text + (isDryRun ? "\(count); nothing was changed: this is a dry run.\n" : "\(count) applied.\n")
  }
}

/// Planned maintenance, for people.
enum MaintenanceText {
  static func table(_ windows: [JSON], _ style: Style) -> String {
    guard !windows.isEmpty else { return "No maintenance is planned.\n" }
    var table = Table([
      .init("ID", .right), .init("STATE"), .init("FROM"), .init("TO"), .init("NODES"), .init("REASON"),
    ])
    for window in windows {
      let state = window.shown("state")
      let place = window["within"].flatMap { within in
        within["level"]?.stringValue.map { "\($0)=\(within.shown("domain"))" }
      }
      table.rows.append([
        .init(window.shown("id")), .init(state, state == "active" ? .warning : state == "over" ? .faint : nil),
        .init(time(window, "from")), .init(time(window, "to")), .init(place ?? window.shown("nodes")),
        .init(window.shown("reason")),
      ])
    }
    return table.text(style)
  }

  /// To the second: `2026-12-01T08:00:00Z`.
  private static func time(_ window: JSON, _ name: String) -> String {
    guard let text = window[name]?.stringValue, let dot = text.lastIndex(of: ".") else { return window.shown(name) }
    return text[..<dot] + "Z"
  }
}
