extension Controller {
  /// Keeps a job that waits from starting, until it is released.
  mutating func hold(_ id: JobID) -> Reply { setHeld(id, true) }

  mutating func release(_ id: JobID) -> Reply { setHeld(id, false) }

  private mutating func setHeld(_ id: JobID, _ isHeld: Bool) -> Reply {
    guard let slot = cluster.slot(of: id) else { return .refused(.noSuchJob(id)) }
    let job = cluster.jobs[slot]
    if job.state.isFinal { return .refused(.jobHasEnded(id, job.state)) }
    guard job.state == .pending else { return .refused(.jobNotPending(id, job.state)) }
    guard job.isHeld != isHeld else { return .done }
    note(isHeld ? .jobHeld(job: id) : .jobReleased(job: id))
    mustSchedule = true
    return .done
  }
}
