import MusterSim

/// A simulation's results for a person.
enum SimText {
  static func summary(_ finished: SimSession.Finished) -> String {
    let results = finished.results
    let fleet = results.settings.fleet
    let waits = results.waits
    var lines = [
      "fleet        \(kinds(fleet)), \(fleet.devices) in all",
      "time         \(CalendarTime.text(milliseconds: results.begin)) to \(CalendarTime.text(milliseconds: results.end))"
        + " (\(Timestamps.length(seconds: Double(results.end - results.begin) / 1000)))",
      "rows         \(results.settings.trace.rowsRead) read, \(results.rejected.count) rejected",
      "jobs         \(results.jobs.count) submitted, \(results.completed) completed, "
        + "\(results.jobs.count - results.completed) unfinished",
    ]
    if results.settings.policy.isExperiment {
      lines.append("policy       \(results.settings.policy.rawValue): an experiment, no controller has this order")
    }
    if let longest = waits.last {
      let mean = Double(waits.reduce(0, +)) / Double(waits.count) / 1000
      let p95 = SimResults.percentile(waits, 95) ?? longest
      lines.append(
        "wait         mean \(Timestamps.length(seconds: mean)), p50 "
          + "\(length(SimResults.percentile(waits, 50) ?? longest)), p95 \(length(p95)), max \(length(longest))")
    }
    lines.append("GPU time")
    for (name, amount) in zip(Accounts.names, results.accounts.all) where amount > 0 {
      lines.append("  \(pad(name, 11))\(percent(amount, of: results.capacity))")
    }
    let delivered = results.accounts.delivered
    lines.append("utilisation  \(percent(delivered, of: results.capacity))")
    lines.append("ettr         \(percent(results.accounts.productive, of: delivered))")
    if let model = results.settings.faults {
      let faults = results.faultCounts.reduce(0, +)
      lines.append(
        "faults       \(faults) (\(model.name)), \(results.jobs.reduce(0) { $0 + Int($1.faults) }) hit a job")
    }
    lines.append("facts        \(finished.facts)")
    lines.append("state hash   \(finished.stateHash)")
    lines.append("took         \(Timestamps.length(seconds: finished.wallSeconds))")
    return lines.joined(separator: "\n") + "\n"
  }

  private static func kinds(_ fleet: SimFleet) -> String {
    fleet.groups.map { group in
      let type = group.deviceType.isEmpty || fleet.groups.count == 1 ? "GPUs" : group.deviceType
      return "\(group.nodes) nodes of \(group.devicesPerNode) \(type)"
    }.joined(separator: ", ")
  }

  private static func length(_ milliseconds: Int64) -> String {
    Timestamps.length(seconds: Double(milliseconds) / 1000)
  }

  private static func percent(_ part: Int64, of whole: Int64) -> String {
    guard whole > 0 else { return "-" }
    let hundredths = Int((Double(part) / Double(whole) * 10_000).rounded())
    let rest = hundredths % 100
    return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest) %"
  }
}
