/// Where what runs says no end, nothing can be promised to a gang that waits, and smaller ones would start before it for
/// ever. Once it has waited long enough, what becomes free where it will fit first is kept for it, until all of it is
/// there. One job of each type at a time: two that gather would take the nodes from each other.
extension Planner {
  mutating func gather(_ gang: borrowing PendingGang, _ view: borrowing PlanningView, _ round: inout PlanningRound) {
    gathering.formUnion(gather(gang, beside: gathering, view, &round))
  }

  /// The roles of a job gather one after the other, each in what those before it leave; only if all of them can, for none
  /// starts without the others.
  mutating func gatherTogether(
    _ pending: borrowing [PendingGang], _ range: Range<Int>, _ view: borrowing PlanningView,
    _ round: inout PlanningRound
  ) {
    guard range.allSatisfy({ pending[$0].filter < 0 }), isWithinQuotaNow(pending, range, &round) else { return }
    let others = gathering
    for i in range {
      gathering.formUnion(gather(pending[i], beside: others, view, &round))
    }
  }

  /// Of the gangs together, on the first type of each that it could have.
  private mutating func isWithinQuotaNow(
    _ pending: borrowing [PendingGang], _ range: Range<Int>, _ round: inout PlanningRound
  ) -> Bool {
    let before = quotas.copy()
    let reasons = round.reasons.count
    var isWithin = true
    for i in range {
      let asks = types(pending[i]).compactMap { possible(pending[i], $0, now: round.now, &round.reasons) }
      guard let ask = asks.first else { continue }
      let start = quotas.firstStart(ask.project, ask.type, ask.charge, units: ask.search.units, from: 0, before: 1)
      if start > 0 { isWithin = false }
      let last = grid.lastBucket(from: 0, units: ask.search.units)
      quotas.take(ask.project, ask.type, ask.charge, from: 0, through: last)
      quotas.uncountJob(ask.project, from: 0, through: last)
    }
    round.reasons.removeSubrange(reasons...)
    quotas = before
    return isWithin
  }

  /// The types on which nodes are kept for it; none: none are.
  private mutating func gather(
    _ gang: borrowing PendingGang, beside others: Set<Int32>, _ view: borrowing PlanningView,
    _ round: inout PlanningRound
  ) -> [Int32] {
    let mix = mix(gang)
    if mix == .only || (mix != .none && isHeldByMember(gang, &round)) {
      return gatherByMember(gang, beside: others, view)
    }
    let reasons = round.reasons.count
    defer { round.reasons.removeSubrange(reasons...) }
    for type in types(gang) where !others.contains(type) {
      guard let ask = possible(gang, type, now: round.now, &round.reasons), ask.partDevices == 0,
        quotas.firstStart(ask.project, type, ask.charge, units: ask.search.units, from: 0, before: 1) == 0,
        let groups = mostReady(ask, view)
      else { continue }
      keep(ask, groups, view)
      return [type]
    }
    return []
  }

  /// The groups of the domain that could hold it and has most free nodes.
  private func mostReady(_ ask: Ask, _ view: borrowing PlanningView) -> Range<Int>? {
    let test = ask.search.test
    for level in stride(from: layout.groupLevel, through: ask.level, by: -1) {
      if level < layout.groupLevel, test.segments == 1 { break }
      var best: (groups: Range<Int>, free: Int32)?
      for domain in layout.domains(type: ask.type, level: level) {
        let groups = layout.domains[domain].groups
        var (segments, largest) = (0, 0)
        for group in groups {
          for lane in lanes(group) {
            let own = Int(view.nodesInService[Int(layout.leafOfLane[lane])]) / test.size
            (segments, largest) = (segments + own, max(largest, own))
          }
        }
        guard test.segments == 1 ? largest > 0 : segments >= test.segments else { continue }
        let free = nodes.total(domain)[0]
        if free > best?.free ?? -1 { best = (groups, free) }
      }
      if let best { return best.groups }
    }
    return nil
  }

  private func lanes(_ group: Int) -> Range<Int> {
    layout.groups[group].firstLane..<layout.groups[group].firstLane + layout.groups[group].lanes
  }

  /// Takes what is free there for good, in leaves that hold a segment, those with most free first.
  private mutating func keep(_ ask: Ask, _ groups: Range<Int>, _ view: borrowing PlanningView) {
    let last = grid.bucketCount - 1
    let test = ask.search.test
    var leaves: [(lane: Int, group: Int, free: Int, most: Int)] = []
    for group in groups {
      let row = nodes.row(0, group)
      nodes.blocks[group].windowMinimum(from: 0, through: last, useMinima: shortcuts.contains(.minima), into: row)
      for (place, lane) in lanes(group).enumerated() {
        let most = Int(view.nodesInService[Int(layout.leafOfLane[lane])]) / test.size * test.size
        let free = min(most, Int(row.load(fromByteOffset: place, as: UInt8.self)))
        if most > 0 { leaves.append((lane, group, free, most)) }
      }
    }
    leaves.sort { ($1.free, $0.lane) < ($0.free, $1.lane) }
    var left = Int(ask.nodes)
    for leaf in leaves where left > 0 {
      // All that the gang will have of the leaf is counted, also what is still busy.
      let share = test.segments == 1 ? test.size : min(leaf.most, (left + test.size - 1) / test.size * test.size)
      let free = min(leaf.free, share)
      left -= share
      guard free > 0 else { continue }
      nodes.delta.storeBytes(of: UInt8(free), toByteOffset: leaf.lane, as: UInt8.self)
      taken[leaf.group] += Int32(free)
    }
    var places: [LeafNodes] = []
    take(groups, 0, last, &places)
    let devices = topology.deviceTypes[Int(ask.type)].devicesPerNode
    for place in places { gathered[Int(ask.type)] += place.nodes * devices }
  }
}
