/// How a round treats those behind a gang that must wait.
public struct PlanningMode: Hashable, Sendable {
  /// The first gang that cannot start now blocks all behind it.
  public var blocksAtHead: Bool
  /// So many of the gangs that wait, first ones first, are held a place; those behind them start now where they delay
  /// none of these, or wait.
  public var reservations: Int
  /// Gangs looked at in a round, first ones first: the writer makes the list, and no queue may be so long that it stands
  /// in the way of anything.
  public var depth: Int
  /// Gangs of a round that others are stopped for, at most; the next round goes on.
  public var preemptions: Int
  public static let standardDepth = 10_000

  public init(
    blocksAtHead: Bool = false, reservations: Int = .max, depth: Int = standardDepth, preemptions: Int = 0
  ) {
    self.blocksAtHead = blocksAtHead
    self.reservations = reservations
    self.depth = depth
    self.preemptions = preemptions
  }

  /// Every gang has a place (conservative backfill).
  public static let all = PlanningMode(preemptions: 16)
  /// First come, first served.
  public static let fifo = PlanningMode(blocksAtHead: true, depth: 256)
  /// One place, for the first that waits: EASY backfill, as Slurm's default (`bf_max_job_test` and its like aside).
  public static let easy = PlanningMode(reservations: 1)
}
