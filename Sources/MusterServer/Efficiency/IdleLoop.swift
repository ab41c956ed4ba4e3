import Logging
import MusterCore
import MusterDevices
import MusterInsight

/// Warns, then cancels, jobs that use nothing, as `IdlePolicy` decides. Off while the efficiency file does not say from
/// when, or nobody reads counters.
struct IdleLoop: Sendable {
  let api: API
  let logger: Logger

  static let look = Duration.seconds(30)

  struct Candidate: Sendable {
    var id: JobID
    var attempt: Int32
    var job: IdlePolicy.Job
  }

  /// Runs until the task is cancelled.
  func run() async throws {
    while true {
      try await Task.sleep(for: Self.look)
      do {
        try await round()
      } catch let failure as WriterFailure {
        logger.notice("idle jobs were not looked at: the writer did not answer (\(failure))")
      }
    }
  }

  /// One look at all jobs that run.
  func round() async throws {
    let rules = api.efficiency.source.current.idle
    guard rules.warnAfter != nil, let devices = api.efficiency.devices else { return }
    let (jobs, now) = try await api.writer.read { state in
      (Self.candidates(state.controller.cluster), state.now.nanoseconds / 1_000_000)
    }
    let all = await devices(jobs.map(\.id))
    for var candidate in jobs {
      let known = await api.efficiency.warnings.warning(of: candidate.id)
      // What was said of an earlier attempt is not said of this one.
      candidate.job.warnedAt = known.flatMap { $0.attempt == candidate.attempt ? $0.at : nil }
      let seen = all[candidate.id]
      // Counters of an attempt that has ended tell nothing of the one that runs.
      guard seen?.attempt == candidate.attempt else { continue }
      switch IdlePolicy.decide(rules, candidate.job, seen, now: now) {
      case .nothing: continue
      case .warn(let text):
        await api.efficiency.warnings.warn(
          candidate.id, IdleWarning(attempt: candidate.attempt, at: now, text: text))
        logger.warning("job \(candidate.id.number): \(text)")
      case .cancel(let text): try await cancel(candidate, text, now: now)
      }
    }
    await api.efficiency.warnings.forget()
  }

  private func cancel(_ candidate: Candidate, _ text: String, now: Int64) async throws {
    let reason = "cancelled by the idle policy: \(text)"
    // Only the attempt that was judged: another one may have begun meanwhile.
    let isDone = try await api.writer.perform(.orders) { state, _ -> Bool in
      let found = state.controller.cluster.slot(of: candidate.id).map {
        (state.controller.cluster.job($0).attempt, state.controller.cluster.job($0).state)
      }
      guard let (attempt, phase) = found, attempt == candidate.attempt, phase == .running || phase == .starting else {
        return false
      }
      return state.handle(.cancel(candidate.id, reason: reason), from: .orders) == .done
    }
    guard isDone else { return }
    await api.efficiency.warnings.cancel(
      candidate.id, IdleWarning(attempt: candidate.attempt, at: now, text: reason))
    logger.warning("job \(candidate.id.number) was \(reason)")
  }

  private static func candidates(_ cluster: borrowing Cluster) -> [Candidate] {
    cluster.active.compactMap { attempt in
      let slot = cluster.attempt(attempt).jobSlot
      let (job, spec) = (cluster.job(slot), cluster.spec(slot))
      // An old attempt may still be stopping while its job runs again.
      guard job.state == .running || job.state == .starting, job.latestAttempt == attempt else { return nil }
      let devices = spec.roles.reduce(0) { $0 + Int($1.nodes) * Int($1.devicesPerNode) }
      let startedAt = cluster.attempt(attempt).startedAt.nanoseconds / 1_000_000
      return Candidate(
        id: job.id, attempt: job.attempt,
        job: IdlePolicy.Job(project: spec.project, devicesAsked: devices, startedAt: startedAt, warnedAt: nil))
    }
  }
}
