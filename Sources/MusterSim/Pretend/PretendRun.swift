import MusterCore

/// What will happen in a pretend fleet.
enum PretendEvent {
  /// All shims of the attempt have prepared, and its ranks start.
  case start(job: Int64, attempt: Int32)
  /// Its ranks say how far they have come, and that they have a checkpoint if they have.
  case say(job: Int64, attempt: Int32)
  case finish(job: Int64, attempt: Int32)
  /// What was told to stop has stopped.
  case confirm(job: Int64, attempt: Int32)
  /// Somewhere something breaks; the next one is drawn then.
  case fault
  case repair(node: Int32)
  /// A node that the core took out of service has been looked at.
  case inspected(node: Int32)
  /// Some agents report: of all one in a week.
  case rollCall
  /// Jobs are submitted until enough are there.
  case look
  /// The next row of the trace is due.
  case row
}

/// What a pretend fleet keeps of an attempt. Times in milliseconds since 1970, work in milliseconds; a second of work is
/// a step.
struct PretendRun {
  enum Phase {
    /// Its nodes are chosen.
    case starting
    /// Its ranks run.
    case running
    case stopping
    /// Every rank has ended well.
    case finished
  }

  let attempt: AttemptID
  let spec: JobSpec
  /// In rank order.
  let nodes: [Int32]
  var phase = Phase.starting
  /// When the attempt's work goes on.
  var worksFrom: Int64
  /// Work that was done before the attempt began.
  let resumed: Int64
  /// All of the job's.
  let work: Int64

  /// Work between two checkpoints; 0: it makes none.
  private var every: Int64 { spec.checkpointEvery * 1_000 }
  var finishesAt: Int64 { worksFrom + max(0, work - resumed) }

  /// Work done at that time.
  func progress(at now: Int64) -> Int64 {
    now <= worksFrom ? resumed : max(resumed, min(work, resumed + (now - worksFrom)))
  }

  /// When it has the next checkpoint after that time; nil if it makes none.
  func nextCheckpoint(after now: Int64) -> Int64? {
    guard every > 0 else { return nil }
    return worksFrom + (progress(at: now) / every + 1) * every - resumed
  }

  /// What the gang's first rank has said by then; nil before its first step.
  func word(at now: Int64, longestStep: Span) -> RankReport? {
    guard phase == .running || phase == .stopping else { return nil }
    let done = progress(at: now)
    return RankReport(
      state: .running, done: done, resumed: resumed, elapsed: now - worksFrom,
      kept: every > 0 ? done / every * every : 0,
      pid: 1, longestStep: longestStep)
  }
}

/// What a pretend fleet keeps of a node.
struct PretendNode {
  enum Service: UInt8 {
    case up
    case broken
    case isolated
  }
  var service = Service.up
  /// A person wants no work there: it is repaired, and stays out of service.
  var isDrained = false
  /// Counts its boots.
  var boot: Int32 = 1
  /// That run there, in the order in which they came.
  var jobs: [Int64] = []
}
