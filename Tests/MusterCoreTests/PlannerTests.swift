import Testing

@testable import MusterCore

@Suite struct PlannerTests {
  /// Short enough for brute force, with every kind of zone edge in it: 48 buckets, 21 hours.
  static let grid = TimeGrid(zones: [
    TimeGrid.Zone(step: 1, buckets: 16), TimeGrid.Zone(step: 3, buckets: 16), TimeGrid.Zone(step: 12, buckets: 16),
  ])

  static func plan(
    _ world: DrawnWorld, _ pending: [PendingGang]? = nil, grid: TimeGrid = grid,
    with shortcuts: PlannerShortcuts = .all
  ) -> PlanningRound {
    var planner = Planner(topology: world.topology, grid: grid, shortcuts: shortcuts)
    return planner.plan(world.view, pending ?? world.pending)
  }

  /// Compares one round with the reference, gang by gang, and says what differs.
  static func difference(_ world: DrawnWorld, _ round: PlanningRound) -> String? {
    let grid = grid.aligned(to: world.view.now)
    let reference = PlannerReference(world.topology, world.view, grid)
    for (i, gang) in world.pending.enumerated() {
      let expected = reference.earliest(gang)
      let (type, place, bucket): (Int32, HeldPlace, Int)
      switch round.answer(i) {
      case .never(let reasons):
        if !reference.types(gang).isEmpty || reasons.isEmpty { return "gang \(i) is refused: \(reasons)" }
        continue
      case .behind, .beyondHorizon:
        if reference.types(gang).isEmpty { return "gang \(i) can never run, and waits" }
        if let expected { return "gang \(i) has no start; the reference finds bucket \(expected.bucket)" }
        continue
      case .startsNow(let t, let p): (type, place, bucket) = (t, p, 0)
      case .preempts: preconditionFailure("nobody may be stopped here")
      case .startsAt(let at, let t, let p): (type, place, bucket) = (t, p, grid.bucket(containing: at - world.view.now))
      }
      guard let expected else { return "gang \(i) starts with bucket \(bucket); the reference finds no start" }
      if (bucket, type) != (expected.bucket, expected.type) {
        return "gang \(i) starts with bucket \(bucket) on type \(type); the reference says \(expected)"
      }
      if let wrong = misplaced(gang, type, place, level: expected.level, world.topology) {
        return "gang \(i): \(wrong)"
      }
      reference.take(gang, type, place, bucket)
      if let broken = reference.broken.first { return "gang \(i): \(broken)" }
    }
    return reference.realisable() ? nil : "a hold finds no nodes"
  }

  /// Shape, scope and tightness of one hold.
  static func misplaced(
    _ gang: PendingGang, _ type: Int32, _ place: HeldPlace, level: Int, _ topology: Topology
  ) -> String? {
    guard case .whole(let places) = place else { return nil }
    if places.map(\.nodes).reduce(0, +) != gang.nodes { return "\(places) are not \(gang.nodes) nodes" }
    if places.contains(where: { $0.nodes % gang.segment != 0 }) { return "a segment is split: \(places)" }
    if places.contains(where: { topology.leaves[Int($0.leaf)].deviceType != type }) { return "wrong type: \(places)" }
    guard level >= 0, let first = places.first else { return nil }
    let domain = topology.domain(ofLeaf: Int(first.leaf), level: level)
    let isInside = places.allSatisfy { topology.domain(ofLeaf: Int($0.leaf), level: level) == domain }
    return isInside ? nil : "a domain of level \(level) holds it, and it lies in several: \(places)"
  }

  @Test("every start is the one that brute force finds, and every hold can be given nodes", arguments: WorldSetting.all)
  func bruteForce(setting: WorldSetting) throws {
    for seed in 1...100 {
      let world = try DrawnWorld(seed: seed, setting, nodes: 8 + seed % 57)
      if let difference = Self.difference(world, Self.plan(world)) {
        Issue.record("seed \(seed), \(setting.name): \(difference)")
        return
      }
    }
  }

  @Test("a hold does not move for gangs behind it", arguments: WorldSetting.all)
  func holdsStay(setting: WorldSetting) throws {
    for seed in 1...50 {
      let world = try DrawnWorld(seed: seed, setting)
      let (half, all) = (Self.plan(world, Array(world.pending.prefix(30))), Self.plan(world))
      #expect((0..<30).allSatisfy { half.answer($0) == all.answer($0) }, "seed \(seed), \(setting.name)")
    }
  }

