extension Controller {
  /// Fills in what only the controller knows of new jobs, then submits them: the numbers of priorities' names, and all
  /// tasks of an array that one depends on.
  mutating func arrive(_ specs: [JobSpec], key: String, requestHash: UInt64) -> Reply {
    // What was submitted before under this key is not looked at anew: names may have changed since.
    let isNew = key.isEmpty || cluster.keys[key] == nil
    if isNew, let why = overWalltime(specs) { return .refused(why) }
    guard isNew, specs.contains(where: { !$0.wishes.isEmpty || $0.hasRoles }) else {
      return submit(specs, key: key, requestHash: requestHash)
    }
    var specs = specs
    for i in specs.indices {
      if !specs[i].wishes.priorityClass.isEmpty {
        let (name, known) = (specs[i].wishes.priorityClass, cluster.policy.priorities)
        guard let priority = known.first(where: { $0.name == name }) else {
          return .refused(.noSuchPriority(name, known: known.map(\.name)))
        }
        specs[i].priority = priority.value
      }
      var dependencies: [Dependency] = []
      for dependency in specs[i].wishes.dependsOn {
        guard dependency.kind != .singleton else {
          dependencies.append(dependency)
          continue
        }
        guard dependency.job.number < cluster.nextJob else { return .refused(.noSuchJob(dependency.job)) }
        let tasks: [JobID]
        if let index = dependency.task {
          guard let task = task(index, ofArray: dependency.job) else {
            return .refused(.noSuchTask(index, array: dependency.job))
          }
          tasks = [task]
        } else {
          tasks = self.tasks(of: dependency.job)
        }
        if let why = hopeless(dependency, tasks, specs[i]) { return .refused(why) }
        dependencies += tasks.map { Dependency(kind: dependency.kind, job: $0) }
      }
      specs[i].wishes.dependsOn = dependencies
      for place in [specs[i].wishes] + specs[i].further.map(\.wishes) {
        guard let level = unknownLevel(place) else { continue }
        return .refused(.noSuchLevel(level, known: cluster.policy.topology.effectiveLevels))
      }
    }
    let bytes = specs.reduce(0) { $0 + $1.listedBytes }
    guard bytes <= limits.submissionBytes else {
      return .refused(.submissionTooLarge(bytes: bytes, limit: limits.submissionBytes))
    }
    return submit(specs, key: key, requestHash: requestHash)
  }

  /// A limit of a project, its parents or their users that one of the jobs does not keep.
  private func overWalltime(_ specs: [JobSpec]) -> Refusal? {
    let projects = cluster.policy.projects
    guard projects.contains(where: { $0.limits.walltime != nil || $0.userLimits.walltime != nil }) else { return nil }
    for spec in specs {
      for (limits, project, user) in cluster.policy.limits(ofProject: spec.project, user: spec.user) {
        guard let limit = limits.walltime, spec.walltime.map({ $0 > limit }) ?? true else { continue }
        let who = user.isEmpty ? "project \(project)" : "a user of project \(project)"
        return .walltimeOverLimit(job: spec.name, who: who, limit: limit, asked: spec.walltime)
      }
    }
    return nil
  }

  /// One of the tasks that can no longer become what is asked of it. Of what was archived nothing is known.
  private func hopeless(_ dependency: Dependency, _ tasks: [JobID], _ spec: JobSpec) -> Refusal? {
    guard planted != .hopelessAccepted else { return nil }
    for task in tasks {
      guard let slot = cluster.slot(of: task), dependency.isHopeless(cluster.jobs[slot].state) else { continue }
      let index = tasks.count > 1 ? cluster.specs[Int(slot)].wishes.array?.index : nil
      return .dependencyNever(
        job: spec.name, dependency: dependency, other: task, task: index, state: cluster.jobs[slot].state)
    }
    return nil
  }

  /// The task of an array that has an index; nil: it has none, or there is no such array.
  public func task(_ index: Int32, ofArray array: JobID) -> JobID? {
    guard let first = cluster.slot(of: array), let task = cluster.specs[Int(first)].wishes.array, task.position == 0
    else { return nil }
    return (0..<Int64(task.count)).map { JobID(array.number + $0) }.first { id in
      cluster.slot(of: id).map { cluster.specs[Int($0)].wishes.array?.index == index } ?? false
    }
  }

  /// A number that is an array's stands for all of its tasks, as in Slurm; any other for itself.
  private func tasks(of job: JobID) -> [JobID] {
    guard let slot = cluster.slot(of: job), let task = cluster.specs[Int(slot)].wishes.array, task.position == 0 else {
      return [job]
    }
    return (0..<Int64(task.count)).map { JobID(job.number + $0) }
  }
}

extension JobSpec {
  /// About how many bytes of a fact its lists take: what makes a small request of many tasks large.
  fileprivate var listedBytes: Int {
    var bytes = 256 + wishes.dependsOn.count * 8
    for (role, wishes) in [(role, wishes)] + further.map({ ($0.role, $0.wishes) }) {
      for word in role.command { bytes += word.utf8.count + 2 }
      for variable in role.environment { bytes += variable.name.utf8.count + variable.value.utf8.count + 4 }
      for name in wishes.exclude { bytes += name.utf8.count + 2 }
      for rule in wishes.constraint { bytes += rule.key.utf8.count + (rule.value?.utf8.count ?? 0) + 4 }
    }
    return bytes
  }
}
