import Testing

@testable import MusterCore

/// Jobs of several roles: each its own gang, all started together or none.
@Suite struct RolesTests {
  static func spec(_ roles: [(nodes: Int32, devices: Int32)], walltime: Span? = nil) -> JobSpec {
    var spec = Fleet.spec(nodes: roles[0].nodes, devices: roles[0].devices, walltime: walltime)
    for (i, role) in roles.dropFirst().enumerated() {
      spec.further.append(
        FurtherRole(
          role: RoleSpec(
            name: "r\(i + 1)", nodes: role.nodes, devicesPerNode: role.devices, ranksPerNode: 1, command: ["x"],
            workingDirectory: "/"),
          wishes: Wishes()))
    }
    return spec
  }

  @Test("members and ranks follow one another, role by role")
  func parts() {
    var spec = Self.spec([(2, 8), (3, 4), (1, 0)])
    spec.role.ranksPerNode = 8
    spec.further[0].role.ranksPerNode = 2
    #expect((spec.nodes, spec.ranks, spec.devices) == (6, 16 + 6 + 1, 28))
    #expect((0..<6).map { spec.part(ofMember: $0).number } == [0, 0, 1, 1, 1, 2])
    #expect((0..<6).map { spec.ranks(ofMember: $0) } == [0..<8, 8..<16, 16..<18, 18..<20, 20..<22, 22..<23])
    #expect((0..<spec.ranks).allSatisfy { spec.ranks(ofMember: spec.member(ofRank: $0)).contains($0) })
    #expect(spec.byRole(Array(0..<6)) == [[0, 1], [2, 3, 4], [5]])
    #expect(spec.alone(1).role.name == "r1" && !spec.alone(1).hasRoles)
  }

  @Test("all roles start together or none does, and what does not start holds nothing now")
  func allOrNone() {
    var fleet = Fleet()
    let busy = fleet.submit(Fleet.spec(nodes: 6, walltime: .seconds(3600)))
    let job = fleet.submit(Self.spec([(8, 8), (4, 8), (1, 0)], walltime: .seconds(3600)))
    #expect(fleet.state(job) == .pending && fleet.nodes(job).isEmpty)
    let waiting = fleet.waiting(job)
    // To the next edge of the planner's buckets.
    #expect(waiting.start.map { $0 - fleet.now }.map { $0 >= .seconds(3600) && $0 < .seconds(3900) } == true)
    // Ten nodes are free: enough for each role.
    #expect(waiting.causes.map(\.kind) == ["priority"])
    // What ends before it starts may have the nodes meanwhile; what does not may have those that it leaves.
    let short = fleet.submit(Fleet.spec(nodes: 10, walltime: .seconds(1800)))
    #expect(fleet.state(short) == .starting)
    fleet.end(short)
    let long = fleet.submit(Fleet.spec(nodes: 5, walltime: .seconds(9 * 3600)))
    #expect(fleet.state(long) == .pending)
    fleet.end(busy)
    #expect(fleet.state(job) == .starting)
    let places = fleet.nodes(job)
    #expect(places.count == 13 && Set(places.prefix(12)).count == 12)
    fleet.end(job)
    #expect(fleet.state(job) == .completed)
  }

  @Test("roles may share nodes, each with devices of its own")
  func share() throws {
    var fleet = Fleet()
    _ = fleet.submit(Fleet.spec(nodes: 15))
    let job = fleet.submit(Self.spec([(1, 4), (1, 3), (1, 0)]))
    #expect(fleet.state(job) == .starting)
    let found = fleet.controller.cluster.slot(of: job)
    let slot = try #require(found)
    let places = fleet.controller.cluster.attemptPlaces[Int(fleet.controller.cluster.jobs[slot].latestAttempt)]
    #expect(places[0].node == places[1].node)
    #expect(places.map(\.devices.nonzeroBitCount) == [4, 3, 0])
    #expect(places[0].devices & places[1].devices == 0)
  }

  @Test("roles without devices need as many nodes as the largest of them")
  func plain() {
    var fleet = Fleet()
    #expect(fleet.state(fleet.submit(Self.spec([(12, 0), (8, 0)]))) == .starting)
  }

