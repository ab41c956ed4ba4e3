import MusterCore

extension Trace {
  /// A row as a person would submit it.
  func spec(of job: TraceJob, command: [String], checkpointEvery: Int64) -> JobSpec {
    let role = RoleSpec(
      nodes: job.nodes, devicesPerNode: job.devicesPerNode, ranksPerNode: 1, command: command, workingDirectory: "/")
    var spec = JobSpec(
      name: "row-\(job.line)", project: names[Int(job.project)], user: names[Int(job.user)], priority: job.priority,
      role: role, walltime: job.walltimeMilliseconds == 0 ? nil : .milliseconds(job.walltimeMilliseconds),
      restart: .pretended, checkpointEvery: checkpointEvery)
    spec.wishes.segment = job.segment
    if job.deviceType >= 0 { spec.wishes.deviceTypes = [names[Int(job.deviceType)]] }
    if job.priorityClass >= 0 { spec.wishes.priorityClass = names[Int(job.priorityClass)] }
    return spec
  }
}

extension RestartPolicy {
  /// A node's death is told with its proof: nothing is waited for. How often a job may fail by itself, and when its ranks
  /// hang, is not what is simulated.
  static let pretended = RestartPolicy(limit: .max, hangAfter: .seconds(20 * 365 * 86_400), fence: .strict)
}
