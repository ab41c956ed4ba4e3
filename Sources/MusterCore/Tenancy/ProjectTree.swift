/// The projects by number, with what is guaranteed to each. A project that nobody declared stands beside the roots, with
/// no guarantee.
package struct ProjectTree: Sendable {
  /// Device types as quotas name them; empty is all types together.
  let kinds: [String]
  /// By kind: types of the topology; empty for all.
  let typesOfKind: [[Int32]]
  /// By project; -1: the root.
  private(set) var parents: [Int32] = []
  private(set) var weights: [Int32] = []
  private(set) var hasUserLimits: [Bool] = []
  /// `[project][kind]`, in devices. A parent that states none has what its children have together.
  private(set) var guaranteed: [[Int32]] = []
  /// Of `guaranteed`, what its children have.
  private(set) var ofChildren: [[Int32]] = []
  private var numbers: [String: Int32] = [:]

  package init(_ policy: Policy, _ topology: Topology) {
    var kinds: [String] = []
    for project in policy.projects {
      for quota in project.quotas where !kinds.contains(quota.deviceType) { kinds.append(quota.deviceType) }
    }
    self.kinds = kinds
    typesOfKind = kinds.map { name in
      guard !name.isEmpty else { return [] }
      return topology.deviceTypes.indices.filter { FleetMap.isNamed(topology.deviceTypes[$0].name, name) }
        .map { Int32($0) }
    }
    for (i, project) in policy.projects.enumerated() {
      let parent = numbers[project.parent] ?? -1
      numbers[project.name] = Int32(i)
      parents.append(parent)
      weights.append(project.weight)
      hasUserLimits.append(
        project.userLimits.devices != nil || project.userLimits.runningJobs != nil
          || (parent >= 0 && hasUserLimits[Int(parent)]))
      guaranteed.append(
        kinds.map { name in project.quotas.first { $0.deviceType == name }?.guaranteed ?? -1 })
    }
    // Children stand behind their parents: theirs is known when a parent's turn comes.
    var ofChildren = guaranteed.map { $0.map { _ in Int32(0) } }
    for i in policy.projects.indices.reversed() {
      for kind in kinds.indices {
        if guaranteed[i][kind] < 0 { guaranteed[i][kind] = ofChildren[i][kind] }
        if parents[i] >= 0 { ofChildren[Int(parents[i])][kind] &+= guaranteed[i][kind] }
      }
    }
    self.ofChildren = ofChildren
  }

  package var count: Int { parents.count }
  /// -1: not declared.
  package func number(_ project: String) -> Int32 { numbers[project] ?? -1 }

  /// From a project to its root.
  package func path(_ project: Int32) -> [Int32] {
    var (path, at): ([Int32], Int32) = ([], project)
    while at >= 0 {
      path.append(at)
      at = parents[Int(at)]
    }
    return path
  }

  func isWithin(_ project: Int32, _ ancestor: Int32) -> Bool {
    var at = project
    while at >= 0, at != ancestor { at = parents[Int(at)] }
    return at == ancestor
  }

  /// Whether a quota of this kind speaks of a device type.
  func counts(_ kind: Int, _ type: Int32) -> Bool { kinds[kind].isEmpty || typesOfKind[kind].contains(type) }
}
