extension Cluster {
  /// Of the time since its first start, what is not counted against a job's walltime. What a preempted job had done since
  /// its last checkpoint it has to do again, and until its next start it does nothing: neither is its fault.
  func uncounted(_ job: Int32, at now: Instant) -> Span {
    let state = jobs[job]
    guard state.latestAttempt >= 0 else { return state.uncounted }
    let attempt = attempts[state.latestAttempt]
    guard attempt.phase == .ended, attempt.outcome == .preempted else { return state.uncounted }
    return state.uncounted + (now - max(attempt.startedAt, state.checkpointAt))
  }
}

extension Controller {
  /// When its walltime is over if it goes on from now; `.never` without one.
  public func walltimeEnd(_ slot: Int32) -> Instant {
    guard let walltime = cluster.specs[Int(slot)].walltime else { return .never }
    let job = cluster.jobs[slot]
    guard job.startedAt > .zero else { return now + walltime }
    return job.startedAt + walltime + cluster.uncounted(slot, at: now)
  }
}
