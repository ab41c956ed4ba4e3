/// Named nodes for a job of several roles: role by role, in one order for the whole job.
extension Controller {
  /// The places of a round, and beside them those of roles without devices. nil: one of them is not what the round took it
  /// for, and nothing is taken.
  /// - Parameter isSmallest: as in `plainPlacement`.
  func placesOfRoles(
    _ slot: Int32, _ gangs: [(role: Int32, place: HeldPlace)], _ shared: [SharedNode], _ choice: inout NodeChoice,
    isSmallest: Bool = false
  ) -> [Place]? {
    let spec = cluster.specs[Int(slot)]
    let previous = spec.byRole(previousNodes(slot))
    var trial = choice
    var byRole = [[Place]](repeating: [], count: spec.roles.count)
    for (role, held) in gangs {
      let rule = nodeRule(slot, role: Int(role))
      let places = trial.choose(
        held, devicesPerNode: spec.roles[Int(role)].devicesPerNode, previous: previous[Int(role)], sharedNodes: shared,
        isAllowed: { allows(rule, $0) }, in: self)
      guard let places else { return nil }
      byRole[Int(role)] = places
    }
    guard addPlain(slot, previous, &byRole, isSmallest: isSmallest) else { return nil }
    choice = trial
    return byRole.flatMap { $0 }
  }

  /// Kept places with those of the job's roles without devices beside it; nil: they find none.
  func allPlaces(_ slot: Int32, _ claim: Claim) -> [Place]? {
    let spec = cluster.specs[Int(slot)]
    guard spec.hasRoles else { return claim.places }
    var byRole = [[Place]](repeating: [], count: spec.roles.count)
    for gang in claim.gangs { byRole[Int(gang.role)] = gang.places }
    guard addPlain(slot, spec.byRole(previousNodes(slot)), &byRole) else { return nil }
    return byRole.flatMap { $0 }
  }

  /// As `repair`, each role for itself.
  func repairedRoles(_ slot: Int32, _ topology: Topology) -> [Place]? {
    let spec = cluster.specs[Int(slot)]
    let previous = spec.byRole(previousNodes(slot))
    var choice = NodeChoice(topology: topology, index: fleetMap.index, nodeCount: cluster.nodes.count)
    var byRole = [[Place]](repeating: [], count: spec.roles.count)
    for (number, role) in spec.roles.enumerated() where role.devicesPerNode > 0 {
      let wishes = spec.wishes(ofRole: number)
      let rule = nodeRule(slot, role: number)
      let level = wishes.within.flatMap { $0.isRequired ? fleetMap.level(named: $0.level) : nil }
      let places = choice.repair(
        previous: previous[number], segment: wishes.segment, within: level, devicesPerNode: role.devicesPerNode,
        isExclusive: wishes.isExclusive, isAllowed: { allows(rule, $0) }, in: self)
      guard let places, isSpread(places.map(\.node), wishes) else { return nil }
      choice.give(places)
      byRole[number] = places
    }
    guard addPlain(slot, previous, &byRole) else { return nil }
    return byRole.flatMap { $0 }
  }

  private func addPlain(
    _ slot: Int32, _ previous: [[NodeID]], _ byRole: inout [[Place]], isSmallest: Bool = false
  ) -> Bool {
    for (number, role) in cluster.specs[Int(slot)].roles.enumerated() where role.devicesPerNode == 0 {
      let beside = byRole.flatMap { $0 }
      guard
        case .places(let places) = plainPlacement(
          slot, role: number, previous[number], beside: beside, isSmallest: isSmallest)
      else { return false }
      byRole[number] = places
    }
    return true
  }
}

extension JobSpec {
  /// It has devices that no round counts: all of the nodes that a role without devices is alone on.
  var hasUncounted: Bool {
    roles.indices.contains { roles[$0].devicesPerNode == 0 && wishes(ofRole: $0).isExclusive }
  }

  var isAnyExclusive: Bool { wishes.isExclusive || further.contains { $0.wishes.isExclusive } }
}
