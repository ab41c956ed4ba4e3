/// A planner that can go on from its last round: what became free since is offered at once (`QuickStarts`).
public struct QuickPlanner: ~Copyable {
  /// Who has ended since the round.
  public enum Freed: Hashable, Sendable {
    /// Its entries in `PlanningView.running`.
    case running(Range<Int>)
    /// A gang that the round started, by its place among those that waited.
    case started(Int)
  }

  /// So many of those that wait first are planned anew: what starts behind them takes nothing that they could use.
  static let headCount = 32

  private var planner: Planner
  /// For the first of those that wait. Its profile has none of the promises of those behind them.
  private var head: Planner
  private var last: Planner.LastRound?
  /// What `head` is prepared with: it is ready before anybody ends.
  private var headView: PlanningView?

  public init(topology: Topology, grid: TimeGrid = .standard, shortcuts: PlannerShortcuts = .all) {
    planner = Planner(topology: topology, grid: grid, shortcuts: shortcuts)
    head = Planner(topology: topology, grid: grid, shortcuts: shortcuts)
  }

  /// A whole round, as `Planner.plan`.
  public mutating func plan(_ view: PlanningView, _ pending: [PendingGang]) -> PlanningRound {
    let round = planner.plan(view, pending)
    let last = Planner.LastRound(view: view, pending: pending, round: round)
    (self.last, headView) = (nil, nil)
    guard view.mode.promisesAll, round.preemptions == 0, planner.gathering.isEmpty else { return round }
    var after = last.afterStarts
    head.prepare(after)
    // Filters know the round's own.
    after.sharedNodes = view.sharedNodes
    (self.last, headView) = (last, after)
    return round
  }

  /// Who may start now that these have ended, if nothing else has changed since the round. Once after each round: what the
  /// round left is used up by it. Nobody starts where the round's profile says too little of what is promised: a bucket of its
  /// calendar later, after it let others give way or gathered nodes, or where it did not look at everybody.
  public mutating func quick(_ freed: [Freed], now: Instant) -> QuickRound {
    guard let last = last.take(), let view = headView.take(), now >= last.view.now,
      now - last.view.now < planner.grid.start(ofBucket: 1), !freed.contains(where: { Self.isPart($0, last.round) })
    else { return QuickRound(now: now, grid: planner.grid) }
    let heads = heads(last, freed, view)
    return planner.startQuickly(freed, last, heads: heads, now: now)
  }

  /// Parts of nodes that the round opened have no number in the view.
  private static func isPart(_ freed: Freed, _ round: PlanningRound) -> Bool {
    if case .started(let i) = freed { round.entries[i].lane != -1 } else { false }
  }

  /// What the next whole round says of the first that wait, where that is sooner than what was promised.
  private mutating func heads(
    _ last: Planner.LastRound, _ freed: [Freed], _ view: consuming PlanningView
  ) -> [Planner.HeadStart] {
    var (first, gangs): ([Int], [PendingGang]) = ([], [])
    var stop: Int?
    for i in last.pending.indices where last.round.waits(i) && first.count < Self.headCount {
      if last.pending[i].joins || (i + 1 < last.pending.count && last.pending[i + 1].joins) {
        // Whether several roles fit together takes long to say.
        stop = i
        break
      }
      first.append(i)
      gangs.append(last.pending[i])
    }
    for item in freed { head.giveBack(item, last) }
    // Their names are not known here: all that came back may be such as they ask for.
    for gang in gangs where gang.filter >= 0 {
      for place in last.places(freed) { view.filters[Int(gang.filter)].free[Int(place.leaf)] += place.nodes }
    }
    let round = head.plan(prepared: view, gangs)
    var heads: [Planner.HeadStart] = []
    for (at, i) in first.enumerated() {
      guard let bucket = round.bucket(at), bucket < last.round.bucket(i) ?? .max else { continue }
      heads.append(Planner.HeadStart(gang: i, bucket: bucket))
    }
    if let stop { heads.append(Planner.HeadStart(gang: stop, bucket: 0)) }
    return heads
  }
}

/// Who starts before the whole round.
public struct QuickRound: Sendable {
  /// An answer for each of `gangs`: all of them start now.
  public internal(set) var round: PlanningRound
  /// Their places among those that waited.
  public internal(set) var gangs: [Int] = []

  init(now: Instant, grid: TimeGrid) {
    var grid = grid
    grid.move(to: now)
    round = PlanningRound(now: now, grid: grid, maintenance: [])
  }
}

extension PlanningMode {
  /// Its rounds look at every gang and hold a place for each.
  var promisesAll: Bool { reservations == .max && !blocksAtHead && !stopsWhenFull }
}

extension PlanningRound {
  /// With which one it starts, if it does.
  func bucket(_ gang: Int) -> Int? {
    switch entries[gang].kind {
    case .now, .preempting, .later: Int(entries[gang].bucket)
    case .beyondHorizon, .behind, .never: nil
    }
  }
}

extension Planner.LastRound {
  /// What the next round looks at if nothing else happens: who started runs. Nobody gives way.
  fileprivate var afterStarts: PlanningView {
    var after = view
    (after.mode.preemptions, after.victims) = (0, VictimTable())
    var lanes: [Int32: Int32] = [:]
    for i in pending.indices where round.entries[i].kind == .now { addStarted(i, &after, &lanes) }
    return after
  }

  /// Whole nodes that come back.
  fileprivate func places(_ freed: [QuickPlanner.Freed]) -> [LeafNodes] {
    freed.flatMap { item in
      switch item {
      case .started(let i): Array(round.places(i))
      case .running(let range):
        view.running[range].flatMap { if case .whole(let places) = $0.place { places } else { [LeafNodes]() } }
      }
    }
  }

  /// - Parameter lanes: shared nodes of the view, by lanes that the round opened.
  private func addStarted(_ i: Int, _ after: inout PlanningView, _ lanes: inout [Int32: Int32]) {
    let gang = pending[i]
    let end = gang.walltime.map { view.now + $0 } ?? .never
    var isCounted = !gang.joins
    func run(_ place: RunningGang.Place, _ after: inout PlanningView) {
      after.running.append(RunningGang(project: gang.project, place: place, end: end, isCounted: isCounted))
      isCounted = false
    }
    func part(_ lane: Int32, _ leaf: Int32, _ devices: Int32, _ after: inout PlanningView) {
      var node = lane
      if Int(lane) >= view.sharedNodes.count {
        node = lanes[lane] ?? Int32(after.sharedNodes.count)
        if lanes.updateValue(node, forKey: lane) == nil {
          after.sharedNodes.append(SharedNode(leaf: leaf, node: NodeID(-1)))
        }
      }
      run(.part(sharedNode: node, devices: devices), &after)
    }
    switch round.answer(i) {
    case .startsNow(_, .whole(let places)): run(.whole(places), &after)
    case .startsNow(_, .part(let leaf, let lane, let devices)): part(lane, leaf, devices, &after)
    case .startsNow(_, .mixed(let members)):
      let whole = members.filter { $0.lane < 0 }.map { LeafNodes(leaf: $0.leaf, nodes: 1) }
      if !whole.isEmpty { run(.whole(whole), &after) }
      for member in members where member.lane >= 0 { part(member.lane, member.leaf, member.devices, &after) }
    case .preempts, .startsAt, .beyondHorizon, .behind, .never: break
    }
  }
}
