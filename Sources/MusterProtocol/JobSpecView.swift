public import MusterCore

extension JobSpec {
  /// The job as answers show it. Unlike a job file, which people write, times are numbers of seconds and sizes numbers of
  /// bytes, in fields that say so; what the file left open is null. Not read back: see `specJSON` for that.
  public var viewJSON: JSON {
    var roles: [JSON.Member] = [.init(name: role.name, value: .object(role.viewMembers))]
    if hasRoles {
      roles = ([FurtherRole(role: role, wishes: wishes)] + further).map {
        .init(name: $0.role.name, value: .object($0.role.viewMembers + $0.wishes.placeViewMembers))
      }
    }
    let fields: JSON = [
      "name": .string(name), "project": .string(project), "user": .string(user), "priority": JSON(priority),
      "roles": .object(roles), "walltimeSeconds": .seconds(walltime),
      "restart": [
        "limit": JSON(restart.limit), "hangAfterSeconds": .seconds(restart.hangAfter),
        "graceSeconds": .seconds(restart.grace), "fence": .string(restart.fenceName),
      ],
      "stop": [
        "signal": .string(JobFileQuantities.text(signal: stop.signal)), "graceSeconds": .seconds(stop.grace),
      ],
      "checkpoint": ["every": .int(checkpointEvery)], "logs": ["limitBytes": .int(logLimitBytes)],
    ]
    let model = [JSON.Member(name: "model", value: self.model?.json ?? .null)]
    return .object((fields.objectValue ?? []) + wishes.viewMembers + model)
  }
}

extension RoleSpec {
  fileprivate var viewMembers: [JSON.Member] {
    let fields: JSON = [
      "nodes": JSON(nodes), "devicesPerNode": JSON(devicesPerNode), "ranksPerNode": JSON(ranksPerNode),
      "cpus": JSON(cpus), "memoryBytes": memoryBytes > 0 ? .int(memoryBytes) : .null,
      "command": .array(command.map { .string($0) }),
      "environment": .object(environment.map { .init(name: $0.name, value: .string($0.value)) }),
      "workingDirectory": .string(workingDirectory),
    ]
    return fields.objectValue ?? []
  }
}

extension JSON {
  /// Whole where it is whole.
  static func seconds(_ span: Span?) -> JSON {
    guard let span else { return .null }
    let second: Int64 = 1_000_000_000
    return span.nanoseconds % second == 0 ? .int(span.nanoseconds / second) : .double(span.seconds)
  }
}
