/// How a round treats those behind a gang that must wait.
public struct PlanningMode: Hashable, Sendable {
  /// The first gang that cannot start now blocks all behind it.
  public var blocksAtHead: Bool
  /// So many of the gangs that wait, first ones first, are held a place; those behind them start now where they delay
  /// none of these, or wait.
  public var reservations: Int
  /// Gangs looked at in a round, first ones first: the writer makes the list, and no queue may be so long that it stands
  /// in the way of anything. Of a longer queue a quarter of them are of those behind, in turn (`QueueRotation`).
  public var depth: Int
  /// Gangs of a round that others are stopped for, at most; the next round goes on.
  public var preemptions: Int
  public static let standardDepth = 10_000
  /// Gangs are not looked at any more once nothing is free: the same ones start, and nothing is known of the others. For
  /// a host that nobody asks why.
  public var stopsWhenFull: Bool
  /// nil: in order of submission.
  public var order: QueueOrder?
  /// nil: nobody gives way to others of its own priority.
  public var turns: TurnRule?

  public init(
    blocksAtHead: Bool = false, reservations: Int = .max, depth: Int = standardDepth, preemptions: Int = 0,
    stopsWhenFull: Bool = false, order: QueueOrder? = nil, turns: TurnRule? = nil
  ) {
    self.blocksAtHead = blocksAtHead
    self.reservations = reservations
    self.depth = depth
    self.preemptions = preemptions
    self.stopsWhenFull = stopsWhenFull
    self.order = order
    self.turns = turns
  }

  /// Every gang has a place (conservative backfill).
  public static let all = PlanningMode(preemptions: 16)
  /// First come, first served.
  public static let fifo = PlanningMode(blocksAtHead: true, depth: 256)
  /// One place, for the first that waits: EASY backfill, as Slurm's default (`bf_max_job_test` and its like aside).
  public static let easy = PlanningMode(reservations: 1)
  /// As EASY, in an order in which short jobs come first until others have waited long.
  public static let aged = PlanningMode(reservations: 1, order: QueueOrder(offset: .seconds(1800)))
  /// Likewise, and long jobs give way to short ones.
  public static let turns = PlanningMode(
    reservations: 1, preemptions: 16, order: QueueOrder(offset: .seconds(14_400)), turns: .standard)
}
