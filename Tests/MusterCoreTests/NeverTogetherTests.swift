import Testing

@testable import MusterCore

/// What could run part by part and never as a whole is refused, with the numbers; what could run is not.
@Suite struct NeverTogetherTests {
  private static func refusal(_ spec: JobSpec, _ fleet: inout Fleet) -> String? {
    guard case .refused(.impossible(_, let why)) = fleet.say(.submit([spec], key: "", requestHash: 0)) else {
      return nil
    }
    return why
  }

  @Test("roles that want a rack each: as many as there are racks, and no more")
  func racks() {
    for (roles, mayRun) in [(4, true), (5, false)] {
      var fleet = Fleet()
      var spec = RolesTests.spec(Array(repeating: (3, 8), count: roles))
      spec.wishes.within = Within(level: "rack")
      for i in spec.further.indices { spec.further[i].wishes.within = Within(level: "rack") }
      let why = Self.refusal(spec, &fleet)
      #expect((why == nil) == mayRun)
      if let why { #expect(why.contains("r4 (3 nodes of 8 devices within one rack) in 4 places"), "\(why)") }
    }
    // The same where nothing is refused: it holds nothing.
    var fleet = Fleet(refuses: false)
    var spec = RolesTests.spec(Array(repeating: (3, 8), count: 5))
    spec.wishes.within = Within(level: "rack")
    for i in spec.further.indices { spec.further[i].wishes.within = Within(level: "rack") }
    let job = fleet.submit(spec)
    #expect(fleet.waiting(job).isNever && fleet.kinds(job) == ["topology"])
  }

  @Test("nodes that match are no more than those of the rack that are no spares")
  func spares() {
    var fleet = Fleet()
    var policy = fleet.controller.cluster.policy
    policy.topology.places = [
      NodePlaces(domains: ["b0", "r0"], nodes: "n[0-3]", spares: 2),
      NodePlaces(domains: ["b0", "r1"], nodes: "n[4-7]", spares: 4),
    ]
    fleet.say(.applyPolicy(policy))
    for (nodes, rack, mayRun) in [(Int32(2), "r0", true), (3, "r0", false), (1, "r1", false), (4, "r2", true)] {
      let spec = Fleet.spec(nodes: nodes) { $0.constraint = [LabelRule(key: "rack", value: rack)] }
      #expect((Self.refusal(spec, &fleet) == nil) == mayRun, "\(nodes) of \(rack)")
    }
    let two = Fleet.spec(nodes: 3) { wishes in
      wishes.constraint = [LabelRule(key: "block", value: "b0")]
      wishes.exclude = ["n0"]
    }
    #expect(Self.refusal(two, &fleet)?.contains("2 such nodes") == true)
  }

  @Test("a gang of one type is judged against the quotas of its types together")
  func quotas() {
    var fleet = Fleet(types: ["H100", "H100", "A100", "A100"])
    var policy = fleet.controller.cluster.policy
    policy.projects = [
      ProjectPolicy(
        name: "default",
        quotas: [
          DeviceQuota(deviceType: "H100", guaranteed: 8, borrowLimit: 0),
          DeviceQuota(deviceType: "A100", guaranteed: 16, borrowLimit: 0),
        ])
    ]
    fleet.say(.applyPolicy(policy))
    #expect(Self.refusal(Fleet.spec(nodes: 2), &fleet) == nil)
    let why = Self.refusal(Fleet.spec(nodes: 3), &fleet)
    #expect(why?.contains("8 H100 devices") == true && why?.contains("16 A100 devices") == true, "\(why ?? "taken")")
    #expect(Self.refusal(RolesTests.spec([(2, 8), (1, 8)]), &fleet) == nil)
    #expect(Self.refusal(RolesTests.spec([(2, 8), (1, 8), (1, 8)]), &fleet) != nil)
  }

  // MARK: Against every way to name nodes

  private struct Brute {
    let topology: Topology
    let gangs: [PendingGang]
    /// By node: its leaf, and devices left.
    var leafOfNode: [Int] = []
    var left: [Int32] = []

    init(_ topology: Topology, _ gangs: [PendingGang]) {
      (self.topology, self.gangs) = (topology, gangs)
      for (i, leaf) in topology.leaves.enumerated() {
        for _ in 0..<leaf.nodes {
          leafOfNode.append(i)
          left.append(topology.deviceTypes[Int(leaf.deviceType)].devicesPerNode)
        }
      }
    }

    mutating func fits(_ number: Int = 0) -> Bool {
      guard number < gangs.count else { return true }
      let gang = gangs[number]
      for chosen in 0..<(1 << left.count) where chosen.nonzeroBitCount == gang.nodes {
        let nodes = left.indices.filter { chosen & (1 << $0) != 0 }
        guard isAllowed(nodes, gang) else { continue }
        let before = left
        for node in nodes { left[node] = gang.isExclusive ? 0 : left[node] - gang.devicesPerNode }
        if fits(number + 1) { return true }
        left = before
      }
      return false
    }

    private func isAllowed(_ nodes: [Int], _ gang: PendingGang) -> Bool {
      let leaves = nodes.map { leafOfNode[$0] }
      guard Set(leaves.map { topology.deviceTypes[Int(topology.leaves[$0].deviceType)].name }).count == 1 else {
        return false
      }
      for (node, leaf) in zip(nodes, leaves) {
        let type = topology.leaves[leaf].deviceType
        let all = topology.deviceTypes[Int(type)].devicesPerNode
        if left[node] < (gang.isExclusive ? max(all, gang.devicesPerNode) : gang.devicesPerNode) { return false }
        if !gang.deviceTypes.isEmpty, !gang.deviceTypes.contains(type) { return false }
      }
      func domains(_ level: Int) -> [Int32] { leaves.map { topology.domain(ofLeaf: $0, level: level) } }
      if let within = gang.within, within.isRequired, Set(domains(within.level)).count > 1 { return false }
      if let spread = gang.spread {
        let own = domains(spread.level)
        if own.contains(where: { at in own.count { $0 == at } > Int(spread.atMost) }) { return false }
      }
      return Set(leaves).allSatisfy { leaf in leaves.count { $0 == leaf } % Int(gang.segment) == 0 }
    }
  }

  @Test("roles together: what trying all nodes says", arguments: 1...300)
  func brute(seed: Int) throws {
    var dice = SeededDice(seed)
    let types = [
      DeviceType(name: "a", devicesPerNode: 2), DeviceType(name: "a", devicesPerNode: 4),
      DeviceType(name: "b", devicesPerNode: 4),
    ]
    var leaves: [Topology.Leaf] = []
    for i in 0..<dice.draw(2...4) {
      leaves.append(
        Topology.Leaf(
          domains: [Int32(i / 2)], nodes: Int32(dice.draw(1...2)),
          deviceType: Int32(dice.chance(60) ? 1 : dice.draw(0...2))))
    }
    let topology = try Topology(levels: ["block", "rack"], deviceTypes: types, leaves: leaves)
    let gangs = (0..<dice.draw(2...3)).map { _ in
      var gang = PendingGang(nodes: Int32(dice.draw(1...3)), devicesPerNode: Int32(dice.draw(1...4)), walltime: nil)
      if dice.chance(30), gang.nodes == 2 { gang.segment = 2 }
      if dice.chance(40) { gang.within = PendingGang.Scope(level: dice.draw(0...1)) }
      if dice.chance(20) {
        gang.spread = PendingGang.SpreadLimit(level: dice.draw(0...1), atMost: Int32(dice.draw(1...2)))
      }
      if dice.chance(20) { gang.deviceTypes = [2, 0, 1] }
      gang.isExclusive = dice.chance(20)
      return gang
    }
    var brute = Brute(topology, gangs)
    var fit = RolesFit(gangs.map { RolesFit.Gang($0, known: nil) }, topology)
    #expect(fit.mayFit() == brute.fits())
    // One alone, by the counts that a submission is judged with.
    let offers = MemberOffers(topology: topology)
    for gang in gangs {
      var alone = Brute(topology, [gang])
      #expect((offers.choose(gang, offers.known(gang)) != nil) == alone.fits())
    }
  }
}
