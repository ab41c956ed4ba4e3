import MusterCore

/// Who submits beside people.
extension PretendFleet {
  mutating func openWorkload(_ cluster: borrowing Cluster) {
    switch settings.workload {
    case .none: return
    case .mix:
      var mix = JobMix(fleet: settings.fleet, seed: settings.seed)
      mix.take(cluster.policy)
      for number in cluster.knownJobs {
        guard let slot = cluster.slot(of: JobID(number)), !cluster.job(slot).state.isFinal else { continue }
        mix.count(cluster.spec(slot), 1)
      }
      self.mix = mix
      events.put(.look, at: now)
    case .trace(let trace):
      guard !trace.jobs.isEmpty else { return }
      rows = TraceRounds(trace, devices: settings.fleet.devices, begin: now)
      events.put(.row, at: now)
    }
  }

  mutating func look() {
    guard var mix else { return }
    let (jobs, wait) = mix.look()
    self.mix = mix
    if !jobs.isEmpty { commands.append(.submit(jobs, key: "", requestHash: 0)) }
    events.put(.look, at: now + wait)
  }

  mutating func submitRows() {
    guard var rows else { return }
    while commands.count < Self.mostCommands, let row = rows.next(until: now) {
      // One by one: what the core refuses is one row.
      let spec = rows.trace.spec(
        of: row, command: ["sleep", Self.seconds(row.durationMilliseconds)], checkpointEvery: settings.checkpointSteps)
      commands.append(.submit([spec], key: "", requestHash: 0))
    }
    self.rows = rows
    events.put(.row, at: rows.nextAt)
  }

  /// As `sleep` takes them.
  static func seconds(_ milliseconds: Int64) -> String {
    guard milliseconds % 1_000 != 0 else { return "\(milliseconds / 1_000)" }
    let digits = "\(1_000 + milliseconds % 1_000)".dropFirst()
    return "\(milliseconds / 1_000).\(digits)"
  }
}

/// The rows of a trace, over and over: a round begins when the last row has come and the fleet could have done all of the
/// round's work, so that the queue does not grow from round to round.
struct TraceRounds {
  let trace: Trace
  /// Milliseconds from one round's beginning to the next one's.
  let period: Int64
  private var begin: Int64
  private var place = 0

  /// - Precondition: the trace has jobs.
  init(_ trace: Trace, devices: Int64, begin: Int64) {
    self.trace = trace
    self.begin = begin
    var work: Int64 = 0
    for job in trace.jobs { work = min(work + job.durationMilliseconds / 1_000 * Int64(job.devices), 1 << 50) }
    let last = trace.jobs.last?.submitMilliseconds ?? trace.beginMilliseconds
    period = max(last - trace.beginMilliseconds, work / devices * 1_000) + 1_000
  }

  /// When the next row is due.
  var nextAt: Int64 { begin + trace.jobs[place].submitMilliseconds - trace.beginMilliseconds }

  /// The next row, if it is due by then.
  mutating func next(until now: Int64) -> TraceJob? {
    guard nextAt <= now else { return nil }
    defer {
      place += 1
      if place == trace.jobs.count { (place, begin) = (0, begin + period) }
    }
    return trace.jobs[place]
  }
}
