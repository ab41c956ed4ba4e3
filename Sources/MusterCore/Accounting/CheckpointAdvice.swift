/// How often a job should save its work, from its own failures and its own checkpoints.
///
/// Saved every t seconds of work, a job loses δ/t of its time to saving and, at a failure each M seconds, t/2M to work that
/// is done again. The least is near t = √(2δM) (Young, CACM 17(9), 1974); Daly's estimate (FGCS 22(3), 2006, equation 37)
/// is right where δ is not small against M, too.
public struct CheckpointAdvice: Hashable, Sendable {
  /// Seconds. Of work between two checkpoints, as it was.
  public var interval: Double
  /// What one takes, in which no steps are done.
  public var cost: Double
  /// Mean time between failures, in seconds of work.
  public var failures: Double
  /// Daly's.
  public var suggested: Double
  /// Parts of the work's time that saving and redoing take: as it is, and as suggested.
  public var loss: Double
  public var suggestedLoss: Double

  /// - Parameters: seconds, all above zero.
  public init(interval: Double, cost: Double, failures: Double) {
    self.interval = interval
    self.cost = cost
    self.failures = failures
    let half = cost / (2 * failures)
    suggested =
      half < 1
      ? max(cost, (2 * cost * failures).squareRoot() * (1 + half.squareRoot() / 3 + half / 9) - cost) : failures
    loss = Self.loss(interval, cost, failures)
    suggestedLoss = Self.loss(suggested, cost, failures)
  }

  private static func loss(_ interval: Double, _ cost: Double, _ failures: Double) -> Double {
    cost / interval + interval / (2 * failures)
  }
}

/// What the ledger counts of a job beside its time.
public struct LedgerJob: Hashable, Sendable {
  /// In `Ledger.names`.
  public var project: Int32
  public var user: Int32
  /// A rank of it has said a step.
  public var saysSteps = false
  public var checkpoints: Int32 = 0
  /// Attempts that a fault ended.
  public var faults: Int32 = 0
  /// Milliseconds of its attempts from when work went on until they began to end.
  public var worked: Int64 = 0
  /// Milliseconds that ranks said that they saved in.
  public var saving: Int64 = 0
  /// How often work went on after an attempt had been ended, and milliseconds from the one to the other.
  public var resumes: Int32 = 0
  public var resuming: Int64 = 0
  /// The rank that the others waited for in the newest attempt that said so, and that attempt's number; -1: none has.
  public var slowRank: Int32 = -1
  public var slowAttempt: Int32 = 0
  /// When the last attempt began to end.
  var endingAt: Int64 = 0

  public init(project: Int32, user: Int32) {
    self.project = project
    self.user = user
  }

  /// An attempt is settled.
  mutating func count(_ split: AttemptSplit, _ times: AttemptTimes, _ attempt: OpenAttempt) {
    if times.outcome == .jobFault || times.outcome == .nodeFault { faults += 1 }
    worked += split.stopping.milliseconds - split.began.milliseconds
    saving += attempt.toldSoFar.checkpointing.milliseconds
    if attempt.toldSoFar.slowRank >= 0 { (slowRank, slowAttempt) = (attempt.toldSoFar.slowRank, attempt.number) }
    if endingAt > 0, split.began < split.stopping {
      resumes += 1
      resuming += split.began.milliseconds - endingAt
    }
    endingAt = split.stopping.milliseconds
  }

  /// Nil while one of its parts is not known: no failure, no checkpoint, or ranks that do not say when they save.
  public var advice: CheckpointAdvice? {
    guard faults > 0, checkpoints > 0, saving > 0, worked > saving else { return nil }
    return CheckpointAdvice(
      interval: Double(worked - saving) / 1000 / Double(checkpoints), cost: Double(saving) / 1000 / Double(checkpoints),
      failures: Double(worked) / 1000 / Double(faults))
  }
}

extension Ledger {
  /// A job's figures, with those of its attempt that is not settled. Nil: no such job.
  public func figures(of job: JobID, _ cluster: borrowing Cluster) -> LedgerJob? {
    guard job.number >= 1, job.number <= jobs.count else { return nil }
    var figures = jobs[Int(job.number) - 1]
    guard let attempt = open[job.number] else { return figures }
    let times = attempt.times(cluster, figures)
    let end = max(times.startedAt, times.endedAt == .zero ? Instant(nanoseconds: now * 1_000_000) : times.endedAt)
    figures.count(AttemptSplit(times, keptStep: times.lastStep, until: end), times, attempt)
    return figures
  }
}
