import MusterCore

extension RankReport {
  /// What a pretend gang's first rank says of its work; a second of work is a step. Nil before the attempt's first one.
  /// - Parameters: milliseconds.
  ///   - done: work done, with what was done before the attempt; of it `resumed`.
  ///   - elapsed: since the attempt's work went on. More than it has done where it has stopped since.
  ///   - kept: work that its last checkpoint holds.
  init?(
    state: State, done: Int64, resumed: Int64, elapsed: Int64, kept: Int64, pid: Int32 = 0,
    longestStep: Span = .seconds(1)
  ) {
    let (steps, before, saved) = (done / 1_000, resumed / 1_000, kept / 1_000)
    guard steps > before else { return nil }
    func age(_ step: Int64) -> Span { .milliseconds(max(0, elapsed - (step * 1_000 - resumed))) }
    self.init(
      rank: 0, pid: pid, state: state, step: steps, stepAge: age(steps), firstStepAge: age(before + 1),
      stepsSaid: steps - before, longestStep: longestStep, checkpoint: saved > before ? saved : nil)
  }
}
