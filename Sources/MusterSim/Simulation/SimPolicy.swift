import MusterCore

/// Who starts next. They are settings of the same planner in the core.
public enum SimPolicy: String, CaseIterable, Sendable {
  /// In order of submission; the first that does not fit blocks those behind it.
  case fifo
  /// The shortest first, durations known; the first that does not fit blocks those behind it.
  case sjf
  /// In order of submission; who does not delay the first may go before it (EASY backfill).
  case easy
  /// Muster's own.
  case muster
  /// What waits longest against its walltime first, and a place held for the first that does not fit: an experiment.
  case aged = "experiment-aged"
  /// Likewise, and long jobs that have had their turn give way at a checkpoint: an experiment.
  case turns = "experiment-turns"

  /// No controller starts jobs in this order: a start that it has told somebody would move back for who comes later.
  public var isExperiment: Bool {
    switch self {
    case .fifo, .sjf, .easy, .muster: false
    case .aged, .turns: true
    }
  }

  /// How the core plans for it.
  var planning: PlanningMode {
    var mode: PlanningMode =
      switch self {
      case .fifo, .sjf: .fifo
      case .easy: .easy
      case .muster: .all
      case .aged: .aged
      case .turns: .turns
      }
    mode.stopsWhenFull = true
    return mode
  }

  /// How finely it looks at times. EASY by minutes, as Slurm does by default (`bf_resolution`); all others as a controller.
  var grid: TimeGrid {
    guard self == .easy else { return .standard }
    // 1 min to 6 h, 5 min to 2 d, then the standard's.
    let zones = [(1, 360), (5, 504), (30, 384), (60, 240), (180, 328)].map { TimeGrid.Zone(step: $0.0, buckets: $0.1) }
    return TimeGrid(zones: zones, unit: .seconds(60))
  }
}
