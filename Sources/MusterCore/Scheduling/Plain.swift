/// Gangs that ask for no devices: nothing of theirs is planned ahead, they are placed at once.
extension Controller {
  mutating func startPlain(_ slot: Int32) {
    // Roles may share nodes.
    let roles = cluster.specs[Int(slot)].hasRoles ? cluster.specs[Int(slot)].roles.map(\.nodes) : []
    guard cluster.fits(count: roles.max() ?? cluster.jobs[slot].nodes, devices: 0) else { return }
    refreshMap()
    guard case .places(let places) = plainPlacement(slot) else { return }
    // Alone on its nodes it has their devices, whether it asked for any or not.
    var quotas = places.contains { $0.devices != 0 } ? quotaCount() : nil
    if isWithinQuota(slot, places, &quotas) { begin(slot, places) }
  }

  /// - Parameter ignoresMaintenance: what it would come to if none were planned.
  func plainPlacement(_ slot: Int32, ignoresMaintenance: Bool = false) -> PlacementAnswer {
    guard cluster.specs[Int(slot)].hasRoles else {
      return plainPlacement(slot, role: 0, previousNodes(slot), ignoresMaintenance: ignoresMaintenance)
    }
    var places: [Place] = []
    for (number, previous) in cluster.specs[Int(slot)].byRole(previousNodes(slot)).enumerated() {
      switch plainPlacement(
        slot, role: number, previous, beside: places, ignoresMaintenance: ignoresMaintenance)
      {
      case .places(let own): places += own
      case .waits(let why): return .waits(why)
      }
    }
    return .places(places)
  }

  /// - Parameter beside: what other roles of the job get: nobody is put beside one that is to be alone.
  func plainPlacement(
    _ slot: Int32, role number: Int, _ previous: [NodeID], beside: [Place] = [], ignoresMaintenance: Bool = false
  ) -> PlacementAnswer {
    let spec = cluster.specs[Int(slot)].alone(number)
    guard !spec.wishes.isEmpty || !fleetMap.windows.isEmpty || !beside.isEmpty else {
      return FirstFit.place(
        PlacementRequest(nodes: spec.role.nodes, devicesPerNode: 0, previous: previous), in: self)
    }
    let isAlone = spec.wishes.isExclusive || cluster.specs[Int(slot)].isAnyExclusive
    var rule = nodeRule(slot, role: number)
    if ignoresMaintenance { rule.until = .zero }
    return shapedPlacement(
      spec.role, spec.wishes, rule, previous, not: isAlone ? Set(beside.map(\.node)) : [])
  }

  /// When the first maintenance begins that keeps a gang from nodes that would take it now; nil: none does.
  func maintenanceInTheWay(_ slot: Int32) -> Instant? {
    var first: Instant?
    for number in cluster.specs[Int(slot)].roles.indices {
      var rule = nodeRule(slot, role: number)
      let until = rule.until
      rule.until = .zero
      for window in fleetMap.windows where window.from < until && window.to > now && window.from < first ?? .never {
        let isInTheWay = window.nodes.indices.contains { i in
          window.nodes[i] && free(NodeID(Int32(i))) != nil && allows(rule, NodeID(Int32(i)))
        }
        if isInTheWay { first = window.from }
      }
    }
    return first
  }

  /// The first innermost domain, else the first one further out, that holds all of its segments.
  private func shapedPlacement(
    _ role: RoleSpec, _ wishes: Wishes, _ rule: NodeRule, _ before: [NodeID], not taken: Set<NodeID>
  ) -> PlacementAnswer {
    var usable: [NodeID] = []
    var capable: Int32 = 0
    let previous = Set(before)
    for i in cluster.nodes.indices {
      let node = NodeID(Int32(i))
      guard !rule.excluded.contains(node.index), matches(node, rule.constraint) else { continue }
      capable += 1
      let isUsable =
        free(node) != nil && !isTakenAlone(node) && allows(rule, node) && (!wishes.isExclusive || isIdle(node))
        && !taken.contains(node)
      if isUsable { usable.append(node) }
    }
    // Those it had before come first.
    usable = before.filter { usable.contains($0) } + usable.filter { !previous.contains($0) }
    let inner = fleetMap.levels.count - 1
    let required = wishes.within.flatMap { $0.isRequired ? fleetMap.level(named: $0.level) : nil } ?? -1
    for level in stride(from: inner, through: required, by: -1) {
      var byDomain: [Int32: [NodeID]] = [:]
      var order: [Int32] = []
      for node in usable {
        let at = domain(node, level)
        if byDomain[at] == nil { order.append(at) }
        byDomain[at, default: []].append(node)
      }
      for at in order {
        let chosen = segments(of: byDomain[at] ?? [], role.nodes, wishes)
        if chosen.count == Int(role.nodes) {
          return .places(
            chosen.map { Place(node: $0, devices: wishes.isExclusive ? (free($0) ?? 0) : 0) })
        }
      }
    }
    if capable < role.nodes {
      return .waits(.fleetTooSmall(needed: role.nodes, capable: capable, devicesPerNode: 0))
    }
    if usable.count >= Int(role.nodes) { return .waits(.notInShape(needed: role.nodes, shape: Self.shapeText(wishes))) }
    return .waits(
      .nodesBusy(
        needed: role.nodes, fitting: Int32(usable.count), ready: readyNodes, total: Int32(cluster.nodes.count)))
  }

  /// Whether these nodes hold the gang in its shape.
  func holdsPlain(_ nodes: [NodeID], _ needed: Int32, _ wishes: Wishes) -> Bool {
    let required = wishes.within.flatMap { $0.isRequired ? fleetMap.level(named: $0.level) : nil } ?? -1
    var byDomain: [Int32: [NodeID]] = [:]
    for node in nodes { byDomain[domain(node, required), default: []].append(node) }
    return byDomain.values.contains { segments(of: $0, needed, wishes).count == Int(needed) }
  }

  private func isIdle(_ node: NodeID) -> Bool {
    let hot = cluster.nodes[Int(node.index)]
    return hot.members == 0 && free(node) == Cluster.mask(hot.devices)
  }

  /// -1 is the fleet.
  private func domain(_ node: NodeID, _ level: Int) -> Int32 {
    guard level >= 0, Int(node.index) < fleetMap.domainOfNode[level].count else { return 0 }
    return fleetMap.domainOfNode[level][Int(node.index)]
  }

  /// Nodes for whole segments, each of one innermost domain, as far as the spread allows.
  private func segments(of nodes: [NodeID], _ needed: Int32, _ wishes: Wishes) -> [NodeID] {
    let inner = fleetMap.levels.count - 1
    let spread = wishes.spread.flatMap { spread in fleetMap.level(named: spread.level).map { ($0, spread.atMost) } }
    var (open, inSpread): ([Int32: [NodeID]], [Int32: Int32]) = ([:], [:])
    var chosen: [NodeID] = []
    for node in nodes where chosen.count < Int(needed) {
      let at = domain(node, inner)
      open[at, default: []].append(node)
      guard let segment = open[at], segment.count == Int(wishes.segment) else { continue }
      open[at] = []
      if let (level, atMost) = spread {
        // A segment lies in one domain of every level.
        let place = domain(node, level)
        guard inSpread[place, default: 0] + wishes.segment <= atMost else { continue }
        inSpread[place, default: 0] += wishes.segment
      }
      chosen += segment
    }
    return chosen
  }
}
