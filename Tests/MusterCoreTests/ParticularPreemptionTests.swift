import Testing

@testable import MusterCore

/// Who gives way to gangs that are to be alone on their nodes, or spread over places.
@Suite struct ParticularPreemptionTests {
  private static func high(
    nodes: Int32 = 1, devices: Int32 = 8, priority: Int32 = 10, _ change: (inout Wishes) -> Void
  ) -> JobSpec {
    Fleet.spec(nodes: nodes, devices: devices, priority: priority, change)
  }

  private static func alone(_ wishes: inout Wishes) { wishes.isExclusive = true }

  /// They run, and these of them have saved their work lately.
  private static func run(_ jobs: [JobID], saved: [JobID] = [], _ fleet: inout Fleet) {
    for state: ShimReport.State in [.prepared, .running] { for job in jobs { fleet.tell(job, state) } }
    fleet.pass(.seconds(600))
    for job in saved {
      guard let slot = fleet.controller.cluster.slot(of: job) else { continue }
      let attempt = AttemptID(job: job, number: fleet.controller.cluster.jobs[slot].attempt)
      fleet.controller.note(.checkpointCommitted(attempt: attempt, step: 100))
    }
    fleet.pass(.seconds(60))
  }

  private static func stopping(_ jobs: [JobID], _ fleet: borrowing Fleet) -> [JobID] {
    jobs.filter { fleet.state($0) == .stopping }
  }

  @Test("who is to be alone has a node when everybody on it leaves, and starts when all of them are gone")
  func everybody() {
    var fleet = Fleet()
    _ = fleet.submit(Fleet.spec(nodes: 14, priority: 20))
    // Two share a node, one has the other: less is lost of the two.
    let parts = fleet.submit([Fleet.spec(devices: 3), Fleet.spec(devices: 2)])
    let filler = fleet.submit(Fleet.spec(devices: 3, priority: 20))
    let whole = fleet.submit(Fleet.spec())
    #expect(Set((parts + [filler]).flatMap { fleet.nodes($0) }).count == 1)
    fleet.end(filler)
    Self.run(parts + [whole], saved: parts, &fleet)
    let job = fleet.submit(Self.high(devices: 1, Self.alone))
    #expect(Self.stopping(parts + [whole], fleet) == parts)
    #expect(fleet.kinds(job) == ["preempting"])
    let node = fleet.nodes(parts[0])
    fleet.tell(parts[0], .stopped)
    #expect(fleet.state(job) == .pending)
    // Also what asks for no devices is not put there meanwhile.
    let plain = fleet.submit(Array(repeating: Fleet.spec(nodes: 15, devices: 0), count: 2))
    #expect(plain.allSatisfy { fleet.state($0) == .starting && !fleet.nodes($0).contains(node[0]) })
    fleet.tell(parts[1], .stopped)
    #expect(fleet.state(job) == .starting && fleet.nodes(job) == node)
  }

  @Test("a node that somebody shares who may not be stopped is not bought", arguments: [true, false])
  func notEverybody(hasDevices: Bool) {
    var fleet = Fleet()
    _ = fleet.submit(Fleet.spec(nodes: 15, priority: 20))
    let low = fleet.submit(Fleet.spec(devices: 4))
    // A gang without devices gives way to nobody.
    let other = fleet.submit(
      hasDevices ? Fleet.spec(devices: 2, priority: 20) : Fleet.spec(nodes: 16, devices: 0))
    Self.run([low, other], &fleet)
    let job = fleet.submit(Self.high(Self.alone))
    #expect(fleet.state(low) == .running && fleet.state(job) == .pending)
    #expect(fleet.kinds(job) != ["preempting"])
    fleet.end(other)
    #expect(fleet.state(low) == .stopping && fleet.kinds(job) == ["preempting"])
    fleet.tell(low, .stopped)
    #expect(fleet.state(job) == .starting && fleet.nodes(job) == fleet.nodes(low))
  }

  @Test("beside a gang that is to be alone its own role without devices does not count as another's")
  func itsOwn() {
    var fleet = Fleet()
    let low = fleet.submit(RolesTests.spec([(16, 8), (16, 0)]))
    Self.run([low], &fleet)
    let job = fleet.submit(Self.high(Self.alone))
    #expect(fleet.state(low) == .stopping)
    fleet.tell(low, .stopped)
    #expect(fleet.state(job) == .starting)
  }

