import MusterCore

/// Projects with quotas, in one seed of three (so that the other seeds stay what they were).
extension World {
  var hasProjects: Bool { seed % 3 == 1 }

  private static let projects = ["all", "left", "right", "other", "stranger"]

  /// Whose a job is, and whether it may stop others.
  mutating func share(_ spec: inout JobSpec) {
    guard hasProjects else { return }
    spec.project = World.projects[sharing.below(World.projects.count)]
    spec.user = sharing.hits(500) ? "u" : "v"
    if sharing.hits(200), !controller.cluster.policy.priorities.isEmpty {
      (spec.wishes.priorityClass, spec.priority) = ("patient", 2)
    }
  }

  /// Somebody declares projects, or declares them anew.
  mutating func declare() {
    guard hasProjects, host.isUp, isStorm else { return }
    guard sharing.hits(controller.cluster.policy.projects.isEmpty ? 800 : 120) else { return }
    coverage.did(.policyDrawn)
    order(.applyPolicy(drawPolicy()))
  }

  /// A root with two projects below it, and one beside it. What is drawn may say anything but that nobody may run at all.
  private mutating func drawPolicy() -> Policy {
    let devices = nodes.count * 4
    var policy = Policy()
    for name in World.projects.dropLast() {
      var project = ProjectPolicy(name: name, parent: name == "left" || name == "right" ? "all" : "")
      let isParent = name == "all"
      if sharing.hits(isParent ? 400 : 700) {
        let share = devices / (isParent ? 2 : 5)
        var quota = DeviceQuota(guaranteed: Int32(sharing.below(share + 1)))
        if sharing.hits(400) { quota.borrowLimit = Int32(4 + sharing.below(devices / 2)) }
        if sharing.hits(300) { quota.lendLimit = Int32(sharing.below(Int(quota.guaranteed) + 1)) }
        project.quotas = [quota]
      }
      project.limits = drawLimits(devices, permille: 250)
      project.userLimits = drawLimits(devices, permille: 200)
      policy.projects.append(project)
    }
    policy.priorities = [PriorityClass(name: "patient", value: 2, preempts: false)]
    return policy
  }

  private mutating func drawLimits(_ devices: Int, permille: Int) -> UseLimits {
    var limits = UseLimits()
    if sharing.hits(permille) { limits.runningJobs = Int32(1 + sharing.below(5)) }
    if sharing.hits(permille) { limits.devices = Int32(4 + sharing.below(devices / 2)) }
    return limits
  }
}
