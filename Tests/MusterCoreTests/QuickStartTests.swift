import Testing

@testable import MusterCore

/// What became free since a round, offered beside all that the round promised: against brute force.
@Suite struct QuickStartTests {
  /// A round, an end, and who starts at once.
  private struct Change {
    var world: DrawnWorld
    var round: PlanningRound
    var freed: QuickPlanner.Freed
    var quick: QuickRound
    /// What runs and may serve without the one that ended, and without what the round started.
    var view: PlanningView
    /// From the round to the quick one.
    var late: Span
    /// The whole round that follows would plan them again: those that waited, and what it says of them.
    var waiting: [Int] = []

    init?(
      seed: Int, _ setting: WorldSetting, with shortcuts: PlannerShortcuts = .all, isWhole: Bool = false
    ) throws {
      world = try DrawnWorld(seed: seed, setting, nodes: 8 + seed % 57)
      // One node would be a part of one.
      for i in world.pending.indices where isWhole && world.pending[i].nodes == 1 { world.pending[i].nodes = 2 }
      var dice = SeededDice(seed)
      var planner = QuickPlanner(topology: world.topology, grid: PlannerTests.grid, shortcuts: shortcuts)
      // What was planned before leaves nothing behind.
      if seed % 2 == 0 {
        _ = planner.plan(world.view, Array(world.pending.reversed()))
        _ = planner.quick([], now: world.view.now)
      }
      let round = planner.plan(world.view, world.pending)
      self.round = round
      let started = world.pending.indices.filter { round.bucket($0) == 0 }
      view = world.view
      if let one = started.first, dice.chance(30) {
        freed = .started(one)
      } else {
        guard !view.running.isEmpty else { return nil }
        let ended = dice.draw(0...view.running.count - 1)
        view.running.remove(at: ended)
        freed = .running(ended..<ended + 1)
      }
      let grid = PlannerTests.grid.aligned(to: view.now)
      late = min(.seconds(7), Span(nanoseconds: grid.start(ofBucket: 1).nanoseconds / 2))
      quick = planner.quick([freed], now: view.now + late)
      waiting = world.pending.indices.filter { round.waits($0) }
    }

    var freedLeaves: Set<Int> {
      let places: [LeafNodes] =
        switch freed {
        case .started(let i): Array(round.places(i))
        case .running(let range):
          switch world.view.running[range.lowerBound].place {
          case .whole(let places): places
          case .part(let node, _): [LeafNodes(leaf: world.view.sharedNodes[Int(node)].leaf, nodes: 1)]
          case .away: []
          }
        }
      return Set(places.map { Int($0.leaf) })
    }

    func lateGang(_ i: Int) -> PendingGang {
      var gang = world.pending[i]
      gang.walltime = gang.walltime.map { $0 + late }
      return gang
    }

    /// What runs, what the round started, and all that it promised but to some.
    func reference(without left: Set<Int>) -> PlannerReference {
      let reference = PlannerReference(world.topology, view, PlannerTests.grid.aligned(to: view.now))
      for i in world.pending.indices where !left.contains(i) && freed != .started(i) {
        guard let (type, place, bucket) = promise(i) else { continue }
        reference.take(world.pending[i], type, place, bucket)
      }
      return reference
    }

    func promise(_ i: Int) -> (type: Int32, place: HeldPlace, bucket: Int)? {
      guard let bucket = round.bucket(i) else { return nil }
      switch round.answer(i) {
      case .startsNow(let type, let place), .startsAt(_, let type, let place): return (type, place, bucket)
      case .preempts, .beyondHorizon, .behind, .never: return nil
      }
    }

    func start(_ at: Int) -> (type: Int32, place: HeldPlace)? {
      if case .startsNow(let type, let place) = quick.round.answer(at) { (type, place) } else { nil }
    }
  }

