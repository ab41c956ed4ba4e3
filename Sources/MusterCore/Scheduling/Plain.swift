/// Gangs that ask for no devices: nothing of theirs is planned ahead, they are placed at once.
extension Controller {
  mutating func startPlain(_ slot: Int32) {
    // Roles may share nodes.
    let roles = cluster.specs[Int(slot)].hasRoles ? cluster.specs[Int(slot)].roles.map(\.nodes) : []
    guard cluster.fits(count: roles.max() ?? cluster.jobs[slot].nodes, devices: 0) else { return }
    refreshMap()
    if case .places(let places) = placesWithinQuota(slot) { begin(slot, places) }
  }

  enum PlainAnswer {
    case places([Place])
    case waits(WaitReason)
    /// So many devices are more than its project may have now.
    case overQuota(devices: Int)
  }

  /// Alone on its nodes a gang has their devices, whether it asked for any or not: where its quota does not let it have
  /// those of the nearest nodes, those of the smallest may do.
  func placesWithinQuota(_ slot: Int32) -> PlainAnswer {
    var over: Int?
    for isSmallest in [false, true] {
      switch plainPlacement(slot, isSmallest: isSmallest) {
      case .waits(let why): if over == nil { return .waits(why) }
      case .places(let places):
        let devices = places.reduce(0) { $0 + $1.devices.nonzeroBitCount }
        var quotas = devices > 0 ? quotaCount() : nil
        if isWithinQuota(slot, places, &quotas) { return .places(places) }
        over = min(over ?? .max, devices)
      }
    }
    return .overQuota(devices: over ?? 0)
  }

  /// - Parameters:
  ///   - ignoresMaintenance: what it would come to if none were planned.
  ///   - isSmallest: roles that are alone get the nodes with fewest devices, as far apart as they may be.
  func plainPlacement(
    _ slot: Int32, ignoresMaintenance: Bool = false, isSmallest: Bool = false
  ) -> PlacementAnswer {
    guard cluster.specs[Int(slot)].hasRoles else {
      return plainPlacement(
        slot, role: 0, previousNodes(slot), ignoresMaintenance: ignoresMaintenance, isSmallest: isSmallest)
    }
    var places: [Place] = []
    for (number, previous) in cluster.specs[Int(slot)].byRole(previousNodes(slot)).enumerated() {
      switch plainPlacement(
        slot, role: number, previous, beside: places, ignoresMaintenance: ignoresMaintenance, isSmallest: isSmallest)
      {
      case .places(let own): places += own
      case .waits(let why): return .waits(why)
      }
    }
    return .places(places)
  }

  /// - Parameter beside: what other roles of the job get: nobody is put beside one that is to be alone.
  func plainPlacement(
    _ slot: Int32, role number: Int, _ previous: [NodeID], beside: [Place] = [], ignoresMaintenance: Bool = false,
    isSmallest: Bool = false
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
      spec.role, spec.wishes, rule, previous, not: isAlone ? Set(beside.map(\.node)) : [], isSmallest: isSmallest)
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
  /// - Parameter isSmallest: of the domains that it must not leave, the one in which it has fewest devices.
  private func shapedPlacement(
    _ role: RoleSpec, _ wishes: Wishes, _ rule: NodeRule, _ before: [NodeID], not taken: Set<NodeID>, isSmallest: Bool
  ) -> PlacementAnswer {
    var usable: [NodeID] = []
    var capable: Int32 = 0
    let previous = Set(before)
    for i in cluster.nodes.indices {
      let node = NodeID(Int32(i))
      guard !rule.excluded.contains(node.index), matches(node, rule.constraint), isOfType(node, rule.deviceTypes)
      else { continue }
      capable += 1
      let isUsable =
        free(node) != nil && !isTakenAlone(node) && allows(rule, node) && (!wishes.isExclusive || isIdle(node))
        && !taken.contains(node)
      if isUsable { usable.append(node) }
    }
    // Those it had before come first.
    usable = before.filter { usable.contains($0) } + usable.filter { !previous.contains($0) }
    if isSmallest {
      // Others leave the small ones to those that are alone.
      let sign: Int32 = wishes.isExclusive ? 1 : -1
      let sizes = usable.map { (sign * cluster.nodes[Int($0.index)].devices, $0) }
      usable = sizes.sorted { ($0.0, $0.1.index) < ($1.0, $1.1.index) }.map(\.1)
    }
    let required = wishes.within.flatMap { $0.isRequired ? fleetMap.level(named: $0.level) : nil } ?? -1
    for level in stride(from: isSmallest ? required : fleetMap.levels.count - 1, through: required, by: -1) {
      var best: (nodes: [NodeID], devices: Int32)?
      for own in inDomains(usable, level) where best == nil || isSmallest {
        let nodes = segments(of: own, role.nodes, wishes)
        guard nodes.count == Int(role.nodes) else { continue }
        let devices = nodes.reduce(0) { $0 + cluster.nodes[Int($1.index)].devices }
        if devices < best?.devices ?? .max { best = (nodes, devices) }
      }
      if let best {
        return .places(best.nodes.map { Place(node: $0, devices: wishes.isExclusive ? (free($0) ?? 0) : 0) })
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

  /// The nodes of each domain, in the order of their first ones.
  private func inDomains(_ nodes: [NodeID], _ level: Int) -> [[NodeID]] {
    var (byDomain, order): ([Int32: [NodeID]], [Int32]) = ([:], [])
    for node in nodes {
      let at = domain(node, level)
      if byDomain[at] == nil { order.append(at) }
      byDomain[at, default: []].append(node)
    }
    return order.map { byDomain[$0] ?? [] }
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
  func domain(_ node: NodeID, _ level: Int) -> Int32 {
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
