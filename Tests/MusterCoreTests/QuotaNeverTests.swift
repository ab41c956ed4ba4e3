import Testing

@testable import MusterCore

/// What no quota will ever let run is refused, or told so where the quota came later; all else starts one day.
@Suite struct QuotaNeverTests {
  /// The sixteen nodes of eight devices, and others in a rack of their own.
  private static func fleet(_ devices: [Int32], type: String = "", _ project: ProjectPolicy? = nil) -> Fleet {
    var fleet = Fleet(mode: PlanningMode())
    for (i, count) in devices.enumerated() {
      let node = NodeID(Int32(16 + i))
      let joined = NodeJoined(
        node: node, name: "x\(i)", machine: "x\(i)", boot: "b", devices: count, deviceType: type)
      fleet.say(.agentHello(joined, labels: [Label(key: "rack", value: "x")], pid: 1))
      fleet.say(.agentReport(node: node, []))
    }
    if let project { declare(project, &fleet) }
    return fleet
  }

  private static func declare(_ project: ProjectPolicy, _ fleet: inout Fleet) {
    var policy = fleet.controller.cluster.policy
    policy.projects = [project]
    fleet.say(.applyPolicy(policy))
  }

  private static func limit(_ devices: Int32) -> ProjectPolicy {
    ProjectPolicy(name: "a", limits: UseLimits(devices: devices))
  }

  private static func spec(_ roles: [(nodes: Int32, devices: Int32)], isAlone: Bool = false) -> JobSpec {
    var spec = RolesTests.spec(roles)
    (spec.project, spec.wishes.isExclusive) = ("a", isAlone)
    return spec
  }

  private static func refusal(_ spec: JobSpec, _ fleet: inout Fleet) -> String? {
    guard case .refused(.impossible(_, let why)) = fleet.say(.submit([spec], key: "", requestHash: 0)) else {
      return nil
    }
    return why
  }

  @Test("a quota of all types counts devices whose type has a name and those whose type has none")
  func allTypes() {
    var fleet = Self.fleet(
      [4, 4], type: "H100",
      ProjectPolicy(name: "a", quotas: [DeviceQuota(guaranteed: 8, borrowLimit: 0)]))
    var named = Self.spec([(2, 4)])
    named.wishes.deviceTypes = ["H100"]
    #expect(fleet.state(fleet.submit(named)) == .starting)
    let other = fleet.submit(Self.spec([(1, 1)]))
    #expect(fleet.state(other) == .pending && fleet.kinds(other).first == "quota")
  }

  @Test(
    "a gang that is alone on its nodes counts the smallest that hold it",
    arguments: [
      // Devices of the small nodes, what the project may use, nodes and devices asked for; what it needs, if that is more.
      (sizes: [4, 4], limit: 8, nodes: 2, devices: 1, needs: nil as Int?),
      (sizes: [4, 4], limit: 7, nodes: 2, devices: 1, needs: 8),
      (sizes: [4, 4], limit: 16, nodes: 3, devices: 1, needs: nil),
      (sizes: [4, 4], limit: 15, nodes: 3, devices: 1, needs: 16),
      // Those that are too small do not count.
      (sizes: [2, 4, 6], limit: 10, nodes: 2, devices: 3, needs: nil),
      (sizes: [2, 4, 6], limit: 9, nodes: 2, devices: 3, needs: 10),
      // One without devices of its own may be where there are none.
      (sizes: [0, 4], limit: 4, nodes: 2, devices: 0, needs: nil),
      (sizes: [0, 4], limit: 3, nodes: 2, devices: 0, needs: 4),
      (sizes: [4], limit: 7, nodes: 1, devices: 0, needs: nil),
    ])
  func alone(sizes: [Int], limit: Int, nodes: Int, devices: Int, needs: Int?) {
    let spec = Self.spec([(Int32(nodes), Int32(devices))], isAlone: true)
    var fleet = Self.fleet(sizes.map { Int32($0) }, Self.limit(Int32(limit)))
    guard let needs else {
      // It fits into the large nodes of one rack, and not into what it may use there.
      #expect(fleet.state(fleet.submit(spec)) == .starting)
      return
    }
    let may = "project a may use \(limit) devices at the same time"
    let why = "is alone on its nodes and so needs at least \(needs) devices; \(may)"
    #expect(Self.refusal(spec, &fleet) == why)

    // The limit comes when it waits already: it is told the same.
    fleet = Self.fleet(sizes.map { Int32($0) })
    var held = spec
    held.wishes.isHeld = true
    let job = fleet.submit(held)
    Self.declare(Self.limit(Int32(limit)), &fleet)
    fleet.say(.release(job))
    #expect(fleet.waiting(job).isNever)
    #expect(fleet.waiting(job).causes == [Waiting.Cause(kind: "quota", message: why)])
  }