  @Test("a job whose roles cannot run at the same time is refused, each cause with its numbers")
  func impossible() {
    var fleet = Fleet()
    func refusal(_ spec: JobSpec) -> String? {
      guard case .refused(.impossible(_, let why)) = fleet.say(.submit([spec], key: "", requestHash: 0)) else {
        return nil
      }
      return why
    }
    #expect(refusal(Self.spec([(1, 8), (17, 8)]))?.contains("(role r1)") == true)
    #expect(
      refusal(Self.spec([(9, 8), (8, 8)]))
        == "needs 136 devices for its 2 roles together; the fleet has 128, busy or not")
    #expect(refusal(Self.spec([(8, 8), (8, 8)])) == nil)
  }

  @Test("a level that only a further role names, and that nobody declared, is refused")
  func level() {
    var fleet = Fleet()
    var spec = Self.spec([(1, 8), (1, 8)])
    spec.further[0].wishes.within = Within(level: "hall")
    guard case .refused(.noSuchLevel("hall", _)) = fleet.say(.submit([spec], key: "", requestHash: 0)) else {
      Issue.record("accepted")
      return
    }
  }

  @Test("each role finds its own shape and type of node; a limit on running jobs counts the job once")
  func shapes() {
    var fleet = Fleet()
    fleet.declare("default") { $0.limits.runningJobs = 1 }
    var spec = Self.spec([(4, 8), (4, 8)])
    spec.wishes.segment = 4
    spec.further[0].wishes.constraint = [LabelRule(key: "new", value: "yes")]
    let job = fleet.submit(spec)
    #expect(fleet.state(job) == .starting)
    let nodes = fleet.nodes(job)
    #expect(Set(nodes.prefix(4).map { $0 / 4 }).count == 1)
    #expect(nodes.suffix(4).allSatisfy { $0 % 2 == 0 })
    #expect(fleet.state(fleet.submit(Fleet.spec())) == .pending)
  }

  @Test("after a lost node each role keeps its healthy nodes and their order")
  func repair() {
    var fleet = Fleet()
    let job = fleet.submit(Self.spec([(4, 8), (4, 4), (2, 0)]))
    for state: ShimReport.State in [.prepared, .running] { fleet.tell(job, state) }
    let before = fleet.nodes(job)
    fleet.say(.nodeDied(node: "n\(before[5])", evidence: "gone"))
    fleet.tell(job, .stopped)
    let after = fleet.nodes(job)
    #expect(after.count == before.count && after[5] != before[5])
    #expect((0..<8).allSatisfy { $0 == 5 || after[$0] == before[$0] })
  }

  /// Joins each drawn gang to the one before it in some places.
  private static func joined(_ world: DrawnWorld, seed: Int) -> DrawnWorld {
    var (world, dice) = (world, SeededDice(seed))
    for i in 1..<world.pending.count where dice.chance(30) {
      let first = world.pending[i - 1]
      world.pending[i].joins = true
      (world.pending[i].walltime, world.pending[i].project) = (first.walltime, first.project)
      (world.pending[i].begin, world.pending[i].priority) = (first.begin, first.priority)
    }
    return world
  }

  @Test(
    "joined gangs start in one bucket, the first in which all fit; others as brute force finds",
    arguments: [WorldSetting.all[0], WorldSetting.all[1], WorldSetting.all[2], WorldSetting.all[4]])
  func together(setting: WorldSetting) throws {
    var (groups, later) = (0, 0)
    for seed in 1...40 {
      let world = Self.joined(try DrawnWorld(seed: seed, setting, nodes: 24 + seed), seed: seed)
      let round = PlannerTests.plan(world)
      let grid = PlannerTests.grid.aligned(to: world.view.now)
      let reference = PlannerReference(world.topology, world.view, grid)
      var i = 0
      while i < world.pending.count {
        var end = i + 1
        while end < world.pending.count, world.pending[end].joins { end += 1 }
        defer { i = end }
        let starts = (i..<end).map { round.start($0) }
        #expect(Set(starts).count == 1, "seed \(seed), \(setting.name), gangs \(i)..<\(end): \(starts)")
        #expect((i..<end).allSatisfy { round.isNever($0) == round.isNever(i) })
        if end - i == 1 {
          let found = reference.earliest(world.pending[i])?.bucket
          #expect(
            found == round.start(i).map { grid.bucket(containing: $0 - world.view.now) },
            "seed \(seed), \(setting.name), gang \(i)")
        } else {
          groups += 1
          if let start = starts[0], start > world.view.now {
            later += 1
            try Self.checkEarlier(
              world, i..<end, start, reference, "seed \(seed), \(setting.name), gangs \(i)..<\(end)")
          }
        }
        for j in i..<end {
          switch round.answer(j) {
          case .startsNow(let type, let place):
            reference.take(world.pending[j], type, place, 0, isMember: j > i)
          case .startsAt(let at, let type, let place):
            reference.take(
              world.pending[j], type, place, grid.bucket(containing: at - world.view.now), isMember: j > i)
          default: continue
          }
        }
        #expect(reference.broken.isEmpty, "seed \(seed), \(setting.name), gangs \(i)..<\(end): \(reference.broken)")
      }
      #expect(reference.realisable(), "seed \(seed), \(setting.name)")
    }
    #expect(groups > 200 && later > 20)
  }

  /// In each bucket before, one of them does not fit, or a planner that must start them all then, one by one, does not.
  private static func checkEarlier(
    _ world: DrawnWorld, _ group: Range<Int>, _ start: Instant, _ reference: PlannerReference, _ what: String
  ) throws {
    let grid = PlannerTests.grid.aligned(to: world.view.now)
    // A limit on jobs counts them singly when they are not joined.
    guard world.pending[group.lowerBound].project != 4 else { return }
    for bucket in 0..<grid.bucket(containing: start - world.view.now) {
      let at = world.view.now + grid.start(ofBucket: bucket)
      guard at >= world.pending[group.lowerBound].begin else { continue }
      let fits = group.allSatisfy { i in
        reference.types(world.pending[i]).contains { reference.holds(world.pending[i], $0, bucket) != nil }
      }
      guard fits else { continue }
      var single = Array(world.pending[..<group.upperBound])
      for i in group { (single[i].joins, single[i].begin) = (false, at) }
      let round = PlannerTests.plan(world, single)
      #expect(!group.allSatisfy { round.start($0) == at }, "\(what) fit in bucket \(bucket)")
    }
  }
}
