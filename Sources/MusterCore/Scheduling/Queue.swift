extension Controller {
  public static let positionsLookedAt = 50_000

  /// Jobs that wait, from a position on: first those that the last round looked at, in its order; then the others (on hold,
  /// before their time, without devices, or too far back), by priority and number.
  /// - Parameters:
  ///   - project: of its jobs alone.
  ///   - most: so many positions are looked at for a project; behind them `next` goes on.
  /// - Returns: their slots, and the position after them; nil: there are no more. Positions mean the same only until the
  ///   next round.
  public func queue(
    from position: Int, limit: Int, project: String? = nil, lookingAt most: Int = positionsLookedAt
  ) -> (slots: [Int32], next: Int?) {
    let planned = lastPlan?.jobs ?? []
    let end = planned.count + cluster.pending.count
    // Few of a long queue may be a project's, and the writer waits for this.
    let last = project == nil || position >= end ? end : min(end, position + most)
    func isWanted(_ slot: Int32) -> Bool { project == nil || cluster.specs[Int(slot)].project == project }
    var (slots, at) = ([Int32](), position)
    while at < last {
      guard slots.count < limit else { return (slots, at) }
      if at < planned.count {
        // A job of several roles stands there with each of them.
        let isFirst = at == 0 || planned[at].id != planned[at - 1].id
        if isFirst, let slot = cluster.slot(of: planned[at].id), cluster.jobs[slot].state == .pending, isWanted(slot) {
          slots.append(slot)
        }
      } else {
        let slot = cluster.pending[at - planned.count]
        if lastPlan?.entries[cluster.jobs[slot].id] == nil, isWanted(slot) { slots.append(slot) }
      }
      at += 1
    }
    return (slots, at < end ? at : nil)
  }

  /// Since when a job waits: its submission, or the end of its last attempt.
  public func waitsSince(_ slot: Int32) -> Instant {
    let latest = cluster.jobs[slot].latestAttempt
    return latest >= 0
      ? max(cluster.attempts[latest].endedAt, cluster.jobs[slot].submittedAt)
      : cluster.jobs[slot].submittedAt
  }
}
