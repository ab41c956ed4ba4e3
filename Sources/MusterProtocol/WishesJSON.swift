public import MusterCore

extension Wishes {
  /// As members of a job file; what asks for nothing is left out. The task of an array is no field: see `JobRequest`.
  var specMembers: [JSON.Member] { placeMembers + timeMembers }

  /// Also in a role.
  var placeMembers: [JSON.Member] {
    var members: [JSON.Member] = []
    func add(_ name: String, _ value: JSON) { members.append(.init(name: name, value: value)) }
    if segment != 1 { add("segment", JSON(segment)) }
    if let within {
      let level = JSON.string(within.level)
      add("within", within.isRequired ? level : ["level": level, "preferred": true])
    }
    if let spread {
      let level = JSON.string(spread.level)
      add("spread", spread.atMost == 1 ? level : ["level": level, "atMost": JSON(spread.atMost)])
    }
    if !deviceTypes.isEmpty { add("deviceTypes", .array(deviceTypes.map { .string($0) })) }
    if isExclusive { add("exclusive", true) }
    if !constraint.isEmpty { add("constraint", .array(constraint.map { .string(LabelText.text($0)) })) }
    if !exclude.isEmpty { add("exclude", .string(exclude.joined(separator: ","))) }
    return members
  }

  var timeMembers: [JSON.Member] {
    var members: [JSON.Member] = []
    func add(_ name: String, _ value: JSON) { members.append(.init(name: name, value: value)) }
    if !dependsOn.isEmpty { add("dependsOn", .array(dependsOn.map { .string($0.text) })) }
    if isHeld { add("hold", true) }
    if begin != .zero { add("begin", .string(begin.shortRFC3339)) }
    if let warning {
      add(
        "warn",
        [
          "signal": .string(JobFileQuantities.text(signal: warning.signal)),
          "before": .string(JobFileQuantities.text(warning.before)),
        ])
    }
    return members
  }

  /// As answers show them: null or an empty list where nothing is asked for.
  var viewMembers: [JSON.Member] {
    [
      .init(name: "priorityClass", value: priorityClass.isEmpty ? .null : .string(priorityClass))
    ] + placeViewMembers + [
      .init(name: "dependsOn", value: .array(dependsOn.map { .string($0.text) })),
      .init(name: "hold", value: .bool(isHeld)),
      .init(name: "begin", value: begin == .zero ? .null : .string(begin.shortRFC3339)),
      .init(
        name: "array",
        value: array.map {
          ["index": JSON($0.index), "count": JSON($0.count), "atOnce": $0.atOnce > 0 ? JSON($0.atOnce) : .null]
        } ?? .null),
      .init(
        name: "warn",
        value: warning.map {
          [
            "signal": .string(JobFileQuantities.text(signal: $0.signal)), "beforeSeconds": .seconds($0.before),
          ]
        } ?? .null),
    ]
  }

  /// Also in a role.
  var placeViewMembers: [JSON.Member] {
    [
      .init(name: "segment", value: segment == 1 ? .null : JSON(segment)),
      .init(
        name: "within",
        value: within.map { ["level": .string($0.level), "preferred": .bool(!$0.isRequired)] } ?? .null),
      .init(name: "spread", value: spread.map { ["level": .string($0.level), "atMost": JSON($0.atMost)] } ?? .null),
      .init(name: "deviceTypes", value: .array(deviceTypes.map { .string($0) })),
      .init(name: "exclusive", value: .bool(isExclusive)),
      .init(name: "constraint", value: .array(constraint.map { .string(LabelText.text($0)) })),
      .init(name: "exclude", value: .array(exclude.map { .string($0) })),
    ]
  }
}

extension Dependency {
  /// `afterok:41`, `afterok:41_3`.
  var text: String { kind == .singleton ? "singleton" : "\(kind):\(job)" + (task.map { "_\($0)" } ?? "") }
}

extension AttemptWarned {
  /// As a job file writes it: `USR1`.
  public var signalName: String { JobFileQuantities.text(signal: signal) }
}
