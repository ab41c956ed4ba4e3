import MusterCore
import MusterInsight
import MusterProtocol

/// Steps that a job's ranks have said, of all its attempts, and the time that they took.
struct StepWork: Hashable, Sendable {
  var model: ModelSpec
  /// Also those that a fault took: the devices computed them.
  var steps: Int64 = 0
  /// From when work went on until the last step of each attempt.
  var seconds = 0.0

  /// Nil: the job declares no model, or has said no step.
  init?(_ id: JobID, _ controller: borrowing Controller) {
    guard let slot = controller.cluster.slot(of: id), let model = controller.cluster.spec(slot).model else {
      return nil
    }
    self.model = model
    var attempt = controller.cluster.job(slot).latestAttempt
    while attempt >= 0 {
      add(controller.attemptTimes(attempt))
      attempt = controller.cluster.attempt(attempt).previous
    }
    guard steps > 0, seconds > 0 else { return nil }
  }

  private mutating func add(_ times: AttemptTimes) {
    guard times.firstStepAt != .zero, times.lastStepAt > times.firstStepAt, times.lastStep > times.resumeStep else {
      return
    }
    // The split counts one mean step for the first one, whose time lies before it is said.
    let split = AttemptSplit(times, keptStep: times.lastStep, until: times.lastStepAt)
    steps += times.lastStep - times.resumeStep
    seconds += (times.lastStepAt - split.began).seconds
  }

  /// 0...1 of the dense peak of the precision that the model says; nil where the part's is not known.
  /// - Parameters:
  ///   - notStepping: seconds in which ranks said that they saved or evaluated: not of a step.
  ///   - devices: of the job.
  func mfu(_ evidence: JobEvidence, notStepping: Double) -> Double? {
    guard evidence.devicesAsked > 0, let peak = evidence.part?.peak(of: model.precision.name), seconds > notStepping
    else { return nil }
    let rate = model.flopsPerStep * Double(steps) / (seconds - notStepping)
    return rate / (Double(evidence.devicesAsked) * peak * 1e12)
  }
}
