extension SimResults {
  static let csvHeader =
    "line,project,user,submit_seconds,devices,nodes,duration_seconds,start_seconds,end_seconds,wait_seconds,"
    + "redone_seconds,attempts,faults,preemptions,state"

  /// One row a job, in order of submission; moments in seconds from the trace's own second 0, or of
  /// a trace with dates from the simulation's beginning.
  public var jobsCSV: String {
    var out = Self.csvHeader + "\n"
    for job in jobs {
      let fields: [String] = [
        String(job.trace.line), Self.field(job.project), Self.field(job.user), since(job.trace.submitMilliseconds),
        String(job.trace.devices), String(job.trace.nodes), Self.seconds(job.trace.durationMilliseconds),
        job.start.map(since) ?? "", job.end.map(since) ?? "", job.waitMilliseconds.map(Self.seconds) ?? "",
        Self.seconds(job.redoneMilliseconds), String(job.attempts), String(job.faults), String(job.preemptions),
        job.state,
      ]
      out += fields.joined(separator: ",") + "\n"
    }
    return out
  }

  private func since(_ moment: Int64) -> String { Self.seconds(moment - settings.trace.zeroMilliseconds) }

  /// Quoted where it has to be.
  private static func field(_ text: String) -> String {
    let isPlain = !text.contains { $0 == "," || $0 == "\"" || $0.isNewline }
    return isPlain
      ? text : "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
  }

  /// Exact: whole milliseconds as decimal seconds.
  static func seconds(_ milliseconds: Int64) -> String {
    let (whole, rest) = abs(milliseconds).quotientAndRemainder(dividingBy: 1000)
    let sign = milliseconds < 0 ? "-" : ""
    guard rest > 0 else { return "\(sign)\(whole)" }
    let digits = String(1000 + rest).dropFirst()
    return "\(sign)\(whole)." + digits
  }
}
