import MusterCore
import MusterProtocol

/// Devices that each project's running jobs hold now, by type.
struct QuotaUse: Sendable {
  private typealias Own = DeviceUse.Project

  private let use: DeviceUse

  init(_ use: DeviceUse) { self.use = use }

  /// With those of its children; an empty type is all types together.
  func devices(of project: String, type: String, in policy: Policy) -> Int64 {
    let whole = subtree(of: project, policy)
    return type.isEmpty ? whole.devices.values.reduce(0, +) : whole.devices[type] ?? 0
  }

  private func subtree(of project: String, _ policy: Policy) -> Own {
    var names: Set<String> = [project]
    var whole = use.projects[project] ?? Own()
    // Parents stand before their children.
    for child in policy.projects where names.contains(child.parent) && !child.parent.isEmpty {
      names.insert(child.name)
      let part = use.projects[child.name] ?? Own()
      whole.jobs += part.jobs
      whole.devices.merge(part.devices, uniquingKeysWith: +)
    }
    return whole
  }

  /// The tree as it was declared, then projects that only their jobs name.
  func json(_ policy: Policy) -> JSON {
    var projects = policy.projects.map { json($0, subtree(of: $0.name, policy), isDeclared: true) }
    let declared = Set(policy.projects.map(\.name))
    for name in use.projects.keys.sorted() where !declared.contains(name) {
      projects.append(json(ProjectPolicy(name: name), use.projects[name] ?? Own(), isDeclared: false))
    }
    return [
      "projects": .array(projects),
      "deviceTypes": .array(
        use.capacity.sorted { $0.key < $1.key }.map { ["deviceType": .string($0.key), "devices": .int($0.value)] }),
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
