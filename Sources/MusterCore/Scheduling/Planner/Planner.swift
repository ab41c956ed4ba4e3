/// Plans a round: for every pending gang, in the caller's order, the earliest start and the place that it is held.
///
/// The rule, on the buckets of a `TimeGrid`: a gang starts with the first bucket from which on, for its whole walltime,
/// its project's quota allows it and one domain of its scope holds all of its segments; at that time the tightest domain
/// that holds it is taken. Its hold is then as fixed as a running gang, so nothing behind it in the order delays it
/// (conservative backfill). Gangs that are placed node by node (`MixedPlacement`) are the exception: they start when they fit
/// now, and are held whole nodes where these would do. Equal views and gangs give equal answers: there is no clock, no chance and no hash order in
/// it.
///
/// One planner serves one topology and owns its buffers, which every round uses again: a round allocates next to nothing.
/// It is used by one thread at a time.
public struct Planner: ~Copyable {
  public let topology: Topology
  /// Aligned to the round's moment.
  public private(set) var grid: TimeGrid
  /// By phase.
  private var grids: [TimeGrid?]
  let shortcuts: PlannerShortcuts
  let layout: FleetLayout
  let tables = ChunkTables()
  var nodes: NodeProfile
  var shared: SharedLanes
  var quotas: QuotaProfile
  var gangBounds: GangBounds
  var capacity: CapacityTables
  var fill: LeafFill
  /// By group: what the gang at hand takes, and what it could.
  var taken: [Int32]
  var room: [Int32]
  var victims = VictimTable()
  /// By candidate of `victims`: stopped in this round.
  var isVictim: [Bool] = []
  /// Candidates that are stopped for the roles of the job at hand that have their place already.
  var victimsOfRoles: [Int32] = []
  var failedTakes = FailedTakes()
  /// Something was given back: what this round has learned of later starts is too careful.
  var ignoresBounds = false
  /// Types on which nodes are kept for a gang whose start cannot be foreseen.
  var gathering: Set<Int32> = []
  /// By type: devices of the nodes that it keeps for those.
  var gathered: [Int32]
  /// By domain: something in it became free since the round (`QuickStarts`). Empty: all are searched.
  var freedDomains: [Bool] = []
  /// By domain: the gang at hand does not start there before this bucket, as far as the last search for it saw.
  var notBefore: [Int]
  /// Looks at the free nodes of single leaves in the searches of `MemberStarts` of this round.
  var memberLooks = 0
  /// Jobs of this round of which it was asked whether their roles ever fit together.
  var fitTests = 0

  public init(topology: Topology, grid: TimeGrid = .standard, shortcuts: PlannerShortcuts = .all) {
    self.topology = topology
    self.grid = grid
    grids = Array(repeating: nil, count: grid.zones.last?.step ?? 1)
    self.shortcuts = shortcuts
    layout = FleetLayout(topology)
    nodes = NodeProfile(layout: layout, grid: grid, shortcuts: shortcuts)
    shared = SharedLanes(layout: layout, topology: topology, grid: grid, shortcuts: shortcuts)
    quotas = QuotaProfile(grid: grid, shortcuts: shortcuts)
    gangBounds = GangBounds()
    capacity = CapacityTables(topology, layout)
    fill = LeafFill(lanes: layout.strideMax)
    taken = Array(repeating: 0, count: layout.groups.count)
    room = taken
    gathered = Array(repeating: 0, count: topology.deviceTypes.count)
    notBefore = Array(repeating: 0, count: layout.domains.count)
  }

  /// Bytes of the planner's buffers.
  public var bytesInUse: Int { nodes.bytes + shared.bytes + quotas.bytes + gangBounds.bytes }

  /// Answers every gang. `pending` is in order of priority.
  public mutating func plan(_ view: borrowing PlanningView, _ pending: borrowing [PendingGang]) -> PlanningRound {
    prepare(view)
    return plan(prepared: view, pending)
  }

