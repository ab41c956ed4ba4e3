/// A place that running gangs have to leave: victims, domain and hold are chosen together.
///
/// Victims are chosen by counts in the domain that loses least, then the profile gets back what they hold and the gang is
/// placed in it as any other that starts now: what is held for it is exactly as free as it looks. If that fails nothing
/// has happened.
extension Planner {
  /// A quick look at whether anybody may be stopped for it.
  func mayPreempt(_ gang: borrowing PendingGang) -> Bool {
    guard !victims.isEmpty else { return false }
    if gang.mayPreempt, victims.lowestPriority < gang.priority || victims.mayTakeTurn(gang) { return true }
    return gang.owner >= 0 && victims.hasGuarantees
  }

  /// True if the gang has an answer now.
  mutating func preempt(
    _ gang: borrowing PendingGang, _ view: borrowing PlanningView, _ round: inout PlanningRound
  ) -> Bool {
    guard round.preemptions < view.mode.preemptions, gang.begin <= view.now else { return false }
    let firstReason = round.reasons.count
    // Whole nodes are made free for parts of several, too; what it does not use of them is others'.
    let mix = mix(gang)
    let isByMember = mix == .only || mix == .first
    for ask in asks(gang, &round) {
      guard !failedTakes.isKnown(ask, gang), let rights = victims.rights(gang, ask.type, ask.charge) else { continue }
      let last = grid.lastBucket(from: 0, units: ask.search.units)
      if let chosen = chooseVictims(ask, rights, gang, view, last),
        isByMember ? holdMixed(gang, for: chosen, view, &round) : hold(ask, for: chosen, view, &round)
      {
        round.reasons.removeSubrange(firstReason...)
        round.preemptions += 1
        failedTakes.removeAll()
        return true
      }
      failedTakes.note(ask, gang)
    }
    round.reasons.removeSubrange(firstReason...)
    return false
  }

  /// Type by type; where no type alone has enough nodes, kind by kind.
  private mutating func asks(_ gang: borrowing PendingGang, _ round: inout PlanningRound) -> [Ask] {
    let ofTypes = types(gang).compactMap { possible(gang, $0, now: round.now, &round.reasons) }
    guard ofTypes.isEmpty, mix(gang) != .none else { return ofTypes }
    return MemberOffers(topology: topology).kinds(gang).filter { $0.count > 1 }.map { kind in
      let segments = gang.nodes / gang.segment
      let units = gang.walltime.map(grid.units) ?? grid.units(grid.horizon)
      let required = gang.within.flatMap { $0.isRequired ? $0.level : nil } ?? -1
      return Ask(
        type: kind[0], nodes: gang.nodes, partDevices: 0,
        search: WindowSearch(
          least: gang.nodes, test: tables.test(size: Int(gang.segment), segments: Int(segments)), units: units),
        begin: 0, level: required + 1, project: gang.project, charge: kind.map { charge(gang, $0) }.max() ?? 0,
        owner: gang.owner,
        classes: gangBounds.classes(
          nodes: gang.nodes, segment: gang.segment, segments: segments, partDevices: 0, units: units), isOfKind: true)
    }
  }

  private func isLookedAt(_ type: Int32, _ ask: Ask) -> Bool {
    if type == ask.type { return true }
    return ask.isOfKind && topology.deviceTypes[Int(type)].name == topology.deviceTypes[Int(ask.type)].name
      && topology.deviceTypes[Int(type)].devicesPerNode >= topology.deviceTypes[Int(ask.type)].devicesPerNode
  }

  /// The victims' places are free, the gang has its own, and the round says so; or nothing has changed.
  private mutating func hold(
    _ ask: Ask, for chosen: [Int32], _ view: borrowing PlanningView, _ round: inout PlanningRound
  ) -> Bool {
    release(chosen, view, sign: 1)
    // Bounds of this round speak of a profile that only shrinks.
    let ignored = ignoresBounds
    ignoresBounds = true
    defer { ignoresBounds = ignored }
    guard let found = earliest(ask, before: 1), found.bucket == 0 else {
      release(chosen, view, sign: -1)
      return false
    }
    hold(ask, 0, found.level, PlanningRound.WaitNumbers(), &round)
    capacity.bumpVersion()
    note(chosen, view, &round)
    return true
  }

