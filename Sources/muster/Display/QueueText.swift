import MusterProtocol

/// The jobs that wait, in the scheduler's order: what `squeue --start` says, and why.
enum QueueText {
  static func table(_ jobs: [JSON], _ style: Style) -> String {
    guard !jobs.isEmpty else { return "No job waits.\n" }
    var table = Table([
      .init("JOBID", .right), .init("NAME"), .init("USER"), .init("PROJECT"), .init("PRIORITY", .right),
      .init("SIZE", .right), .init("WAITED", .right), .init("START"), .init("REASON"),
    ])
    for job in jobs {
      table.rows.append([
        .init(job.shownJob), .init(Table.shortened(job.shown("name"), to: 24)),
        .init(Table.shortened(job.shown("user"), to: 16)), .init(Table.shortened(job.shown("project"), to: 16)),
        .init(job.shown("priority")), .init(size(job)),
        .init(job["waitedSeconds"]?.doubleValue.map { Timestamps.clock(seconds: $0) } ?? "-"),
        .init(job["startEstimate"]?.stringValue.map(Timestamps.toTheSecond) ?? "-"),
        .init(reason(job)),
      ])
    }
    return table.text(style)
  }

  /// Nodes, and devices of each.
  private static func size(_ job: JSON) -> String {
    guard let devices = job["devicesPerNode"]?.intValue, devices > 0 else { return job.shown("nodeCount") }
    return "\(job.shown("nodeCount"))x\(devices)"
  }

  private static func reason(_ job: JSON) -> String {
    let causes = job["causes"]?.arrayValue ?? []
    guard let first = causes.first?.shown("message") else { return "-" }
    return causes.count > 1 ? "\(first) (and \(causes.count - 1) more)" : first
  }
}
