import MusterCore
import MusterDevices
import MusterInsight

/// What is known of some jobs beside the ledger: what their devices did, the steps that they said, what the idle policy
/// told. Gathered for all of them first; what is told of each is then made without waiting for anybody.
struct BesideLedger: Sendable {
  var devices: [JobID: JobDevices] = [:]
  /// Of jobs that the stretch of time cuts: those whose counters were looked up for that stretch are here.
  var parts: Set<JobID> = []
  /// Of jobs that declare their model.
  var works: [JobID: StepWork] = [:]
  var warnings: [JobID: IdleWarning] = [:]

  /// With what counters and the declared model say.
  func seen(_ basis: JobBasis) -> JobBasis {
    var seen = basis
    seen.evidence = evidence(of: basis)
    return seen
  }

  /// The same, of its evidence alone: of thousands of jobs nothing else is copied.
  func evidence(of basis: JobBasis) -> JobEvidence {
    var evidence = basis.evidence
    let id = JobID(basis.id)
    evidence.devices = devices[id]
    evidence.countersArePart = parts.contains(id)
    if basis.hasModel { evidence.declaredMFU = works[id]?.mfu(evidence, notStepping: basis.notStepping) }
    return evidence
  }

  /// Both figures of a job, as in `seen`.
  func mfu(of job: MFUBasis) -> JobMFU {
    JobMFU(
      devicesAsked: Int(job.devices), type: job.type, precision: job.precision, devices[JobID(job.id)],
      job.precision == nil ? nil : works[JobID(job.id)], notStepping: job.notStepping)
  }

  func view(_ basis: JobBasis, _ efficiency: Efficiency, day: String) -> EfficiencyView {
    EfficiencyView(basis: seen(basis), efficiency: efficiency, day: day, warning: warnings[JobID(basis.id)])
  }
}

/// Makes answers about thousands of jobs, one at a time: several of them together would take every core of a small
/// controller from those who ask for little.
actor AnswerDesk {
  func make<T: Sendable>(_ body: @Sendable () -> T) -> T { body() }
}
