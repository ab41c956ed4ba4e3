/// Who may start at once when something became free since a round: known in a few milliseconds, where a whole round of a
/// large fleet takes more than a hundred. The whole round follows.
///
/// All that the round promised stays where it is, and what became free is offered in the queue's order. A gang starts if a
/// domain in which something became free holds it now, for its whole time, beside all promises but its own, and its quota
/// does beside them. So no promise is delayed, whoever starts.
///
/// What a whole round would do with it is only known of the first gangs (`QuickPlanner.heads`). Where it lets one of them start
/// sooner than was promised, those behind it start only if they are over by then.
extension Planner {
  /// Of the first gangs that wait, one that the next whole round starts sooner than was promised, and with which bucket.
  struct HeadStart: Hashable {
    var gang: Int
    var bucket: Int
  }

  /// The round that this goes on from, the planner's last one.
  struct LastRound {
    var view: PlanningView
    var pending: [PendingGang]
    var round: PlanningRound
  }

  /// Who starts of those that waited, in the profile that the last round left. It is used up by this.
  mutating func startQuickly(_ freed: [QuickPlanner.Freed], _ last: LastRound, heads: [HeadStart], now: Instant)
    -> QuickRound
  {
    var quick = QuickRound(now: now, grid: grid)
    // What was learned of the profile as it was is not true of what comes back to it.
    ignoresBounds = true
    freedDomains = Array(repeating: false, count: layout.domains.count)
    defer { (ignoresBounds, freedDomains) = (false, []) }
    for item in freed { giveBack(item, last) }
    guard freedDomains.contains(true) else { return quick }
    capacity.bumpVersion()
    var refusals = Refusals(levels: layout.levelCount)
    // Who starts ends before this bucket.
    var (limit, head) = (grid.bucketCount, 0)
    for i in last.pending.indices where limit > 0 && last.round.waits(i) {
      let hasStarted = start(i, last, before: limit, &refusals, &quick)
      guard head < heads.count, heads[head].gang == i else { continue }
      if !hasStarted { limit = min(limit, heads[head].bucket) }
      head += 1
    }
    return quick
  }

  private mutating func start(
    _ i: Int, _ last: LastRound, before limit: Int, _ refusals: inout Refusals, _ quick: inout QuickRound
  ) -> Bool {
    let gang = last.pending[i]
    // Jobs of several roles and gangs that are placed node by node wait for the whole round.
    guard !gang.joins, i + 1 == last.pending.count || !last.pending[i + 1].joins else { return false }
    switch mix(gang) {
    case .none: break
    case .first, .only: return false
    }
    // It begins later than the first bucket of the round counts from.
    let late = quick.round.now - last.view.now
    let units = gang.walltime.map { grid.units(late + $0) } ?? grid.units(grid.horizon)
    let end = grid.lastBucket(from: 0, units: units)
    guard end < limit else { return false }
    let window = min(end, (last.round.promise(i) ?? grid.bucketCount) - 1)
    let all = gang.deviceTypes.isEmpty
    for at in 0..<(all ? topology.deviceTypes.count : gang.deviceTypes.count) {
      let type = all ? Int32(at) : gang.deviceTypes[at]
      guard mayFitNow(gang, type), !refusals.contains(gang, type, through: window) else { continue }
      var reasons: [NeverReason] = []
      guard var ask = possible(gang, type, now: last.view.now, &reasons), ask.begin == 0 else { continue }
      ask.search.units = units
      guard let level = levelNow(ask, through: end, i, last, &refusals) else { continue }
      hold(ask, 0, level, PlanningRound.WaitNumbers(), &quick.round)
      quick.gangs.append(i)
      capacity.bumpVersion()
      return true
    }
    return false
  }

  /// What is free in the first bucket alone: many gangs need more.
  private mutating func mayFitNow(_ gang: borrowing PendingGang, _ type: Int32) -> Bool {
    guard topology.deviceTypes.indices.contains(Int(type)), gang.segment < 256 else { return false }
    let fleet = layout.domains(type: type, level: 0).lowerBound
    if gang.nodes == 1, gang.devicesPerNode < topology.deviceTypes[Int(type)].devicesPerNode {
      return nodes.total(fleet)[0] > 0 || capacity.mostFreeDevices(type: type, shared) >= gang.devicesPerNode
    }
    guard nodes.total(fleet)[0] >= gang.nodes else { return false }
    let test = tables.test(size: Int(gang.segment), segments: Int(gang.nodes / gang.segment))
    return capacity.bestFree(type: type, level: 0, test, nodes) >= Int32(test.segments)
  }

  /// At what level it fits now, its own promise given back; nil: it does not, and its promise is where it was.
  private mutating func levelNow(
    _ ask: Ask, through end: Int, _ i: Int, _ last: LastRound, _ refusals: inout Refusals
  ) -> Int? {
    let promise = last.round.promise(i) ?? grid.bucketCount
    // Before its own promise begins that is not in its way: most fail there.
    var short = ask
    if promise < grid.bucketCount { short.search.units = min(ask.search.units, 2 * grid.starts[promise]) }
    guard quotas.firstStart(ask.project, ask.type, ask.charge, units: short.search.units, from: 0, before: 1) == 0
    else { return nil }
    guard let found = earliest(short, before: 1) else {
      refusals.add(last.pending[i], ask.type, through: min(end, promise - 1))
      return nil
    }
    guard promise < grid.bucketCount else { return found.level }
    release(i, last, sign: 1)
    if end < promise {
      refusals.removeAll()
      return found.level
    }
    if let found = earliest(ask, before: 1) {
      refusals.removeAll()
      return found.level
    }
    release(i, last, sign: -1)
    return nil
  }

