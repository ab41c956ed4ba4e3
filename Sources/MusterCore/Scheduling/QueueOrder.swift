/// Who is looked at first among jobs of one priority: by how long they have waited against how long they may take. Short
/// jobs do not stand behind long ones, and whoever waits comes nearer to the front all the time: nobody waits for ever.
///
/// A job's time is its walltime, which is all that is known of it. Everything is whole numbers: the order is the same on
/// every machine.
public struct QueueOrder: Hashable, Sendable {
  /// Added to every wait: until jobs have waited about as long, the shortest of them comes first.
  public var offset: Span

  public init(offset: Span) { self.offset = offset }

  /// Whoever has more comes first. Without a walltime a job may take as long as a round looks ahead.
  func score(waited: Span, walltime: Span?) -> Int64 {
    let time = max(1, (walltime ?? TimeGrid.standard.horizon).milliseconds / 1000)
    return (max(0, (waited + offset).milliseconds / 1000) << 20) / time
  }
}

extension Controller {
  /// The slots that wait, in the order in which a round looks at them.
  func queue() -> [Int32] {
    guard let order = limits.planning.order else { return cluster.pending }
    let pending = cluster.pending
    var keys: [(priority: Int32, score: Int64, place: Int)] = []
    keys.reserveCapacity(pending.count)
    for (place, slot) in pending.enumerated() {
      let score = order.score(
        waited: now - cluster.jobs[slot].submittedAt, walltime: cluster.specs[Int(slot)].walltime)
      keys.append((cluster.jobs[slot].priority, score, place))
    }
    // Places of equals are in order of submission.
    keys.sort { ($1.priority, $1.score, $0.place) < ($0.priority, $0.score, $1.place) }
    return keys.map { pending[$0.place] }
  }
}