  @Test("its project is charged all devices of the nodes that it is alone on")
  func charge() {
    for (guaranteed, stops) in [(Int32(15), false), (16, true)] {
      var fleet = Fleet()
      var policy = fleet.controller.cluster.policy
      policy.projects = [ProjectPolicy(name: "a", quotas: [DeviceQuota(guaranteed: guaranteed)])]
      fleet.say(.applyPolicy(policy))
      let low = fleet.submit(Array(repeating: Fleet.spec(), count: 16))
      var spec = Self.high(nodes: 2, devices: 1, priority: 0, Self.alone)
      spec.project = "a"
      let job = fleet.submit(spec)
      // Within the guarantee with what it asks for, and beyond it with what it has.
      #expect(Self.stopping(low, fleet).count == (stops ? 2 : 0), "\(guaranteed) guaranteed")
      for victim in Self.stopping(low, fleet) { fleet.tell(victim, .stopped) }
      #expect(fleet.state(job) == (stops ? .starting : .pending))
    }
  }

  @Test("victims are chosen so that the gang is spread", arguments: [("rack", Int32(1)), ("rack", 2), ("block", 2)])
  func spread(level: String, atMost: Int32) {
    var fleet = Fleet()
    let low = fleet.submit(Array(repeating: Fleet.spec(), count: 16))
    // All of one rack, and of one block, have least to lose.
    Self.run(low, saved: low.filter { fleet.nodes($0)[0] < 4 }, &fleet)
    let job = fleet.submit(
      Self.high(nodes: 4) { $0.spread = Spread(level: level, atMost: atMost) })
    let stopped = Self.stopping(low, fleet)
    let nodes = stopped.flatMap { fleet.nodes($0) }
    #expect(stopped.count == 4 && fleet.kinds(job) == ["preempting"])
    let size: Int32 = level == "rack" ? 4 : 8
    for place in 0..<16 / size { #expect(nodes.count { $0 / size == place } <= Int(atMost)) }
    // As many of the cheap ones as the spread allows.
    #expect(nodes.count { $0 < 4 } == Int(atMost))
    for victim in stopped { fleet.tell(victim, .stopped) }
    #expect(fleet.state(job) == .starting && Set(fleet.nodes(job)) == Set(nodes))
  }

  @Test("nobody is stopped where the spread would not hold all the same")
  func noSpread() {
    var fleet = Fleet()
    // Two racks are those of others that may not be stopped.
    _ = fleet.submit(Fleet.spec(nodes: 8, priority: 20) { $0.within = Within(level: "block") })
    let low = fleet.submit(Array(repeating: Fleet.spec(), count: 8))
    Self.run(low, &fleet)
    func ask(_ nodes: Int32) -> JobSpec { Self.high(nodes: nodes) { $0.spread = Spread(level: "rack", atMost: 1) } }
    let three = fleet.submit(ask(3))
    #expect(Self.stopping(low, fleet).isEmpty && fleet.state(three) == .pending)
    let two = fleet.submit(ask(2))
    #expect(Self.stopping(low, fleet).count == 2 && fleet.kinds(two) == ["preempting"])
  }

  @Test("alone, spread and of a label: the nodes that meet all of it")
  func all() {
    var fleet = Fleet()
    let low = fleet.submit(Array(repeating: Fleet.spec(devices: 4), count: 32))
    Self.run(low, saved: low.filter { fleet.nodes($0)[0] % 2 == 1 }, &fleet)
    let job = fleet.submit(
      Self.high(nodes: 2, devices: 8) { wishes in
        wishes.isExclusive = true
        wishes.spread = Spread(level: "block", atMost: 1)
        wishes.constraint = [LabelRule(key: "new", value: "yes")]
      })
    let stopped = Self.stopping(low, fleet)
    let nodes = Set(stopped.flatMap { fleet.nodes($0) })
    #expect(stopped.count == 4 && nodes.count == 2 && nodes.allSatisfy { $0 % 2 == 0 })
    #expect(Set(nodes.map { $0 / 8 }).count == 2)
    for victim in stopped { fleet.tell(victim, .stopped) }
    #expect(fleet.state(job) == .starting && Set(fleet.nodes(job)) == nodes)
  }
}