  // MARK: What comes back

  mutating func giveBack(_ item: QuickPlanner.Freed, _ last: LastRound) {
    switch item {
    case .started(let i):
      release(i, last, sign: 1)
      for place in last.round.places(i) { touch(place.leaf) }
    case .running(let range):
      for gang in last.view.running[range] {
        let through = nodes.lastBucket(of: gang, at: last.view.now)
        quotas.count(gang, last.view, topology, through: through, sign: -1)
        switch gang.place {
        case .whole(let places):
          nodes.give(places.map { ($0, through) }, sign: 1, last.view)
          for place in places { touch(place.leaf) }
        case .part(let lane, let devices):
          shared.give(devices, lane: Int(lane), through: through, nodes, last.view)
          touch(shared.leaf(ofLane: Int(lane)))
        case .away: break
        }
      }
    }
  }

  private mutating func touch(_ leaf: Int32) {
    guard !freedDomains.isEmpty else { return }
    let group = Int(layout.groupOfLeaf[Int(leaf)])
    for level in 0..<layout.levelCount { freedDomains[layout.domain(ofGroup: group, level: level)] = true }
  }

  /// Gives back what the round holds for a gang; `sign` -1 takes it again.
  private mutating func release(_ i: Int, _ last: LastRound, sign: Int32) {
    let (gang, entry) = (last.pending[i], last.round.entries[i])
    let (type, from) = (Int32(entry.type), Int(entry.bucket))
    let through = grid.lastBucket(from: from, units: gang.walltime.map(grid.units) ?? grid.units(grid.horizon))
    let charge = charge(gang, type)
    if sign > 0 {
      quotas.giveBack(gang.project, type, charge, from: from, through: through)
    } else {
      quotas.take(gang.project, type, charge, from: from, through: through)
    }
    if entry.lane >= 0 {
      shared.change(lane: Int(entry.lane), by: sign * entry.devices, from: from, through: through, nodes)
      return
    }
    let places = last.round.places(i)
    for at in places.indices {
      let place = places[at]
      let group = Int(layout.groupOfLeaf[Int(place.leaf)])
      let change = UInt8(truncatingIfNeeded: -sign * place.nodes)
      nodes.delta.storeBytes(of: change, toByteOffset: Int(layout.laneOfLeaf[Int(place.leaf)]), as: UInt8.self)
      taken[group] -= sign * place.nodes
      // Places of a group lie side by side.
      if at + 1 < places.endIndex, Int(layout.groupOfLeaf[Int(places[at + 1].leaf)]) == group { continue }
      nodes.take(group: group, nodes: taken[group], from: from, through: through)
      taken[group] = 0
    }
  }
}

/// What was looked for in vain: a gang of at least as many nodes in the same segments and scope, for at least as long, finds
/// no place either, as long as nothing comes back.
private struct Refusals {
  private struct Size {
    var nodes: Int32
    var through: Int
  }
  private let levels: Int
  /// By scope and segment; what lies in one leaf has no segments, and parts of nodes have a list of their own.
  private var lists: [Int: [Size]] = [:]

  init(levels: Int) { self.levels = levels }

  private func key(_ gang: borrowing PendingGang, _ type: Int32) -> (list: Int, size: Int32) {
    // The last level is the leaves': a gang that must lie in one is one segment.
    let scope = gang.within.map { $0.isRequired ? $0.level + 1 : 0 } ?? 0
    let list = ((Int(type) * (levels + 1) + scope) * 256 + Int(gang.segment)) * 65
    return gang.nodes == 1 && !gang.isExclusive ? (list + Int(gang.devicesPerNode), 1) : (list, gang.nodes)
  }

  func contains(_ gang: borrowing PendingGang, _ type: Int32, through: Int) -> Bool {
    let (list, size) = key(gang, type)
    guard let sizes = lists[list] else { return false }
    return sizes.contains { $0.nodes <= size && $0.through <= through }
  }

  mutating func add(_ gang: borrowing PendingGang, _ type: Int32, through: Int) {
    let (list, size) = key(gang, type)
    lists[list, default: []].removeAll { size <= $0.nodes && through <= $0.through }
    lists[list, default: []].append(Size(nodes: size, through: through))
  }

  mutating func removeAll() { lists = [:] }
}

extension PlanningRound {
  /// The bucket from which on a place is held for it while it waits.
  func promise(_ gang: Int) -> Int? { entries[gang].kind == .later ? Int(entries[gang].bucket) : nil }

  /// It neither starts now nor never will.
  func waits(_ gang: Int) -> Bool {
    switch entries[gang].kind {
    case .later, .beyondHorizon, .behind: true
    case .now, .preempting, .never: false
    }
  }

  func places(_ gang: Int) -> ArraySlice<LeafNodes> {
    let entry = entries[gang]
    return entry.lane == -2 ? [] : places[Int(entry.first)..<Int(entry.first + entry.count)]
  }
}