  @Test("no shortcut changes an answer", arguments: WorldSetting.all)
  func shortcutsSmall(setting: WorldSetting) throws {
    for seed in 1...30 {
      let world = try DrawnWorld(seed: seed, setting)
      let all = Self.plan(world)
      for left in [
        PlannerShortcuts([]), .all.subtracting(.jumps), .all.subtracting(.minima), .all.subtracting(.bounds),
        .all.subtracting(.rows),
        .all.subtracting(.totals),
      ] {
        let other = Self.plan(world, with: left)
        #expect(
          world.pending.indices.allSatisfy { all.answer($0) == other.answer($0) },
          "seed \(seed), \(setting.name), only \(left)")
      }
    }
  }

  /// Small fleets do not test the bounds: they need many gangs of many sizes.
  @Test("a round that ends when nothing is free starts the same gangs in the same places", arguments: WorldSetting.all)
  func stopsWhenFull(setting: WorldSetting) throws {
    var unanswered = 0
    for seed in 1...30 {
      var world = try DrawnWorld(seed: seed, setting)
      // One node each: enough of them fill the fleet.
      world.pending += (0..<200).map { _ in
        PendingGang(nodes: 1, devicesPerNode: 1, walltime: .seconds(3600), project: -1)
      }
      let all = Self.plan(world)
      world.view.mode.stopsWhenFull = true
      let stopped = Self.plan(world)
      for i in world.pending.indices where all.answer(i) != stopped.answer(i) {
        let isNow = if case .startsNow = all.answer(i) { true } else { false }
        #expect(!isNow && stopped.answer(i) == .behind, "seed \(seed), \(setting.name), gang \(i)")
        unanswered += 1
      }
    }
    #expect(unanswered > 100)
  }

  @Test(
    "no shortcut changes an answer on 2,000 nodes with 2,000 gangs", arguments: WorldSetting.all,
    [PlannerShortcuts.all.subtracting([.bounds, .rows]), [.jumps, .totals]])
  func shortcutsLarge(setting: WorldSetting, left: PlannerShortcuts) throws {
    let seed = 7
    let world = try DrawnWorld(seed: seed, setting, nodes: 2000, gangs: 2000, hours: 14 * 24)
    let (all, other) = (Self.plan(world, grid: .standard), Self.plan(world, grid: .standard, with: left))
    let moved = world.pending.indices.filter { all.answer($0) != other.answer($0) }
    #expect(
      moved.isEmpty, "seed \(seed), \(setting.name), only \(left): \(moved.count) moved, first \(moved.first ?? -1)")
  }

  @Test("where all takes half as long, a grid of half the unit says the same", arguments: WorldSetting.all)
  func otherUnit(setting: WorldSetting) throws {
    let half = TimeGrid(zones: Self.grid.zones, unit: .seconds(150))
    for seed in 1...20 {
      let world = try DrawnWorld(seed: seed, setting)
      let (round, quick) = (Self.plan(world), Self.plan(world.quickened(), grid: half))
      for i in world.pending.indices {
        #expect(round.start(i).map { $0.halved } == quick.start(i), "seed \(seed), \(setting.name), gang \(i)")
        #expect(round.isNever(i) == quick.isNever(i), "seed \(seed), \(setting.name), gang \(i)")
      }
    }
  }

  @Test("a planner that is used again answers as a new one")
  func reuse() throws {
    let setting = WorldSetting.all[4]
    for seed in 1...10 {
      let world = try DrawnWorld(seed: seed, setting)
      var planner = Planner(topology: world.topology, grid: Self.grid)
      var other = world.view
      other.running.removeAll { if case .whole = $0.place { true } else { false } }
      other.now = other.now - .seconds(3600)
      let before = planner.plan(other, Array(world.pending.reversed()))
      let again = planner.plan(world.view, world.pending)
      let fresh = Self.plan(world)
      #expect(before.count == again.count)
      #expect(world.pending.indices.allSatisfy { again.answer($0) == fresh.answer($0) }, "seed \(seed)")
    }
  }
}

extension Instant {
  fileprivate var halved: Instant { self == .never ? .never : Instant(nanoseconds: nanoseconds / 2) }
}

extension DrawnWorld {
  /// All times half as far from the beginning of time: walltimes are even numbers of nanoseconds.
  fileprivate func quickened() -> DrawnWorld {
    var world = self
    world.view.now = view.now.halved
    for i in view.running.indices { world.view.running[i].end = view.running[i].end.halved }
    for i in view.maintenance.indices {
      world.view.maintenance[i].from = view.maintenance[i].from.halved
      world.view.maintenance[i].to = view.maintenance[i].to.halved
    }
    for i in pending.indices {
      world.pending[i].begin = pending[i].begin.halved
      world.pending[i].walltime = pending[i].walltime.map { Span(nanoseconds: $0.nanoseconds / 2) }
    }
    return world
  }
}
