/// Something that can be freed: a gang's whole nodes, or a node that gangs share.
struct VictimUnit {
  /// Indices in `VictimTable.candidates`.
  var gangs: [Int32]
  var frees: [LeafNodes]
  var cost: Int64

  var nodes: Int32 { frees.reduce(0) { $0 + $1.nodes } }
}

/// A place that running gangs have to leave: victims, domain and hold are chosen together.
///
/// Victims are chosen by counts in the domain that loses least, then the profile gets back what they hold and the gang is
/// placed in it as any other that starts now: what is held for it is exactly as free as it looks. If that fails nothing
/// has happened.
extension Planner {
  /// A quick look at whether anybody may be stopped for it.
  func mayPreempt(_ gang: borrowing PendingGang) -> Bool {
    guard !victims.isEmpty else { return false }
    if gang.mayPreempt, victims.lowestPriority < gang.priority { return true }
    return gang.owner >= 0 && victims.hasGuarantees
  }

  /// True if the gang has an answer now.
  mutating func preempt(
    _ gang: borrowing PendingGang, _ view: borrowing PlanningView, _ round: inout PlanningRound
  ) -> Bool {
    guard round.preemptions < view.mode.preemptions, gang.begin <= view.now else { return false }
    let firstReason = round.reasons.count
    for type in types(gang) {
      guard let ask = possible(gang, type, now: round.now, &round.reasons),
        victims.mayTake(gang, type, ask.charge)
      else { continue }
      let last = grid.lastBucket(from: 0, units: ask.search.units)
      guard let chosen = chooseVictims(ask, gang, view, last) else { continue }
      if hold(ask, for: chosen, view, &round) {
        round.reasons.removeSubrange(firstReason...)
        round.preemptions += 1
        return true
      }
    }
    round.reasons.removeSubrange(firstReason...)
    return false
  }

