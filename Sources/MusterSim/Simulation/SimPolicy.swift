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
  /// What waits longest against its walltime first, and a place held for the first that does not fit: a trial.
  case aged
  /// Likewise, and long jobs that have had their turn give way at a checkpoint: a trial.
  case turns

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
}
