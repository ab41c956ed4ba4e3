import MusterProtocol

/// Events, causes and reports for people.
enum EventsText {
  /// `03:04:05  faultFound  job 3 ...`, one line.
  static func line(_ event: JSON, kind: String, _ style: Style) -> String {
    let time = event["at"]?.stringValue.map(Timestamps.timeOfDay) ?? "-"
    let name = kind + String(repeating: " ", count: max(0, 20 - kind.count))
    let text = Table.oneLine(event["text"]?.stringValue ?? event.text)
    return "\(style.paint(time, .faint))  \(style.paint(name, Style.tone(event: kind)))  \(text)\n"
  }

  static func why(_ answer: JSON, _ style: Style) -> String {
    let state = answer.shown("state")
    var text = "Job \(answer.shownJob) is \(style.paint(state, Style.tone(state: state))).\n"
    for cause in answer["causes"]?.arrayValue ?? [] {
      text += "  \(Table.oneLine(cause["message"]?.stringValue ?? cause.text))\n"
    }
    if let estimate = answer["startEstimate"]?.stringValue {
      text += "It may start at \(Timestamps.toTheSecond(estimate)).\n"
    }
    for change in answer["wouldStartNow"]?.arrayValue ?? [] {
      text += "It would start \(Table.oneLine(change["message"]?.stringValue ?? change.text)).\n"
    }
    return text
  }
}
