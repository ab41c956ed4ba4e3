import MusterCore
import MusterProtocol

/// Devices that each project's running jobs hold now, by type.
struct QuotaUse {
  /// What a project's own jobs hold, without its children's.
  private struct Own {
    var jobs: Int64 = 0
    var devices: [String: Int64] = [:]
  }
  /// Nodes of one type, one after the other.
  private struct Run {
    var type = ""
    var devices: Int64 = 0

    mutating func flush(into counts: inout [String: Int64], next: String) {
      if devices != 0 { counts[type, default: 0] += devices }
      (type, devices) = (next, 0)
    }
  }
  private var own: [String: Own] = [:]
  /// Devices that there are, by type.
  private var capacity: [String: Int64] = [:]

  init(_ controller: borrowing Controller) {
    // The writer waits for this. Nodes of one type stand together, in a fleet and in a job: a table is asked for each run.
    var run = Run()
    for i in controller.cluster.nodes.indices {
      let type = controller.cluster.nodeDetails[i].joined.deviceType
      if type != run.type { run.flush(into: &capacity, next: type) }
      run.devices += Int64(controller.cluster.nodes[i].devices)
    }
    run.flush(into: &capacity, next: "")
    for slot in controller.cluster.active {
      var devices: [String: Int64] = [:]
      for member in controller.cluster.memberSlots(ofAttempt: slot) {
        let placed = controller.cluster.member(member)
        let type = controller.cluster.nodeDetails[Int(placed.node)].joined.deviceType
        if type != run.type { run.flush(into: &devices, next: type) }
        run.devices += Int64(placed.devices.nonzeroBitCount)
      }
      run.flush(into: &devices, next: "")
      let project = controller.cluster.spec(controller.cluster.attempt(slot).jobSlot).project
      own[project, default: Own()].jobs += 1
      own[project, default: Own()].devices.merge(devices, uniquingKeysWith: +)
    }
  }

  /// With those of its children; an empty type is all types together.
  func devices(of project: String, type: String, in policy: Policy) -> Int64 {
    let whole = subtree(of: project, policy)
    return type.isEmpty ? whole.devices.values.reduce(0, +) : whole.devices[type] ?? 0
  }

  private func subtree(of project: String, _ policy: Policy) -> Own {
    var names: Set<String> = [project]
    var whole = own[project] ?? Own()
    // Parents stand before their children.
    for child in policy.projects where names.contains(child.parent) && !child.parent.isEmpty {
      names.insert(child.name)
      let part = own[child.name] ?? Own()
      whole.jobs += part.jobs
      whole.devices.merge(part.devices, uniquingKeysWith: +)
    }
    return whole
  }

  /// The tree as it was declared, then projects that only their jobs name.
  func json(_ policy: Policy) -> JSON {
    var projects = policy.projects.map { project in
      let use = subtree(of: project.name, policy)
      return json(project, use, isDeclared: true)
    }
    let declared = Set(policy.projects.map(\.name))
    for name in own.keys.sorted() where !declared.contains(name) {
      projects.append(json(ProjectPolicy(name: name), own[name] ?? Own(), isDeclared: false))
    }
    let types = capacity.keys.sorted().filter { capacity[$0] != 0 }
    return [
      "projects": .array(projects),
      "deviceTypes": .array(types.map { ["deviceType": .string($0), "devices": .int(capacity[$0] ?? 0)] }),
    ]
  }

  private func json(_ project: ProjectPolicy, _ use: Own, isDeclared: Bool) -> JSON {
    var rows = project.quotas.map { quota -> JSON in
      let used = quota.deviceType.isEmpty ? use.devices.values.reduce(0, +) : use.devices[quota.deviceType] ?? 0
      return [
        "deviceType": quota.deviceType.isEmpty ? .null : .string(quota.deviceType), "used": .int(used),
        "guaranteed": JSON(quota.guaranteed), "borrowed": .int(max(0, used - Int64(quota.guaranteed))),
        "borrowLimit": quota.borrowLimit.map { JSON($0) } ?? .null,
        "lendLimit": quota.lendLimit.map { JSON($0) } ?? .null,
      ]
    }
    // Of types that no quota names there is only use.
    for type in use.devices.keys.sorted() where !project.quotas.contains(where: { $0.deviceType == type }) {
      guard let used = use.devices[type], used > 0 else { continue }
      rows.append([
        "deviceType": .string(type), "used": .int(used), "guaranteed": .null, "borrowed": .null, "borrowLimit": .null,
        "lendLimit": .null,
      ])
    }
    return [
      "name": .string(project.name), "parent": project.parent.isEmpty ? .null : .string(project.parent),
      "declared": .bool(isDeclared), "weight": JSON(project.weight), "runningJobs": .int(use.jobs),
      "devices": .array(rows), "limits": project.limits.json, "userLimits": project.userLimits.json,
    ]
  }
}