  /// The last answer is that these are stopped for it.
  mutating func note(_ chosen: [Int32], _ view: borrowing PlanningView, _ round: inout PlanningRound) {
    round.entries[round.entries.count - 1].kind = .preempting
    round.entries[round.entries.count - 1].firstVictim = Int32(round.victims.count)
    round.entries[round.entries.count - 1].victimCount = Int32(chosen.count)
    // Taken out of the planner meanwhile: a table that two names hold is copied at every change.
    var table = VictimTable()
    swap(&table, &victims)
    for number in chosen {
      let candidate = table.candidates[Int(number)]
      round.victims.append(candidate.attempt)
      isVictim[Int(number)] = true
      count(candidate, view, &table)
    }
    swap(&table, &victims)
  }

  /// It uses nothing any more.
  private func count(_ candidate: borrowing Candidate, _ view: borrowing PlanningView, _ table: inout VictimTable) {
    guard !candidate.isLeaving else { return }
    for i in candidate.entries {
      switch view.running[i].place {
      case .whole(let places):
        for place in places {
          let type = topology.leaves[Int(place.leaf)].deviceType
          let devices = place.nodes * topology.deviceTypes[Int(type)].devicesPerNode
          table.count(candidate.owner, type, -devices)
        }
      case .away(let type, let devices): table.count(candidate.owner, type, -devices)
      case .part(let lane, let devices):
        let type = topology.leaves[Int(view.sharedNodes[Int(lane)].leaf)].deviceType
        table.count(candidate.owner, type, -devices)
      }
    }
  }

  /// Gives back what gangs hold (`sign` 1), or takes it again (-1).
  mutating func release(_ chosen: [Int32], _ view: borrowing PlanningView, sign: Int32) {
    var whole: [(place: LeafNodes, last: Int)] = []
    let ends = NodeEnds(grid: grid)
    for number in chosen {
      for i in victims.candidates[Int(number)].entries {
        let last = ends.lastBucket(of: view.running[i], at: view.now)
        quotas.count(view.running[i], view, topology, through: last, sign: -sign)
        switch view.running[i].place {
        case .whole(let places): for place in places { whole.append((place, last)) }
        case .away: break
        case .part(let lane, let devices):
          shared.give(sign * devices, lane: Int(lane), through: last, nodes, view)
        }
      }
    }
    nodes.give(whole, sign: sign, view)
  }

  // MARK: Choosing

  private mutating func chooseVictims(
    _ ask: Ask, _ rights: VictimRights, _ gang: borrowing PendingGang, _ view: borrowing PlanningView, _ last: Int
  ) -> [Int32]? {
    let chosen =
      ask.partDevices > 0
      ? victimsForPart(ask, rights, gang.filter, view, last) : victimsForNodes(ask, rights, gang, view, last)
    guard let chosen else { return nil }
    return withQuota(ask, rights, view, chosen)
  }

  private func isAvailable(_ number: Int, _ rights: VictimRights) -> Bool {
    !isVictim[number] && victims.mayStop(victims.candidates[number], rights)
  }

  /// The cheapest that leave enough of one node.
  private func victimsForPart(
    _ ask: Ask, _ rights: VictimRights, _ filter: Int32, _ view: borrowing PlanningView, _ last: Int
  ) -> [Int32]? {
    var best: (gangs: [Int32], cost: Int64)?
    for (lane, node) in view.sharedNodes.enumerated() where topology.leaves[Int(node.leaf)].deviceType == ask.type {
      guard let parts = victims.ofShared[lane], mayHave(lane, filter, view) else { continue }
      var left = ask.partDevices - Int32(shared.least(lane: lane, through: last))
      var (gangs, cost): ([Int32], Int64) = ([], 0)
      let usable = parts.filter { isAvailable(Int($0), rights) }
      for number in usable.sorted(by: { victims.candidates[Int($0)].cost < victims.candidates[Int($1)].cost })
      where left > 0 {
        gangs.append(number)
        cost += victims.candidates[Int(number)].cost
        left -= devices(of: number, lane: lane, view)
      }
      if left <= 0, !gangs.isEmpty, cost < best?.cost ?? .max { best = (gangs, cost) }
    }
    let units = units(ask, rights, filter, view)
    for i in order(units, ask, rights, view) where units.units[i].cost < best?.cost ?? .max {
      best = (Array(units.gangs[units.units[i].gangs]), units.units[i].cost)
    }
    return best?.gangs
  }

