import MusterCore
import MusterMetrics

/// What the writer has done since this process started. Plain numbers in the writer's own state: counting takes no lock
/// and waits for nobody; a scrape gets a copy through the lane of reads.
struct WriterCounts: Sendable {
  /// What became of a command.
  enum Result: String, CaseIterable, Sendable {
    /// Its facts are durable.
    case done
    /// The core said no, and why.
    case refused
    /// A submission that the disk has no room for.
    case diskFull
    /// It was decided, and its commit failed: nothing of it happened.
    case lost
    /// Its lane was full; it never reached the writer.
    case busy
  }

  /// Lanes on which commands come; reads are none.
  static let lanes: [Lane] = [.faults, .orders, .submissions]

  /// From 0.5 ms (a disk with a write cache that holds) to 10 s (one that is about to fail), in seconds.
  static let commitBounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
  /// From 1 ms (a small fleet) to 30 s (the largest queue), in seconds.
  static let roundBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

  /// From 0.1 ms (a beat) to 2.5 s (nothing should come near it), in seconds.
  static let turnBounds = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
  ]

  private var answers = [Int64](repeating: 0, count: Lane.allCases.count * Result.allCases.count)
  /// Decided in the commit that is open, by lane.
  private var open = [Int64](repeating: 0, count: Lane.allCases.count)
  private(set) var facts = FactCounts()
  /// Commits that succeeded: hash, write and disk sync, in seconds.
  private(set) var commits = Histogram(bounds: WriterCounts.commitBounds)
  private(set) var failedCommits: Int64 = 0
  /// From the view of the fleet to the starts that follow from it, in seconds.
  private(set) var rounds = Histogram(bounds: WriterCounts.roundBounds)

  /// Of one command, report or question: for so long everything else waited for it, in seconds.
  private(set) var turns = Histogram(bounds: WriterCounts.turnBounds)

  func count(_ lane: Lane, _ result: Result) -> Int64 { answers[Self.place(lane, result)] }

  mutating func decided(_ reply: Controller.Reply, _ lane: Lane) {
    switch reply {
    case .done, .jobs, .token: open[lane.rawValue] += 1
    case .refused: answers[Self.place(lane, .refused)] += 1
    }
  }

  mutating func refusedForSpace() { answers[Self.place(.submissions, .diskFull)] += 1 }

  /// The commit that was open has come to its end.
  mutating func settle(isDurable: Bool) {
    for lane in Lane.allCases where open[lane.rawValue] > 0 {
      answers[Self.place(lane, isDurable ? .done : .lost)] += open[lane.rawValue]
      open[lane.rawValue] = 0
    }
  }

  mutating func committed(_ batch: [Fact], in span: MusterCore.Span) {
    commits.record(span.seconds)
    facts.count(batch)
  }

  mutating func commitFailed() { failedCommits += 1 }

  mutating func took(turn span: MusterCore.Span) { turns.record(span.seconds) }

  mutating func planned(in span: MusterCore.Span) { rounds.record(span.seconds) }

  private static func place(_ lane: Lane, _ result: Result) -> Int {
    let at =
      switch result {
      case .done: 0
      case .refused: 1
      case .diskFull: 2
      case .lost: 3
      case .busy: 4
      }
    return lane.rawValue * Result.allCases.count + at
  }
}

extension WriterState {
  /// Runs one command that came on a lane, and counts what becomes of it.
  mutating func handle(_ command: Command, from lane: Lane) -> Controller.Reply {
    let reply = controller.handle(command, now: now)
    counts.decided(reply, lane)
    return reply
  }

  /// Figures of the last second are not made again: many who scrape cost the writer no more than one.
  mutating func recentFigures() -> Figures {
    if let recent, now - recent.at < .seconds(1) { return recent.figures }
    let figures = controller.figures()
    recent = (now, figures)
    return figures
  }
}