  @Test("the nodes that it asks for, or leaves out, count alone", arguments: [true, false])
  func particular(isWithin: Bool) {
    var fleet = Self.fleet([4, 4])
    var spec = Self.spec([(2, 1)], isAlone: true)
    spec.wishes.isHeld = true
    if isWithin { spec.wishes.within = Within(level: "rack") } else { spec.wishes.exclude = ["x0"] }
    let job = fleet.submit(spec)
    Self.declare(Self.limit(8), &fleet)
    fleet.say(.release(job))
    // Both small ones are in one rack.
    #expect(fleet.state(job) == (isWithin ? .starting : .pending))
    #expect(fleet.waiting(job).isNever == !isWithin)
    if !isWithin { #expect(fleet.waiting(job).causes[0].message.contains("needs at least 12 devices")) }
  }

  @Test("roles count together, those without devices of their own as well where they are alone")
  func roles() {
    let spec = Self.spec([(1, 0), (2, 2)], isAlone: true)
    for (limit, mayRun) in [(Int32(8), true), (7, false)] {
      var fleet = Self.fleet([4], Self.limit(limit))
      if mayRun {
        let job = fleet.submit(spec)
        #expect(fleet.state(job) == .starting && fleet.nodes(job)[0] == 16)
      } else {
        #expect(Self.refusal(spec, &fleet)?.contains("needs at least 8 devices; project a may use 7") == true)
      }
      fleet = Self.fleet([4])
      var held = spec
      held.wishes.isHeld = true
      let job = fleet.submit(held)
      Self.declare(Self.limit(limit), &fleet)
      fleet.say(.release(job))
      #expect((fleet.state(job), fleet.waiting(job).isNever) == (mayRun ? .starting : .pending, !mayRun))
      // It holds nothing that others could have.
      let other = fleet.submit(Self.spec([(1, 2)]))
      if !mayRun { #expect(fleet.state(other) == .starting) }
    }
  }

  @Test("a gang whose nodes may be of several types counts in a quota of one of them what it cannot have elsewhere")
  func severalTypes() {
    let quota = ProjectPolicy(
      name: "a", quotas: [DeviceQuota(deviceType: "H100", guaranteed: 4, borrowLimit: 0)])
    for (types, nodes, mayRun) in [
      (["H100"], Int32(2), false), (["H100"], 1, true), ([], 2, true), ([], 16, true),
    ] {
      // Two sizes of the one, sixteen nodes of another.
      var fleet = Self.fleet([4, 8], type: "NVIDIA H100")
      var spec = Self.spec([(nodes, 4)])
      (spec.wishes.deviceTypes, spec.wishes.isHeld) = (types, true)
      let job = fleet.submit(spec)
      Self.declare(quota, &fleet)
      fleet.say(.release(job))
      #expect(fleet.waiting(job).isNever == !mayRun, "\(types) \(nodes)")
      #expect(Self.refusal(spec, &fleet) == (mayRun ? nil : fleet.waiting(job).causes.first?.message))
    }
  }

  @Test("the least that gangs are charged is what trying all nodes says")
  func leastCharge() {
    var dice = SeededDice(5)
    for _ in 0..<500 {
      // By place and node: its type and devices.
      let places = (0..<dice.draw(1...2)).map { _ in
        (0..<dice.draw(1...5)).map { _ in
          LeastCharge.Nodes(type: Int32(dice.draw(-1...1)), count: 1, devices: Int32(dice.draw(1...6)))
        }
      }
      let nodes = dice.draw(1...3)
      let chain = QuotaRules.Chain(.devices(types: dice.draw(0...1) == 0 ? [] : [1]), rows: [0])
      var least = LeastCharge()
      least.add(nodes: Int32(nodes), places)
      var best: Int32?
      for place in places {
        for chosen in 0..<(1 << place.count) where chosen.nonzeroBitCount == nodes {
          let sum = place.indices.filter { chosen & (1 << $0) != 0 }.reduce(Int32(0)) { sum, i in
            let isCounted = place[i].type >= 0 && (chain.counts == .devices(types: []) || place[i].type == 1)
            return sum + (isCounted ? place[i].devices : 0)
          }
          best = min(best ?? .max, sum)
        }
      }
      #expect(least.amount(chain) == best ?? 0)
    }
  }
}