  private func devices(of number: Int32, lane: Int, _ view: borrowing PlanningView) -> Int32 {
    var sum: Int32 = 0
    for i in victims.candidates[Int(number)].entries {
      if case .part(let at, let devices) = view.running[i].place, Int(at) == lane { sum += devices }
    }
    return sum
  }

  /// What can be freed for the gang.
  private func units(
    _ ask: Ask, _ rights: VictimRights, _ filter: Int32, _ view: borrowing PlanningView
  ) -> VictimUnits {
    var found = VictimUnits()
    found.reserve(victims.candidates.count)
    for number in victims.candidates.indices where isAvailable(number, rights) {
      let candidate = victims.candidates[number]
      for place in wholeNodes(number, filter, view)
      where isLookedAt(topology.leaves[Int(place.leaf)].deviceType, ask) { found.add(place: place) }
      found.add(gang: Int32(number))
      found.addUnit(cost: candidate.cost)
    }
    for (lane, node) in view.sharedNodes.enumerated()
    where isLookedAt(topology.leaves[Int(node.leaf)].deviceType, ask) {
      guard let parts = victims.ofShared[lane], !parts.isEmpty, mayHave(lane, filter, view),
        parts.allSatisfy({ isAvailable(Int($0), rights) })
      else { continue }
      for number in parts { found.add(gang: number) }
      found.add(place: LeafNodes(leaf: node.leaf, nodes: 1))
      found.addUnit(cost: parts.reduce(0) { $0 + victims.candidates[Int($1)].cost })
    }
    return found
  }

  /// Of a candidate, those that the gang may have.
  private func wholeNodes(_ number: Int, _ filter: Int32, _ view: borrowing PlanningView) -> [LeafNodes] {
    if filter >= 0 { return view.filters[Int(filter)].ofVictims[number] }
    var nodes: [LeafNodes] = []
    for i in victims.candidates[number].entries {
      if case .whole(let places) = view.running[i].place { nodes += places }
    }
    return nodes
  }

  private func mayHave(_ sharedNode: Int, _ filter: Int32, _ view: borrowing PlanningView) -> Bool {
    filter < 0 || view.filters[Int(filter)].shared[sharedNode]
  }

  /// Numbers of units, the least loss for a node first. A project is taken from until it has no more than its guarantee.
  private func order(
    _ units: VictimUnits, _ ask: Ask, _ rights: VictimRights, _ view: borrowing PlanningView
  ) -> [Int] {
    let order = VictimUnits.byLoss(units.count) { (units.units[$0].cost, units.units[$0].nodes) }
    guard victims.hasGuarantees else { return order }
    var table = victims
    return order.filter { i in
      let gangs = units.units[i].gangs
      guard gangs.allSatisfy({ table.mayStop(victims.candidates[Int(units.gangs[$0])], rights) }) else { return false }
      for at in gangs { count(victims.candidates[Int(units.gangs[at])], view, &table) }
      return true
    }
  }

  private mutating func victimsForNodes(
    _ ask: Ask, _ rights: VictimRights, _ gang: borrowing PendingGang, _ view: borrowing PlanningView, _ last: Int
  ) -> [Int32]? {
    let filter = gang.filter
    let freed = filter < 0 ? [] : freed(by: victimsOfRoles, filter, view)
    var free = [Int32](repeating: 0, count: topology.leaves.count)
    for group in layout.groups.indices where isLookedAt(layout.groups[group].type, ask) {
      _ = nodes.count(ask.search.test, group: group, from: 0, through: last)
      let row = nodes.row(0, group)
      for lane in 0..<layout.groups[group].lanes {
        let leaf = layout.leafOfLane[layout.groups[group].firstLane + lane]
        free[Int(leaf)] = Int32(row.load(fromByteOffset: lane, as: UInt8.self))
        if filter >= 0 {
          let own = view.filters[Int(filter)].free[Int(leaf)] + freed[Int(leaf)]
          free[Int(leaf)] = min(free[Int(leaf)], own)
        }
      }
    }
    let units = units(ask, rights, filter, view)
    // Not even if all of them leave.
    let most = units.units.reduce(0) { $0 + Int($1.nodes) } + free.reduce(0) { $0 + Int($1) }
    guard most >= Int(ask.nodes) else { return nil }
    var search = VictimSearch(
      free: free, size: Int32(ask.search.test.size), segments: Int32(ask.search.test.segments), units: units,
      order: order(units, ask, rights, view))
    let isOneLeaf = ask.search.test.segments == 1
    if isOneLeaf {
      let domains = leavesAsDomains()
      search.spread = spread(gang, inside: domains, level: topology.levels.count)
      return search.choose(of: domains).map { self.gangs(of: $0, units) }
    }
    // The innermost level that will do, unless the loss is half as large further out.
    var best: (units: [Int], cost: Int64)?
    // Leaves of several types may lie in one rack.
    for level in stride(from: layout.groupLevel + (ask.isOfKind ? 1 : 0), through: ask.level, by: -1) {
      let domains = domainOfLeaf(level: level, ask)
      // A level of the layout has the fleet before those of the topology.
      search.spread = spread(gang, inside: domains, level: level - 1)
      guard let found = search.choose(of: domains) else { continue }
      let cost = search.cost(of: found)
      if best == nil || cost < (best?.cost ?? 0) / 2 { best = (found, cost) }
    }
    return best.map { gangs(of: $0.units, units) }
  }

