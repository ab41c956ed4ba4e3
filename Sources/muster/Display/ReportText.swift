import MusterProtocol

/// What a job got and lost, for people.
enum ReportText {
  /// Said in the fixed part above; other members of the report follow in its own order.
  private static let known: Set<String> = [
    "id", "name", "state", "wallSeconds", "heldSeconds", "productiveSeconds", "goodput", "attempts", "faults",
    "lostSeconds",
    "checkpoints", "meanTimeBetweenFailuresSeconds", "meanTimeToResumeSeconds",
  ]

  /// Not productive, and not lost either.
  private static let worth: Set<String> = ["checkpointing", "evaluating"]

  static func text(_ report: JSON, _ style: Style) -> String {
    var lines = Lines(style)
    if report.shown("id") != "-" {
      let state = report.shown("state")
      lines.add("Job", "\(report.shown("id")) (\(report.shown("name")))")
      lines.add("State", state, Style.tone(state: state))
    }
    lines.add("Wall time", length(report, "wallSeconds"))
    lines.add("Held", length(report, "heldSeconds"))
    lines.add("Productive", length(report, "productiveSeconds"))
    lines.add("Goodput", report["goodput"]?.doubleValue.map(Numbers.percent) ?? "-", .strong)
    lines.add("Attempts", attempts(report))
    for member in report.objectValue ?? [] where !known.contains(member.name) {
      lines.add(label(member.name), shown(member))
    }
    for loss in report["lostSeconds"]?.objectValue ?? [] {
      guard let seconds = loss.value.doubleValue, seconds > 0 else { continue }
      if loss.name == "waiting" {
        lines.add("Not held", "\(Timestamps.length(seconds: seconds)) between attempts, waiting for a place", .warning)
        continue
      }
      lines.add(
        "\(worth.contains(loss.name) ? "Used for" : "Lost") \(loss.name)", Timestamps.length(seconds: seconds),
        worth.contains(loss.name) ? nil : .warning)
    }
    let means = [("MTBF", "meanTimeBetweenFailuresSeconds"), ("Time to resume", "meanTimeToResumeSeconds")]
    for (label, name) in means where report[name]?.doubleValue != nil { lines.add(label, length(report, name)) }
    if let checkpoints = report["checkpoints"], let text = self.checkpoints(checkpoints) {
      lines.add("Checkpoints", text)
    }
    return lines.text + faults(report["faults"]?.arrayValue ?? [], style)
  }

  /// `12, one every 10 min of work, each takes 20 s; every 4 min would cost 3.1 % instead of 5.2 % of the time`.
  private static func checkpoints(_ checkpoints: JSON) -> String? {
    guard let count = checkpoints["count"]?.intValue, count > 0 else { return nil }
    var text = "\(count), one every \(length(checkpoints, "intervalSeconds")) of work"
    guard checkpoints["costSeconds"]?.doubleValue != nil else {
      return text + "; what one costs is not known: ranks may say STATUS=checkpointing"
    }
    text += ", each takes \(length(checkpoints, "costSeconds"))"
    if checkpoints["isRight"]?.boolValue == true, let loss = checkpoints["lossShare"]?.doubleValue {
      return text + "; that is right as it is: saving and redoing cost \(Numbers.percent(loss)) of the time"
    }
    if let loss = checkpoints["lossShare"]?.doubleValue, let least = checkpoints["suggestedLossShare"]?.doubleValue {
      text += "; every \(length(checkpoints, "suggestedIntervalSeconds")) would cost \(Numbers.percent(least))"
      text += " instead of \(Numbers.percent(loss)) of the time"
      if let gain = checkpoints["gainGpuHoursAWeek"]?.doubleValue, gain > 0 {
        text += ": \(EfficiencyText.hours(gain)) GPU-hours in a week like this"
      }
    }
    return text
  }

  private static func attempts(_ report: JSON) -> String {
    if let list = report["attempts"]?.arrayValue { return String(list.count) }
    return report.shown("attempts")
  }

  private static func length(_ object: JSON, _ name: String) -> String {
    object[name]?.doubleValue.map { Timestamps.length(seconds: $0) } ?? "-"
  }

  private static func shown(_ member: JSON.Member) -> String {
    if member.name.hasSuffix("Seconds"), let seconds = member.value.doubleValue {
      return Timestamps.length(seconds: seconds)
    }
    return JSON.object([member]).shown(member.name)
  }

  /// `stepsLost` becomes `Steps lost`.
  private static func label(_ name: String) -> String {
    var words = ""
    let stem = name.hasSuffix("Seconds") ? String(name.dropLast("Seconds".count)) : name
    for character in stem {
      if character.isUppercase { words += " " }
      words += character.lowercased()
    }
    return words.prefix(1).uppercased() + words.dropFirst()
  }

  private static func faults(_ faults: [JSON], _ style: Style) -> String {
    guard !faults.isEmpty else { return "\nNo faults.\n" }
    var table = Table([
      .init("AT"), .init("CAUSE"), .init("COMPONENT"), .init("NODE"), .init("RANK", .right), .init("SURE"),
      .init("DETECTED", .right), .init("RESUMED", .right), .init("STEPS LOST", .right),
    ])
    for fault in faults {
      table.rows.append([
        .init(fault["at"]?.stringValue.map(Timestamps.timeOfDay) ?? "-"), .init(fault.shown("cause"), .bad),
        .init(fault.shown("component")), .init(fault.shown("node")), .init(fault.shown("rank")),
        .init(fault.shown("confidence")), .init(length(fault, "detectedAfterSeconds")),
        .init(length(fault, "resumedAfterSeconds")), .init(fault.shown("stepsLost")),
      ])
    }
    var text = "\n" + table.text(style)
    for (index, fault) in faults.enumerated() {
      let evidence = fault.texts("evidence")
      guard !evidence.isEmpty else { continue }
      text += "\nWhat was seen of fault \(index + 1):\n"
      for line in evidence { text += "  \(Table.oneLine(line))\n" }
    }
    return text
  }
}
