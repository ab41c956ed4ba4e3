public import MusterProtocol

/// What a finished simulation came to.
public struct SimResults: Sendable {
  public struct Job: Hashable, Sendable {
    public var trace: TraceJob
    public var project: String
    public var user: String
    /// Milliseconds since 1970; nil: it never started.
    public var start: Int64?
    /// Nil: it had not ended when the simulation did.
    public var end: Int64?
    public var state: String
    public var attempts: Int32
    public var faults: Int32
    public var preemptions: Int32
    public var redoneMilliseconds: Int64
    public var isCompleted: Bool { state == "completed" }

    /// From submission to end, without the work that counted and what was done in vain. Nil before it has completed.
    public var waitMilliseconds: Int64? {
      guard let end, isCompleted else { return nil }
      return end - trace.submitMilliseconds - trace.durationMilliseconds - redoneMilliseconds
    }
  }

  public var settings: SimSettings
  public var jobs: [Job]
  /// By the reader and by the core, in order of lines.
  public var rejected: [RejectedRow]
  public var accounts: Accounts
  public var use: UseOverTime
  public var begin: Int64
  public var end: Int64
  public var preemptions: Int64
  public var lostToPreemption: Int64
  /// By kind of the fault model.
  public var faultCounts: [Int]

  public var capacity: Int64 { settings.fleet.devices * (end - begin) }
  public var completed: Int { jobs.count(where: \.isCompleted) }

  /// Ascending.
  public var waits: [Int64] { jobs.compactMap(\.waitMilliseconds).sorted() }

  /// The JSON of `--json`. What the host alone knows comes in: hashes of what was read and of the state, and its time.
  public func json(inputSha256: String, stateHash: String, wallSeconds: Double) -> JSON {
    let sorted = waits
    let completions = jobs.compactMap { job in
      job.isCompleted ? job.end.map { $0 - job.trace.submitMilliseconds } : nil
    }
    return [
      "schema": .int(1), "seed": .int(Int64(bitPattern: settings.seed)), "policy": .string(settings.policy.rawValue),
      "inputSha256": .string(inputSha256), "stateHash": .string(stateHash),
      "rows": [
        "read": .int(Int64(settings.trace.rowsRead)),
        "rejected": .array(
          rejected.map { ["line": .int(Int64($0.line)), "reason": .string($0.reason)] }),
      ],
      "jobs": [
        "submitted": .int(Int64(jobs.count)), "completed": .int(Int64(completed)),
        "unfinished": .int(Int64(jobs.count - completed)),
      ],
      "waitSeconds": [
        "mean": seconds(mean(sorted)), "p50": seconds(Self.percentile(sorted, 50)),
        "p95": seconds(Self.percentile(sorted, 95)), "max": seconds(sorted.last),
      ],
      "completionSeconds": ["mean": seconds(mean(completions))],
      "utilisation": share(accounts.delivered, of: capacity), "preemptions": .int(preemptions),
      "preemptionLoss": share(lostToPreemption, of: accounts.delivered),
      "gpuMilliseconds": .object(
        zip(Accounts.names, accounts.all).map { JSON.Member(name: $0, value: .int($1)) }),
      "ettr": share(accounts.productive, of: accounts.delivered), "wallSeconds": .double(wallSeconds),
    ]
  }

  /// Rounded to a whole millisecond.
  private func mean(_ values: [Int64]) -> Int64? {
    values.isEmpty ? nil : (values.reduce(0, +) + Int64(values.count / 2)) / Int64(values.count)
  }

  /// Nearest rank. Of nothing there is none.
  public static func percentile(_ sorted: [Int64], _ percent: Int) -> Int64? {
    guard !sorted.isEmpty else { return nil }
    return sorted[max(0, (sorted.count * percent + 99) / 100 - 1)]
  }

  private func seconds(_ milliseconds: Int64?) -> JSON { milliseconds.map { .double(Double($0) / 1000) } ?? .null }

  private func share(_ part: Int64, of whole: Int64) -> JSON {
    whole == 0 ? .null : .double(Double(part) / Double(whole))
  }
}

extension Simulation {
  /// - Precondition: `isDone`.
  public func results() -> SimResults {
    precondition(isDone, "results are asked for before the end")
    var found: [SimResults.Job] = []
    found.reserveCapacity(next)
    for i in 0..<next where runs[i].phase != .refused {
      let (run, job) = (runs[i], jobs[i])
      found.append(
        SimResults.Job(
          trace: job, project: settings.trace.names[Int(job.project)], user: settings.trace.names[Int(job.user)],
          start: run.attempt > 0 ? run.firstStart : nil, end: run.phase == .over ? run.endedAt : nil,
          state: run.phase == .over ? "\(run.state)" : run.phase == .running ? "running" : "pending",
          attempts: run.attempt, faults: run.faults, preemptions: run.preemptions, redoneMilliseconds: run.redone))
    }
    return SimResults(
      settings: settings, jobs: found,
      rejected: (settings.trace.rejected + refused).sorted { $0.line < $1.line }, accounts: accounts, use: use,
      begin: begin, end: now,
      preemptions: runs.reduce(0) { $0 + Int64($1.preemptions) }, lostToPreemption: lostToPreemption,
      faultCounts: faultCounts)
  }
}