  @Test("who starts has room beside all that was promised to others, for its whole time", arguments: WorldSetting.all)
  func safe(setting: WorldSetting) throws {
    var starts = 0
    for seed in 1...150 {
      guard let change = try Change(seed: seed, setting) else { continue }
      let reference = change.reference(without: Set(change.quick.gangs))
      for (at, i) in change.quick.gangs.enumerated() {
        let gang = change.lateGang(i)
        let (type, place) = try #require(change.start(at), "seed \(seed), gang \(i) does not start")
        let level = try #require(reference.holds(gang, type, 0), "seed \(seed): no room, or no quota, for gang \(i)")
        let wrong = PlannerTests.misplaced(gang, type, place, level: -1, change.world.topology)
        #expect(wrong == nil && level >= -1, "seed \(seed), gang \(i)")
        reference.take(gang, type, place, 0)
        starts += 1
      }
      #expect(reference.broken.isEmpty, "seed \(seed), \(setting.name)")
      #expect(reference.realisable(), "seed \(seed), \(setting.name): a hold finds no nodes")
    }
    #expect(starts > 20)
  }

  private static let whole: [WorldSetting] = [
    WorldSetting(name: "plain"),
    WorldSetting(name: "segments and scopes", segments: 50, scopes: 50),
    WorldSetting(name: "all but parts", types: 3, segments: 40, scopes: 30, quotas: true, maintenance: 2, begins: 10),
  ]

  @Test("all that the rule allows start, in the queue's order, and nobody else", arguments: whole)
  func complete(setting: WorldSetting) throws {
    var starts = 0
    for seed in 1...150 {
      guard let change = try Change(seed: seed, setting, isWhole: true) else { continue }
      if let difference = Self.difference(change) {
        Issue.record("seed \(seed), \(setting.name): \(difference)")
        return
      }
      starts += change.quick.gangs.count
    }
    #expect(starts > 20)
  }

  private static func difference(_ change: Change) -> String? {
    let reference = change.reference(without: [])
    let next = nextRound(change)
    var limit = reference.buckets
    for (order, i) in change.waiting.enumerated() {
      let gang = change.lateGang(i)
      let promise = change.promise(i)
      if let promise { reference.change(change.world.pending[i], promise, by: 1) }
      let type = reference.types(gang).first { reference.holdsNow(gang, $0, change.freedLeaves) }
      let isAllowed = type != nil && reference.lastBucket(0, gang.walltime) < limit
      let at = change.quick.gangs.firstIndex(of: i)
      if isAllowed != (at != nil) { return "gang \(i) \(isAllowed ? "waits" : "starts")" }
      if let at, let start = change.start(at) {
        if start.type != type { return "gang \(i) starts on type \(start.type)" }
        reference.take(gang, start.type, start.place, 0)
        continue
      }
      if let promise { reference.change(change.world.pending[i], promise, by: -1) }
      let sooner = order < QuickPlanner.headCount ? next.bucket(order) : nil
      if let sooner, sooner < promise?.bucket ?? .max { limit = min(limit, sooner) }
    }
    return reference.broken.first
  }

  /// The whole round that follows, if nobody starts before it.
  private static func nextRound(_ change: Change) -> PlanningRound {
    var view = change.view
    for i in change.world.pending.indices where change.round.bucket(i) == 0 && change.freed != .started(i) {
      guard let (_, place, _) = change.promise(i), case .whole(let places) = place else { continue }
      let gang = change.world.pending[i]
      let end = gang.walltime.map { change.view.now + $0 } ?? .never
      view.running.append(RunningGang(project: gang.project, place: .whole(places), end: end))
    }
    var planner = Planner(topology: change.world.topology, grid: PlannerTests.grid)
    return planner.plan(view, change.waiting.map { change.world.pending[$0] })
  }

  @Test(
    "no shortcut changes who starts, or where", arguments: WorldSetting.all, [PlannerShortcuts([]), [.jumps, .totals]])
  func shortcuts(setting: WorldSetting, left: PlannerShortcuts) throws {
    for seed in 1...40 {
      guard let all = try Change(seed: seed, setting), let other = try Change(seed: seed, setting, with: left) else {
        continue
      }
      #expect(all.quick.gangs == other.quick.gangs, "seed \(seed), \(setting.name)")
      let places = [all, other].map { change in change.quick.gangs.indices.map { change.quick.round.answer($0) } }
      #expect(places[0] == places[1], "seed \(seed), \(setting.name)")
    }
  }