  /// What the gang's spread says of domains of a level of the topology (-1: the fleet): those of its own level where they
  /// are smaller, else each of the domains lies in one of them.
  private func spread(
    _ gang: borrowing PendingGang, inside domains: [Int32], level: Int
  ) -> VictimSearch.Spread? {
    guard let spread = gang.spread else { return nil }
    let places = MemberOffers(topology: topology)
    let own = spread.level > level ? topology.leaves.indices.map { places.domain(Int32($0), spread.level) } : domains
    return VictimSearch.Spread(domains: own, segments: spread.atMost / gang.segment)
  }

  private func leavesAsDomains() -> [Int32] { topology.leaves.indices.map { Int32($0) } }

  /// -1: of another type.
  private func domainOfLeaf(level: Int, _ ask: Ask) -> [Int32] {
    let places = MemberOffers(topology: topology)
    return topology.leaves.indices.map { leaf in
      guard isLookedAt(topology.leaves[leaf].deviceType, ask) else { return -1 }
      if ask.isOfKind { return places.domain(Int32(leaf), level - 1) }
      return topology.leaves[leaf].deviceType == ask.type
        ? Int32(layout.domain(ofGroup: Int(layout.groupOfLeaf[leaf]), level: level)) : -1
    }
  }

  /// Each once.
  private func gangs(of chosen: [Int], _ units: VictimUnits) -> [Int32] {
    var (seen, list): (Set<Int32>, [Int32]) = ([], [])
    for unit in chosen {
      for at in units.units[unit].gangs where seen.insert(units.gangs[at]).inserted { list.append(units.gangs[at]) }
    }
    return list
  }

  /// And so many more that the project may have it.
  private mutating func withQuota(
    _ ask: Ask, _ rights: VictimRights, _ view: borrowing PlanningView, _ chosen: [Int32]
  ) -> [Int32]? {
    var chosen = chosen
    guard ask.project >= 0 else { return chosen }
    let ends = NodeEnds(grid: grid)
    func count(_ number: Int32, _ sign: Int32, _ quotas: borrowing QuotaProfile) {
      for i in victims.candidates[Int(number)].entries {
        quotas.count(
          view.running[i], view, topology, through: ends.lastBucket(of: view.running[i], at: view.now), sign: sign)
      }
    }
    for number in chosen { count(number, -1, quotas) }
    defer { for number in chosen { count(number, 1, quotas) } }
    func isAllowed(_ quotas: borrowing QuotaProfile) -> Bool {
      quotas.firstStart(ask.project, ask.type, ask.charge, units: ask.search.units, from: 0, before: 1) == 0
    }
    if isAllowed(quotas) { return chosen }
    let others = victims.candidates.indices
      .filter { number in
        !chosen.contains(Int32(number)) && isAvailable(number, rights)
          && quotas.rules.shareRows(view.running[victims.candidates[number].entries.lowerBound].project, ask.project)
      }
      .sorted { victims.candidates[$0].cost < victims.candidates[$1].cost }
    for number in others.prefix(256) {
      chosen.append(Int32(number))
      count(Int32(number), -1, quotas)
      if isAllowed(quotas) { return chosen }
    }
    return nil
  }
}