  /// The first half of `plan`: the profile of what runs. Each is good for one round.
  public mutating func prepare(_ view: borrowing PlanningView) {
    precondition(
      view.nodesInService.count == topology.leaves.count,
      "the view has \(view.nodesInService.count) leaves, the topology \(topology.leaves.count)")
    align(view.now)
    nodes.build(view)
    shared.build(view, nodes)
    let (profile, at) = (NodeEnds(grid: grid), view.now)
    let running = view.running
    quotas.build(view, topology) { profile.lastBucket(of: running[$0], at: at) }
    capacity.begin(view, topology, layout, grid)
    victims = view.victims
    failedTakes.removeAll()
    isVictim = Array(repeating: false, count: victims.candidates.count)
  }

  private mutating func align(_ now: Instant) {
    let phase = grid.phase(now)
    var grid = grids[phase] ?? grid.aligned(to: now)
    if grids[phase] == nil { grids[phase] = grid }
    grid.move(to: now)
    (self.grid, nodes.grid, shared.grid, quotas.grid) = (grid, grid, grid, grid)
  }

  /// The second half of `plan`.
  public mutating func plan(prepared view: borrowing PlanningView, _ pending: borrowing [PendingGang]) -> PlanningRound
  {
    var round = PlanningRound(now: view.now, grid: grid, maintenance: view.maintenance)
    round.entries.reserveCapacity(pending.count)
    gangBounds.reset(pending, layout, grid)
    (gathering, memberLooks, fitTests) = ([], 0, 0)
    gathered = Array(repeating: 0, count: topology.deviceTypes.count)
    var held = 0
    let mayStop = view.mode.stopsWhenFull && victims.isEmpty
    var isFull = mayStop && isNothingFree
    var i = 0
    while i < pending.count {
      let (first, end) = (i, endOfJob(pending, i))
      i = end
      guard !isFull, held == 0 || !view.mode.blocksAtHead else {
        for _ in first..<end { round.entries.append(PlanningRound.Entry(kind: .behind, type: -1)) }
        continue
      }
      let mayHold = held < view.mode.reservations
      if end - first > 1 {
        answerTogether(pending, first..<end, view, mayHold: mayHold, &round)
      } else {
        answer(pending[first], view, mayHold: mayHold, &round)
      }
      if round.entries[first].kind == .later || round.entries[first].kind == .beyondHorizon { held += 1 }
      if mayStop, round.entries[first].kind == .now { isFull = isNothingFree }
    }
    round.kept = keptDevices(view, pending, round)
    return round
  }

  /// Behind the gangs of the job whose first one is at `first`.
  private func endOfJob(_ pending: borrowing [PendingGang], _ first: Int) -> Int {
    var end = first + 1
    while end < pending.count, pending[end].joins { end += 1 }
    return end
  }

  /// In the first bucket no node is free, and no part of a shared one.
  private var isNothingFree: Bool {
    for type in topology.deviceTypes.indices {
      for fleet in layout.domains(type: Int32(type), level: 0) where nodes.total(fleet)[0] > 0 { return false }
    }
    return layout.groups.indices.allSatisfy { shared.mostFreeNow(group: $0) == 0 }
  }

  private mutating func answer(
    _ gang: borrowing PendingGang, _ view: borrowing PlanningView, mayHold: Bool, _ round: inout PlanningRound
  ) {
    let mix = mix(gang)
    // What can never run holds no place.
    if mix != .none, let entry = neverMixed(gang, view, &round) {
      round.entries.append(entry)
      return
    }
    switch mix {
    case .none: break
    case .first, .only: if startMixed(gang, view, &round) { return }
    }
    if mix != .only, mayPreempt(gang), startWhole(gang, &round) || preempt(gang, view, &round) { return }
    if mix == .only, mayPreempt(gang), preempt(gang, view, &round) { return }
    guard mayHold else {
      if mix != .only, startWhole(gang, &round) { return }
      round.entries.append(PlanningRound.Entry(kind: .behind, type: -1))
      return
    }
    if mix != .none, isHeldByMember(gang, &round) {
      answerByMember(gang, view, &round)
    } else {
      answerWhole(gang, view, mayStartNow: mix != .only, &round)
    }
    if mix != .none { correctMixed(gang, view, &round) }
    if gang.isOverdue, round.entries[round.entries.count - 1].kind == .beyondHorizon {
      gather(gang, view, &round)
    }
  }

