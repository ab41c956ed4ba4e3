import MusterCore

extension MemberLaunch {
  public var json: JSON {
    let fields: JSON = [
      "job": .int(member.attempt.job.number), "attempt": JSON(member.attempt.number), "member": JSON(member.index),
      "members": JSON(memberCount), "role": .string(role), "firstRank": JSON(firstRank), "ranks": JSON(ranks),
      "worldSize": JSON(worldSize), "devices": .array(devices.map { JSON($0) }), "nodeList": .string(nodeList),
      "jobName": .string(jobName), "user": .string(user), "project": .string(project),
      "command": .array(command.map { .string($0) }),
      "environment": .array(environment.map { .array([.string($0.name), .string($0.value)]) }),
      "workingDirectory": .string(workingDirectory), "memoryBytes": .int(memoryBytes), "cpus": JSON(cpus),
      "resumeStep": .int(resumeStep), "logLimitBytes": .int(logLimitBytes), "leaseMs": .int(lease.milliseconds),
    ]
    guard var members = fields.objectValue else { return fields }
    // Absent where there is none: shims of older versions know no such fields.
    if let array {
      let told: JSON = .array([.int(array.array.number), JSON(array.index), JSON(array.count)])
      members.append(.init(name: "array", value: told))
    }
    if roleMember > 0 {
      members.append(.init(name: "roleBegin", value: .array([JSON(roleMember), JSON(roleRank)])))
    }
    return .object(members)
  }

  public init(json: JSON) throws(LinkError) {
    var environment: [EnvironmentVariable] = []
    for pair in json["environment"]?.arrayValue ?? [] {
      guard let parts = pair.arrayValue, parts.count == 2, let name = parts[0].stringValue,
        let value = parts[1].stringValue
      else { throw LinkError(field: "environment") }
      environment.append(EnvironmentVariable(name: name, value: value))
    }
    let numbers = (json["array"]?.arrayValue ?? []).compactMap(\.intValue)
    var array: LaunchArray?
    if numbers.count == 3, let index = Int32(exactly: numbers[1]), let count = Int32(exactly: numbers[2]) {
      array = LaunchArray(array: JobID(numbers[0]), index: index, count: count)
    }
    let begin = (json["roleBegin"]?.arrayValue ?? []).compactMap { $0.intValue.flatMap { Int32(exactly: $0) } }
    self.init(
      member: try json.member(), memberCount: try json.int32("members"), role: try json.text("role"),
      firstRank: try json.int32("firstRank"), ranks: try json.int32("ranks"), worldSize: try json.int32("worldSize"),
      devices: (json["devices"]?.arrayValue ?? []).compactMap { $0.intValue.flatMap { Int32(exactly: $0) } },
      nodeList: try json.text("nodeList"), jobName: try json.text("jobName"), user: try json.text("user"),
      project: try json.text("project"), command: (json["command"]?.arrayValue ?? []).compactMap(\.stringValue),
      environment: environment, workingDirectory: try json.text("workingDirectory"),
      memoryBytes: try json.number("memoryBytes"), cpus: try json.int32("cpus"),
      resumeStep: try json.number("resumeStep"), logLimitBytes: try json.number("logLimitBytes"),
      lease: .milliseconds(try json.number("leaseMs")),
      roleMember: begin.count == 2 ? begin[0] : 0, roleRank: begin.count == 2 ? begin[1] : 0, array: array)
  }
}
