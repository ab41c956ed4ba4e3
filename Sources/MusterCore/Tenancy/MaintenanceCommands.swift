extension Controller {
  /// Plans a time in which nodes take no work; the window's number is the core's to give.
  mutating func add(_ wanted: Maintenance) -> Reply {
    guard wanted.to > wanted.from, wanted.to > now else { return .refused(.maintenanceIsPast) }
    if let refusal = refusal(ofPlace: wanted) { return .refused(refusal) }
    // What is over says nothing to anybody any more.
    for window in cluster.maintenance where window.to <= now { note(.maintenanceRemoved(id: window.id)) }
    guard cluster.maintenance.count < limits.maintenance else {
      return .refused(.tooManyMaintenances(limit: limits.maintenance))
    }
    var window = wanted
    window.id = cluster.nextMaintenance
    note(.maintenanceAdded(window))
    mustSchedule = true
    return .done
  }

  mutating func removeMaintenance(_ id: Int64) -> Reply {
    guard cluster.maintenance.contains(where: { $0.id == id }) else { return .refused(.noSuchMaintenance(id)) }
    note(.maintenanceRemoved(id: id))
    mustSchedule = true
    return .done
  }

  private func refusal(ofPlace window: Maintenance) -> Refusal? {
    if !window.nodes.isEmpty {
      do throws(NodeNames.Problem) {
        return try NodeNames.expand(window.nodes).first { cluster.node(named: $0) == nil }.map { .noSuchNode($0) }
      } catch {
        return .noSuchNode(window.nodes)
      }
    }
    guard !window.level.isEmpty else { return nil }
    let levels = cluster.policy.topology.effectiveLevels
    guard let level = levels.firstIndex(of: window.level) else {
      return .noSuchLevel(window.level, known: levels)
    }
    let isDeclared = cluster.policy.topology.places.contains { $0.domains[level] == window.domain }
    let isLabelled = cluster.nodeDetails.contains { detail in
      detail.labels.contains { $0.key == window.level && $0.value == window.domain }
    }
    return isDeclared || isLabelled ? nil : .noSuchDomain(window.domain, level: window.level)
  }
}
