public import MusterCore

extension PolicyPart {
  /// In the shape of a policy file, with times as numbers of seconds: `PolicyPart.parse(json:)` gives the same back.
  public var json: JSON {
    var members: [JSON.Member] = []
    if let topology { members.append(.init(name: "topology", value: topology.json)) }
    if let projects { members.append(.init(name: "projects", value: .array(projects.map(\.json)))) }
    if let priorities { members.append(.init(name: "priorities", value: .array(priorities.map(\.json)))) }
    return .object(members)
  }
}

extension TopologyPolicy {
  var json: JSON {
    let places = places.map { place -> JSON in
      [
        "nodes": .string(place.nodes), "domains": .array(place.domains.map { .string($0) }),
        "spares": JSON(place.spares),
      ]
    }
    return ["levels": .array(levels.map { .string($0) }), "places": .array(places)]
  }
}

extension ProjectPolicy {
  var json: JSON {
    [
      "name": .string(name), "parent": parent.isEmpty ? .null : .string(parent), "weight": JSON(weight),
      "quotas": .object(quotas.map { .init(name: $0.deviceType.isEmpty ? "any" : $0.deviceType, value: $0.json) }),
      "limits": limits.json, "userLimits": userLimits.json,
    ]
  }
}

extension DeviceQuota {
  var json: JSON {
    [
      "guaranteed": JSON(guaranteed), "borrowLimit": borrowLimit.map { JSON($0) } ?? .null,
      "lendLimit": lendLimit.map { JSON($0) } ?? .null,
    ]
  }
}

extension UseLimits {
  /// null is no limit.
  public var json: JSON {
    [
      "runningJobs": runningJobs.map { JSON($0) } ?? .null, "devices": devices.map { JSON($0) } ?? .null,
      "walltimeSeconds": walltime.map { .int($0.nanoseconds / 1_000_000_000) } ?? .null,
    ]
  }
}

extension PriorityClass {
  var json: JSON { ["name": .string(name), "value": JSON(value), "preempts": .bool(preempts)] }
}