  /// The victims' places are free, the gang has its own, and the round says so; or nothing has changed.
  private mutating func hold(
    _ ask: Ask, for chosen: [Int32], _ view: borrowing PlanningView, _ round: inout PlanningRound
  ) -> Bool {
    release(chosen, view, sign: 1)
    // Bounds of this round speak of a profile that only shrinks.
    ignoresBounds = true
    defer { ignoresBounds = false }
    guard let found = earliest(ask, before: 1), found.bucket == 0 else {
      release(chosen, view, sign: -1)
      return false
    }
    hold(ask, 0, found.level, PlanningRound.WaitNumbers(), &round)
    capacity.bumpVersion()
    round.entries[round.entries.count - 1].kind = .preempting
    round.entries[round.entries.count - 1].firstVictim = Int32(round.victims.count)
    round.entries[round.entries.count - 1].victimCount = Int32(chosen.count)
    for number in chosen {
      let candidate = victims.candidates[Int(number)]
      round.victims.append(candidate.attempt)
      isVictim[Int(number)] = true
      var table = victims
      count(candidate, view, &table)
      victims = table
    }
    return true
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
      case .part(let lane, let devices):
        let type = topology.leaves[Int(view.sharedNodes[Int(lane)].leaf)].deviceType
        table.count(candidate.owner, type, -devices)
      }
    }
  }

  /// Gives back what gangs hold (`sign` 1), or takes it again (-1).
  private mutating func release(_ chosen: [Int32], _ view: borrowing PlanningView, sign: Int32) {
    var whole: [(place: LeafNodes, last: Int)] = []
    let ends = NodeEnds(grid: grid)
    for number in chosen {
      for i in victims.candidates[Int(number)].entries {
        let last = ends.lastBucket(of: view.running[i], at: view.now)
        quotas.count(view.running[i], view, topology, through: last, sign: -sign)
        switch view.running[i].place {
        case .whole(let places): for place in places { whole.append((place, last)) }
        case .part(let lane, let devices):
          shared.give(sign * devices, lane: Int(lane), through: last, nodes, view)
        }
      }
    }
    nodes.give(whole, sign: sign, view)
  }

  // MARK: Choosing

  private mutating func chooseVictims(
    _ ask: Ask, _ gang: borrowing PendingGang, _ view: borrowing PlanningView, _ last: Int
  ) -> [Int32]? {
    var chosen: [Int32]?
    if ask.partDevices > 0 {
      chosen = victimsForPart(ask, gang, view, last)
    } else {
      chosen = victimsForNodes(ask, gang, view, last)
    }
    guard let chosen else { return nil }
    return withQuota(ask, gang, view, chosen)
  }

  private func isAvailable(_ number: Int, _ ask: Ask, _ gang: borrowing PendingGang) -> Bool {
    !isVictim[number] && victims.mayStop(victims.candidates[number], for: gang, ask.type, ask.charge)
  }

  /// The cheapest that leave enough of one node.
  private func victimsForPart(
    _ ask: Ask, _ gang: borrowing PendingGang, _ view: borrowing PlanningView, _ last: Int
  ) -> [Int32]? {
    var best: (gangs: [Int32], cost: Int64)?
    for (lane, node) in view.sharedNodes.enumerated() where topology.leaves[Int(node.leaf)].deviceType == ask.type {
      guard let parts = victims.ofShared[lane] else { continue }
      var left = ask.partDevices - Int32(shared.least(lane: lane, through: last))
      var (gangs, cost): ([Int32], Int64) = ([], 0)
      let usable = parts.filter { isAvailable(Int($0), ask, gang) }
      for number in usable.sorted(by: { victims.candidates[Int($0)].cost < victims.candidates[Int($1)].cost })
      where left > 0 {
        gangs.append(number)
        cost += victims.candidates[Int(number)].cost
        left -= devices(of: number, lane: lane, view)
      }
      if left <= 0, !gangs.isEmpty, cost < best?.cost ?? .max { best = (gangs, cost) }
    }
    for unit in units(ask, gang, view) where unit.cost < best?.cost ?? .max { best = (unit.gangs, unit.cost) }
    return best?.gangs
  }

  private func devices(of number: Int32, lane: Int, _ view: borrowing PlanningView) -> Int32 {
    for i in victims.candidates[Int(number)].entries {
      if case .part(let at, let devices) = view.running[i].place, Int(at) == lane { return devices }
    }
    return 0
  }

  /// What can be freed for the gang, the least loss for a node first.
  private func units(_ ask: Ask, _ gang: borrowing PendingGang, _ view: borrowing PlanningView) -> [VictimUnit] {
    var found: [VictimUnit] = []
    for number in victims.candidates.indices where isAvailable(number, ask, gang) {
      var frees: [LeafNodes] = []
      for i in victims.candidates[number].entries {
        guard case .whole(let places) = view.running[i].place else { continue }
        frees += places.filter { topology.leaves[Int($0.leaf)].deviceType == ask.type }
      }
      if !frees.isEmpty {
        found.append(VictimUnit(gangs: [Int32(number)], frees: frees, cost: victims.candidates[number].cost))
      }
    }
    for (lane, node) in view.sharedNodes.enumerated() where topology.leaves[Int(node.leaf)].deviceType == ask.type {
      guard let parts = victims.ofShared[lane], !parts.isEmpty,
        parts.allSatisfy({ isAvailable(Int($0), ask, gang) })
      else { continue }
      found.append(
        VictimUnit(
          gangs: parts, frees: [LeafNodes(leaf: node.leaf, nodes: 1)],
          cost: parts.reduce(0) { $0 + victims.candidates[Int($1)].cost }))
    }
    let density = found.map { Double($0.cost) / Double($0.nodes) }
    let order = found.indices.sorted { density[$0] != density[$1] ? density[$0] < density[$1] : $0 < $1 }
    // A project is taken from until it has no more than its guarantee.
    var table = victims
    var units: [VictimUnit] = []
    units.reserveCapacity(found.count)
    for i in order {
      let gangs = found[i].gangs
      guard gangs.allSatisfy({ table.mayStop(victims.candidates[Int($0)], for: gang, ask.type, ask.charge) }) else {
        continue
      }
      for number in gangs { count(victims.candidates[Int(number)], view, &table) }
      units.append(found[i])
    }
    return units
  }

  private mutating func victimsForNodes(
    _ ask: Ask, _ gang: borrowing PendingGang, _ view: borrowing PlanningView, _ last: Int
  ) -> [Int32]? {
    var free = [Int32](repeating: 0, count: topology.leaves.count)
    for group in layout.groups.indices where layout.groups[group].type == ask.type {
      _ = nodes.count(ask.search.test, group: group, from: 0, through: last)
      let row = nodes.row(0, group)
      for lane in 0..<layout.groups[group].lanes {
        let leaf = layout.leafOfLane[layout.groups[group].firstLane + lane]
        free[Int(leaf)] = Int32(row.load(fromByteOffset: lane, as: UInt8.self))
      }
    }
    let search = VictimSearch(
      free: free, size: Int32(ask.search.test.size), segments: Int32(ask.search.test.segments),
      units: units(ask, gang, view))
    let isOneLeaf = ask.search.test.segments == 1
    if isOneLeaf { return search.choose(of: leavesAsDomains()).map { gangs(of: $0) } }
    // The innermost level that will do, unless the loss is half as large further out.
    var best: (units: [VictimUnit], cost: Int64)?
    for level in stride(from: layout.groupLevel, through: ask.level, by: -1) {
      guard let found = search.choose(of: domainOfLeaf(level: level, ask.type)) else { continue }
      let cost = found.reduce(0) { $0 + $1.cost }
      if best == nil || cost < (best?.cost ?? 0) / 2 { best = (found, cost) }
    }
    return best.map { gangs(of: $0.units) }
  }

  private func leavesAsDomains() -> [Int32] { topology.leaves.indices.map { Int32($0) } }

  /// -1: of another type.
  private func domainOfLeaf(level: Int, _ type: Int32) -> [Int32] {
    topology.leaves.indices.map { leaf in
      topology.leaves[leaf].deviceType == type
        ? Int32(layout.domain(ofGroup: Int(layout.groupOfLeaf[leaf]), level: level)) : -1
    }
  }

  /// Each once.
  private func gangs(of units: [VictimUnit]) -> [Int32] {
    var (seen, list): (Set<Int32>, [Int32]) = ([], [])
    for unit in units {
      for number in unit.gangs where seen.insert(number).inserted { list.append(number) }
    }
    return list
  }

  /// And so many more that the project may have it.
  private mutating func withQuota(
    _ ask: Ask, _ gang: borrowing PendingGang, _ view: borrowing PlanningView, _ chosen: [Int32]
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
        !chosen.contains(Int32(number)) && isAvailable(number, ask, gang)
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
