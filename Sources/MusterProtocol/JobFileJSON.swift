public import MusterCore

extension JobSpec {
  /// The job as a job file in JSON, in full: `JobFile.parse(json:context:)` gives the same `JobSpec` back (times to the
  /// millisecond, which is all that a job file can say).
  public var specJSON: JSON {
    var members: [JSON.Member] = [
      .init(name: "name", value: .string(name)),
      .init(name: "project", value: .string(project)),
      .init(name: "user", value: .string(user)),
      .init(
        name: "priority", value: wishes.priorityClass.isEmpty ? JSON(priority) : .string(wishes.priorityClass)),
      .init(name: "roles", value: .object(rolesJSON)),
    ]
    if let walltime { members.append(.init(name: "walltime", value: .string(JobFileQuantities.text(walltime)))) }
    members.append(.init(name: "restart", value: restart.specJSON))
    members.append(
      .init(
        name: "stop",
        value: .object([
          .init(name: "signal", value: .string(JobFileQuantities.text(signal: stop.signal))),
          .init(name: "grace", value: .string(JobFileQuantities.text(stop.grace))),
        ])))
    members.append(
      .init(name: "checkpoint", value: .object([.init(name: "every", value: .int(checkpointEvery))])))
    members.append(
      .init(
        name: "logs",
        value: .object([
          .init(name: "limit", value: .string(JobFileQuantities.text(memoryBytes: logLimitBytes)))
        ])))
    if let model { members.append(.init(name: "model", value: model.json)) }
    return .object(members + (hasRoles ? wishes.timeMembers : wishes.specMembers))
  }

  private var rolesJSON: [JSON.Member] {
    guard hasRoles else { return [.init(name: role.name, value: .object(role.specMembers))] }
    let all = [FurtherRole(role: role, wishes: wishes.place)] + further
    return all.map { .init(name: $0.role.name, value: .object($0.role.specMembers + $0.wishes.placeMembers)) }
  }
}

extension RoleSpec {
  /// A member of `roles`.
  fileprivate var specMembers: [JSON.Member] {
    var members: [JSON.Member] = [
      .init(name: "nodes", value: .int(Int64(nodes))),
      .init(name: "devicesPerNode", value: .int(Int64(devicesPerNode))),
      .init(name: "ranksPerNode", value: .int(Int64(ranksPerNode))),
      .init(name: "cpus", value: .int(Int64(cpus))),
    ]
    if memoryBytes > 0 {
      members.append(.init(name: "memory", value: .string(JobFileQuantities.text(memoryBytes: memoryBytes))))
    }
    members.append(.init(name: "command", value: .array(command.map { .string($0) })))
    members.append(
      .init(
        name: "environment", value: .object(environment.map { .init(name: $0.name, value: .string($0.value)) })))
    members.append(.init(name: "workingDirectory", value: .string(workingDirectory)))
    return members
  }
}

extension RestartPolicy {
  fileprivate var specJSON: JSON {
    var members: [JSON.Member] = [.init(name: "limit", value: .int(Int64(limit)))]
    if let hangAfter { members.append(.init(name: "hangAfter", value: .string(JobFileQuantities.text(hangAfter)))) }
    members.append(.init(name: "grace", value: .string(JobFileQuantities.text(grace))))
    members.append(.init(name: "fence", value: .string(fenceName)))
    return .object(members)
  }

  var fenceName: String {
    switch fence {
    case .auto: "auto"
    case .attempt: "attempt"
    case .strict: "strict"
    }
  }
}
