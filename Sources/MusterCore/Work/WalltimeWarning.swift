/// `warn` of a job: its ranks are told some time before the walltime is over. Once an attempt; what a shim has passed on it
/// does not pass on again, whoever asks.
extension Controller {
  /// The attempt does not end yet.
  mutating func warnIfDue(_ slot: Int32) {
    let state = cluster.attempts[slot]
    guard state.phase == .running, state.warnedAt == .zero,
      let warning = cluster.specs[Int(state.jobSlot)].wishes.warning,
      cluster.specs[Int(state.jobSlot)].walltime != nil
    else { return }
    let end = walltimeEnd(state.jobSlot)
    let due = end - warning.before
    guard now >= due, isListening(state, since: due) else { return }
    note(.attemptWarned(AttemptWarned(attempt: cluster.attemptID(slot), signal: warning.signal, walltimeEnd: end)))
    for member in cluster.memberSlots(ofAttempt: slot) { dirty.members.append(cluster.memberID(member)) }
  }

  /// Most signals end a process that has no handler for them yet: an attempt that began within the time of its warning is
  /// not ended by it.
  private func isListening(_ attempt: Attempt, since due: Instant) -> Bool {
    attempt.runningAt <= due || attempt.firstStepAt > .zero || now - attempt.runningAt >= limits.warningPatience
  }

  /// The signal that a member's ranks are to have got; nil: none, or its attempt is being stopped.
  public func warning(for id: MemberID) -> Int32? {
    guard let slot = cluster.memberSlot(id), !cluster.members[slot].stopped else { return nil }
    let attempt = cluster.attempts[cluster.members[slot].attemptSlot]
    guard attempt.phase == .running, attempt.warnedAt > .zero else { return nil }
    return cluster.specs[Int(attempt.jobSlot)].wishes.warning?.signal
  }
}