  @Test("a whole round after it says what a new planner says", arguments: WorldSetting.all)
  func leavesNothing(setting: WorldSetting) throws {
    for seed in 1...20 {
      let world = try DrawnWorld(seed: seed, setting)
      guard !world.view.running.isEmpty else { continue }
      var planner = QuickPlanner(topology: world.topology, grid: PlannerTests.grid)
      _ = planner.plan(world.view, world.pending)
      _ = planner.quick([.running(0..<1)], now: world.view.now)
      let (again, fresh) = (planner.plan(world.view, world.pending), PlannerTests.plan(world))
      #expect(world.pending.indices.allSatisfy { again.answer($0) == fresh.answer($0) }, "seed \(seed)")
    }
  }

  @Test(
    "one round is gone on from once, in the first bucket of its calendar, and only if it held a place for everybody")
  func base() throws {
    // Somebody starts at once, where he may.
    let world = try #require(
      (1...50).lazy.compactMap { try? Change(seed: $0, Self.whole[0]) }
        .first { !$0.quick.gangs.isEmpty && $0.freed != .started(0) })
    var (view, pending) = (world.world.view, world.world.pending)
    func starts(_ view: PlanningView, at now: Instant, again: Bool = false) -> Int {
      var planner = QuickPlanner(topology: world.world.topology, grid: PlannerTests.grid)
      _ = planner.plan(view, pending)
      if again { _ = planner.quick([world.freed], now: now) }
      return planner.quick([world.freed], now: now).gangs.count
    }
    let now = view.now + world.late
    #expect(starts(view, at: now) > 0)
    #expect(starts(view, at: now, again: true) == 0)
    let next = view.now + PlannerTests.grid.aligned(to: view.now).start(ofBucket: 1)
    #expect(starts(view, at: next) == 0)
    for mode in [PlanningMode.fifo, .easy, PlanningMode(stopsWhenFull: true)] {
      view.mode = mode
      #expect(starts(view, at: now) == 0)
    }
    // Before a job of several roles nobody is passed over.
    view.mode = .all
    var roles = PendingGang(nodes: 1_000_000, devicesPerNode: 1, walltime: nil)
    let first = roles
    roles.joins = true
    pending = [first, roles] + pending
    view.mode = .all
    #expect(starts(view, at: now) <= world.quick.gangs.count)
  }
}

extension PlannerReference {
  /// A promise of whole nodes comes back, or is held again.
  fileprivate func change(_ gang: PendingGang, _ promise: (type: Int32, place: HeldPlace, bucket: Int), by sign: Int) {
    let buckets = promise.bucket...lastBucket(promise.bucket, gang.walltime)
    guard case .whole(let places) = promise.place else { return }
    for place in places { for bucket in buckets { free[Int(place.leaf)][bucket] += sign * Int(place.nodes) } }
    guard gang.project >= 0, Int(gang.project) < held.count else { return }
    for bucket in buckets {
      held[Int(gang.project)][Int(promise.type)][bucket] -= sign * Int(gang.nodes * gang.devicesPerNode)
      held[Int(gang.project)][topology.deviceTypes.count][bucket] -= sign
    }
  }

  /// It fits now in a domain in which one of these leaves is: a parent of leaves, or a larger one.
  fileprivate func holdsNow(_ gang: PendingGang, _ type: Int32, _ freed: Set<Int>) -> Bool {
    guard view.now >= gang.begin, holds(gang, type, 0) != nil else { return false }
    let last = lastBucket(0, gang.walltime)
    let leafLevel = topology.levels.count - 1
    let scope = gang.within.flatMap { $0.isRequired ? $0.level : nil } ?? -1
    let size = Int(scope == leafLevel ? gang.nodes : gang.segment)
    let lone = Int(gang.nodes) == size
    func domain(_ leaf: Int, _ level: Int) -> Int32 { level < 0 ? 0 : topology.domain(ofLeaf: leaf, level: level) }
    let outermost = lone ? leafLevel - 1 : min(scope, leafLevel - 1)
    for level in stride(from: leafLevel - 1, through: outermost, by: -1) {
      let domains = Set(freed.filter { topology.leaves[$0].deviceType == type }.map { domain($0, level) })
      var segments: [Int32: Int] = [:]
      for leaf in topology.leaves.indices
      where topology.leaves[leaf].deviceType == type && domains.contains(domain(leaf, level)) {
        let least = (0...last).map { closed[leaf][$0] ? 0 : free[leaf][$0] }.min() ?? 0
        segments[domain(leaf, level), default: 0] += least / size
      }
      if segments.values.contains(where: { $0 >= Int(gang.nodes) / size }) { return true }
    }
    return false
  }
}
