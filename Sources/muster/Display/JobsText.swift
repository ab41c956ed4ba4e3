import MusterProtocol

/// Jobs for people.
enum JobsText {
  static func table(_ jobs: [JSON], now: Double, _ style: Style) -> String {
    guard !jobs.isEmpty else { return "No jobs.\n" }
    var table = Table([
      .init("JOBID", .right), .init("NAME"), .init("PROJECT"), .init("USER"), .init("STATE"), .init("ATTEMPT", .right),
      .init("TIME", .right), .init("STEP", .right), .init("NODES", .right), .init("NODELIST(REASON)"),
    ])
    for job in jobs {
      let state = job.shown("state")
      table.rows.append([
        .init(job.shownJob), .init(Table.shortened(job.shown("name"), to: 24)),
        .init(Table.shortened(job.shown("project"), to: 16)), .init(Table.shortened(job.shown("user"), to: 16)),
        .init(state, Style.tone(state: state)), .init(job.shown("attempt")), .init(time(job, now: now)),
        .init(job.shown("step")), .init(job.shown("nodeCount")), .init(whereOrWhy(job, state: state)),
      ])
    }
    return table.text(style)
  }

  /// How long it has run, or ran.
  private static func time(_ job: JSON, now: Double) -> String {
    guard let start = job.seconds("startedAt") else { return "-" }
    return Timestamps.clock(seconds: (job.seconds("endedAt") ?? now) - start)
  }

  private static func whereOrWhy(_ job: JSON, state: String) -> String {
    let nodes = NodeList.text(job.texts("nodes"))
    let reason = job.shown("reason")
    switch state {
    case "pending": return reason == "-" ? "-" : "(\(reason))"
    case "failed", "timedOut", "cancelled": return reason == "-" ? nodes : "(\(reason))"
    default: return nodes.isEmpty ? "-" : nodes
    }
  }

  /// One job, all that is known.
  static func detail(_ job: JSON, now: Double, _ style: Style) -> String {
    let state = job.shown("state")
    var lines = Lines(style)
    let task = job.shownJob == job.shown("id") ? "" : ", task \(job.shownJob)"
    lines.add("Job", "\(job.shown("id"))\(task) (\(job.shown("name")))")
    lines.add("State", state, Style.tone(state: state))
    if job.shown("reason") != "-" { lines.add("Reason", job.shown("reason")) }
    if let warning = job["idle"]?["message"]?.stringValue { lines.add("Warned", warning, .warning) }
    if job.shown("exitCode") != "-" { lines.add("Exit code", job.shown("exitCode")) }
    lines.add("User, project", "\(job.shown("user")) (as stated), \(job.shown("project"))")
    lines.add("Priority", job.shown("priority"))
    lines.add("Attempt", job.shown("attempt"))
    let nodes = NodeList.text(job.texts("nodes"))
    lines.add("Nodes", nodes.isEmpty ? job.shown("nodeCount") : "\(job.shown("nodeCount")): \(nodes)")
    lines.add("Ranks", job.shown("worldSize"))
    lines.add("Step", progress(job))
    for (name, key) in [("Submitted", "submittedAt"), ("Started", "startedAt"), ("Ended", "endedAt")] {
      guard let text = job[key]?.stringValue else { continue }
      lines.add(name, "\(text) (\(Timestamps.ago(text, now: now)))")
    }
    if let command = job["spec"].flatMap(role)?.texts("command"), !command.isEmpty {
      lines.add("Command", command.joined(separator: " "))
    }
    return lines.text + ranks(job, style)
  }

  /// The first role of a spec.
  private static func role(of spec: JSON) -> JSON? { spec["roles"]?.objectValue?.first?.value ?? spec }

  private static func progress(_ job: JSON) -> String {
    var text = job.shown("step")
    if job.shown("loss") != "-" { text += ", loss \(job.shown("loss"))" }
    if job.shown("checkpointStep") != "-" { text += ", checkpoint \(job.shown("checkpointStep"))" }
    if let step = job["resumeStep"]?.intValue, step > 0 { text += ", resumed at \(step)" }
    return text
  }

  private static func ranks(_ job: JSON, _ style: Style) -> String {
    let ranks = job["ranks"]?.arrayValue ?? []
    guard !ranks.isEmpty else { return "" }
    var table = Table([
      .init("RANK", .right), .init("ROLE"), .init("NODE"), .init("PID", .right), .init("STATE"), .init("EXIT"),
      .init("STEP", .right),
    ])
    for rank in ranks {
      let state = rank.shown("state")
      table.rows.append([
        .init(rank.shown("rank")), .init(rank.shown("role")), .init(rank.shown("node")), .init(rank.shown("pid")),
        .init(state, Style.tone(state: state)), .init(exit(rank)), .init(rank.shown("step")),
      ])
    }
    return "\n" + table.text(style)
  }

  private static func exit(_ rank: JSON) -> String {
    if rank.shown("signal") != "-" { return "signal \(rank.shown("signal"))" }
    return rank.shown("exitCode")
  }
}

/// Names with values below each other.
struct Lines {
  private(set) var text = ""
  private let style: Style

  init(_ style: Style) { self.style = style }

  mutating func add(_ name: String, _ value: String, _ tone: Style.Tone? = nil) {
    let label = name + ":" + String(repeating: " ", count: max(1, 15 - name.count))
    text += style.paint(label, .faint) + style.paint(Table.oneLine(value), tone) + "\n"
  }
}