  /// Only if it starts now, on whole nodes of one type.
  mutating func startWhole(_ gang: borrowing PendingGang, _ round: inout PlanningRound) -> Bool {
    let firstReason = round.reasons.count
    for type in types(gang) {
      guard let ask = possible(gang, type, now: round.now, &round.reasons), let found = earliest(ask, before: 1) else {
        continue
      }
      round.reasons.removeSubrange(firstReason...)
      hold(ask, 0, found.level, PlanningRound.WaitNumbers(), &round)
      capacity.bumpVersion()
      return true
    }
    round.reasons.removeSubrange(firstReason...)
    return false
  }

  func types(_ gang: borrowing PendingGang) -> [Int32] {
    gang.deviceTypes.isEmpty ? topology.deviceTypes.indices.map { Int32($0) } : gang.deviceTypes
  }

  private mutating func answerWhole(
    _ gang: borrowing PendingGang, _ view: borrowing PlanningView, mayStartNow: Bool, _ round: inout PlanningRound
  ) {
    let firstReason = round.reasons.count
    var (first, best): (Ask?, (ask: Ask, bucket: Int, level: Int)?) = (nil, nil)
    var before = grid.bucketCount
    let all = gang.deviceTypes.isEmpty
    for i in 0..<(all ? topology.deviceTypes.count : gang.deviceTypes.count) {
      let type = all ? Int32(i) : gang.deviceTypes[i]
      guard let ask = possible(gang, type, now: round.now, &round.reasons) else { continue }
      if first == nil { first = ask }
      guard let found = earliest(ask, before: before) else { continue }
      (before, best) = (found.bucket, (ask, found.bucket, found.level))
      if found.bucket == 0 { break }
    }
    if best?.bucket != 0, first != nil { noteChanges(gang, view, &round) }
    if best?.bucket != 0, let first { noteOthers(gang, besides: (best?.ask ?? first).type, of: first, &round) }
    // What may only start node by node and does not now: nothing is known of when it will.
    if !mayStartNow, best?.bucket == 0 { best = nil }
    if let best {
      round.reasons.removeSubrange(firstReason...)
      let numbers = best.bucket == 0 ? PlanningRound.WaitNumbers() : waitNumbers(best.ask)
      hold(best.ask, best.bucket, best.level, numbers, &round)
      if best.bucket == 0 { capacity.bumpVersion() }
    } else if let first {
      round.reasons.removeSubrange(firstReason...)
      round.entries.append(
        PlanningRound.Entry(
          kind: .beyondHorizon, type: Int16(first.type), devices: first.partDevices, wait: waitNumbers(first)))
    } else {
      round.entries.append(
        PlanningRound.Entry(
          kind: .never, type: -1, first: Int32(firstReason), count: Int32(round.reasons.count - firstReason)))
    }
  }
}

/// When running gangs end, in buckets.
struct NodeEnds {
  let grid: TimeGrid

  func lastBucket(of gang: borrowing RunningGang, at now: Instant) -> Int {
    gang.end == .never ? grid.bucketCount - 1 : grid.lastBucket(from: 0, units: grid.units(gang.end - now))
  }
}

/// One gang on one device type, in the planner's terms.
struct Ask {
  var type: Int32
  /// Whole nodes; 1 for a part.
  var nodes: Int32
  /// 0: whole nodes.
  var partDevices: Int32
  var search: WindowSearch
  /// First bucket that it may start with.
  var begin: Int
  /// The level of `FleetLayout` whose domains it may not leave; 0 is the fleet. A gang that lies in one leaf searches
  /// groups alone.
  var level: Int
  var project: Int32
  /// Devices that its project is charged.
  var charge: Int32
  /// As `PendingGang.owner`.
  var owner: Int32
  var classes: GangBounds.Classes
  /// Nodes of all types of its name are looked at together, for no one of them has enough. For victims alone.
  var isOfKind = false
}
