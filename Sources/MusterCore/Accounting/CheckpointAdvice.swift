/// How often a job should save its work, from its own failures and its own checkpoints.
///
/// With failures that come at random each M seconds of work, and a checkpoint of δ seconds after each t seconds of steps, such a
/// piece takes M (e^((t + δ)/M) - 1) seconds until it is done: Daly, FGCS 22(3), 2006, equation 20, without its time to
/// restart, which the account `starting` has. What is not t of it is lost to saving and redoing. The least of that same
/// loss is where (1 - t/M) e^(t/M) = e^(-δ/M): the derivative of the loss is zero there. No interval is judged by any
/// other formula than the one that the suggested interval is the least of.
public struct CheckpointAdvice: Hashable, Sendable {
  /// Seconds. Of work between two checkpoints, as it was.
  public var interval: Double
  /// What one takes, in which no steps are done.
  public var cost: Double
  /// Mean time between failures, in seconds of work.
  public var failures: Double
  /// The interval that loses least.
  public var suggested: Double
  /// Parts of the work's time that saving and redoing take, 0...1: as it is, and as suggested.
  public var loss: Double
  public var suggestedLoss: Double

  /// - Parameters: seconds, all above zero.
  public init(interval: Double, cost: Double, failures: Double) {
    self.interval = interval
    self.cost = cost
    self.failures = failures
    suggested = failures * Self.least(cost / failures)
    loss = Self.loss(interval, cost, failures)
    suggestedLoss = Self.loss(suggested, cost, failures)
  }

  /// Another interval would gain nothing that a few failures could tell: it is within a fifth of the suggested one, or the gain
  /// is less than half a percentage point.
  public var isRight: Bool { abs(interval - suggested) <= 0.2 * suggested || loss - suggestedLoss < 0.005 }

  static func loss(_ interval: Double, _ cost: Double, _ failures: Double) -> Double {
    1 - interval / (failures * exponentialLessOne((interval + cost) / failures))
  }

  /// t/M of the least loss, between 0 and 1, by halving: (1 - x) e^x falls there from 1 to 0.
  private static func least(_ cost: Double) -> Double {
    let bound = 1 / (1 + exponentialLessOne(cost))
    var (low, high) = (0.0, 1.0)
    for _ in 0..<60 {
      let middle = (low + high) / 2
      if (1 - middle) * (1 + exponentialLessOne(middle)) > bound { low = middle } else { high = middle }
    }
    return max(high, .leastNormalMagnitude)
  }

  /// e^x - 1 for x of 0 or more: the series of a small part of it, then (e^x)² - 1 = y (y + 2) as often as it was halved. The
  /// standard library has none.
  private static func exponentialLessOne(_ x: Double) -> Double {
    var (part, halvings) = (min(x, 600), 0)
    while part > 0.25 { (part, halvings) = (part / 2, halvings + 1) }
    var (term, sum) = (part, part)
    for i in 2...14 {
      term *= part / Double(i)
      sum += term
    }
    for _ in 0..<halvings { sum *= sum + 2 }
    return sum
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
  /// Attempts that a fault ended, also where none was found: see `Ledger.figures`.
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

  /// GPU-hours that the suggested interval would save in a week of running like this; 0 where the interval is right, nil
  /// without advice.
  /// - Parameter heldGPUMilliseconds: in which the work was done, of so many devices.
  public func gainGPUHoursAWeek(heldGPUMilliseconds held: Int64, _ devices: Int32) -> Double? {
    guard let advice, held > 0 else { return nil }
    guard !advice.isRight else { return 0 }
    let working = min(1, Double(worked) * Double(devices) / Double(held))
    return (advice.loss - advice.suggestedLoss) * working * Double(devices) * 168
  }
}

extension Ledger {
  /// A job's figures, with those of its attempt that is not settled. Nil: no such job.
  ///
  /// `faults` are the attempts of which a fault was found, as long as the state has the job: what an orderly stop of the
  /// controller ended is none. Of a job in the archive only the outcomes are known.
  public func figures(of job: JobID, _ cluster: borrowing Cluster) -> LedgerJob? {
    guard job.number >= 1, job.number <= jobs.count else { return nil }
    var figures = jobs[Int(job.number) - 1]
    if let attempt = open[job.number] { count(attempt, cluster, &figures) }
    guard let slot = cluster.slot(of: job) else { return figures }
    var found: Set<Int32> = []
    var next = cluster.job(slot).latestFault
    while next >= 0 {
      found.insert(cluster.fault(next).fault.attempt.number)
      next = cluster.fault(next).previous
    }
    figures.faults = min(figures.faults, Int32(found.count))
    return figures
  }

  private func count(_ attempt: OpenAttempt, _ cluster: borrowing Cluster, _ figures: inout LedgerJob) {
    let times = attempt.times(cluster, figures)
    let end = max(times.startedAt, times.endedAt == .zero ? Instant(nanoseconds: now * 1_000_000) : times.endedAt)
    figures.count(AttemptSplit(times, keptStep: times.lastStep, until: end), times, attempt)
  }
}
