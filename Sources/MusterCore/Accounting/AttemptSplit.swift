/// What is known of an attempt's time. Instants are zero where something has not happened, or was never said.
public struct AttemptTimes: Hashable, Sendable {
  public var startedAt: Instant
  /// Every rank had been started.
  public var runningAt: Instant
  public var firstStepAt: Instant
  public var lastStepAt: Instant
  public var endingAt: Instant
  public var endedAt: Instant
  public var resumeStep: Int64
  public var lastStep: Int64
  /// Nil while it runs.
  public var outcome: Outcome?
  /// Its end was a verdict of a hang.
  public var isHung = false
  /// An attempt of its job has said steps: one that has said none was still starting.
  public var saysSteps = false
  /// A checkpoint of this attempt was accepted then.
  public var checkpointAt: Instant = .zero

  public init(
    startedAt: Instant, runningAt: Instant, firstStepAt: Instant, lastStepAt: Instant, endingAt: Instant,
    endedAt: Instant, resumeStep: Int64, lastStep: Int64, outcome: Outcome?
  ) {
    self.startedAt = startedAt
    self.runningAt = runningAt
    self.firstStepAt = firstStepAt
    self.lastStepAt = lastStepAt
    self.endingAt = endingAt
    self.endedAt = endedAt
    self.resumeStep = resumeStep
    self.lastStep = lastStep
    self.outcome = outcome
  }

  public init(_ attempt: Attempt) {
    self.init(
      startedAt: attempt.startedAt, runningAt: attempt.runningAt, firstStepAt: attempt.firstStepAt,
      lastStepAt: attempt.lastStepAt, endingAt: attempt.endingAt, endedAt: attempt.endedAt,
      resumeStep: attempt.resumeStep, lastStep: attempt.lastStep,
      outcome: attempt.phase < .stopping ? nil : attempt.outcome)
  }

  /// What counts of an attempt when nothing has gone on from it: all that it did, but after a fault what a checkpoint
  /// holds.
  public func lastKeptStep(checkpointStep: Int64) -> Int64 {
    switch outcome {
    case nil, .finished, .cancelled, .timedOut: lastStep
    case .jobFault, .nodeFault, .preempted, .unrunnable: min(lastStep, checkpointStep)
    }
  }
}

/// An attempt's time from its start to `until`, cut into consecutive pieces; some may be empty.
public struct AttemptSplit: Hashable, Sendable {
  /// Work began.
  public var began: Instant
  /// Work up to here counts.
  public var kept: Instant
  /// The last step.
  public var worked: Instant
  /// It began to end, or `until`.
  public var stopping: Instant
  public var until: Instant

  /// - Parameter keptStep: the step that the job goes on from after this attempt, or ended with.
  public init(_ times: AttemptTimes, keptStep: Int64, until end: Instant) {
    let stop = times.endingAt == .zero ? end : min(times.endingAt, end)
    // A survivor may have stepped on while it was being stopped: that time is the stop's. And how long ago a step was is
    // said by another machine's clock.
    let last = max(times.startedAt, min(times.lastStepAt, stop))
    if times.firstStepAt != .zero, last > times.firstStepAt {
      let steps = max(1, times.lastStep - times.resumeStep)
      // The first step's own time lies before its report: one mean step is counted for it.
      let mean = (last - times.firstStepAt).nanoseconds / max(1, steps - 1)
      let began = max(times.startedAt, times.firstStepAt - Span(nanoseconds: mean))
      let counted = min(steps, max(0, keptStep - times.resumeStep))
      // Wider than 64 bits: a month of nanoseconds times a million steps.
      let share = Int128((last - began).nanoseconds) * Int128(counted) / Int128(steps)
      self.init(
        began: began, kept: began + Span(nanoseconds: Int64(share)), worked: last, stopping: stop, until: end)
      return
    }
    if times.saysSteps, times.firstStepAt == .zero {
      self.init(began: stop, kept: stop, worked: stop, stopping: stop, until: end)
      return
    }
    // A job that says no steps: what an attempt did up to a checkpoint counts, all of it if it was not ended by a fault.
    // Of one that runs and has said one step nothing is known of a step's length yet.
    let start = times.outcome == nil ? max(times.firstStepAt, times.runningAt) : times.runningAt
    let began = start == .zero ? stop : max(times.startedAt, min(start, stop))
    let kept =
      switch times.outcome {
      case nil, .finished, .cancelled, .timedOut: stop
      case .jobFault, .nodeFault, .preempted, .unrunnable: max(began, min(times.checkpointAt, stop))
      }
    let worked = times.isHung && times.lastStepAt != .zero ? max(kept, last) : stop
    self.init(began: began, kept: kept, worked: worked, stopping: stop, until: end)
  }

  private init(began: Instant, kept: Instant, worked: Instant, stopping: Instant, until: Instant) {
    self.began = began
    self.kept = kept
    self.worked = worked
    self.stopping = stopping
    self.until = until
  }

  /// The accounts of its pieces, in order of time.
  public func accounts(_ times: AttemptTimes) -> [(account: Account, from: Instant, to: Instant)] {
    let isPreempted = times.outcome == .preempted
    let isFault = times.outcome == .jobFault || times.outcome == .nodeFault
    let tail: Account = isPreempted ? .preempted : times.isHung ? .hung : isFault ? .redone : .unattributed
    return [
      (.starting, times.startedAt, began), (.productive, began, kept),
      (isPreempted ? .preempted : .redone, kept, worked), (tail, worked, stopping),
      (isPreempted ? .preempted : .draining, stopping, until),
    ].filter { $0.1 < $0.2 }
  }
}
