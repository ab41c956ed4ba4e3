/// One node of a place that is made of parts and whole nodes.
public struct MemberPlace: Hashable, Sendable {
  public var leaf: Int32
  /// A lane of the round's shared nodes, as in `HeldPlace.part`; -1: a whole node.
  public var lane: Int32
  public var devices: Int32

  public init(leaf: Int32, lane: Int32, devices: Int32) {
    self.leaf = leaf
    self.lane = lane
    self.devices = devices
  }
}

/// Which nodes of each leaf a gang may have, for gangs that ask for labels or leave nodes out.
public struct NodeFilter: Hashable, Sendable {
  /// By leaf: nodes in service that it may have and that are wholly free now.
  public var free: [Int32]
  /// By leaf: nodes known that it may have.
  public var known: [Int32]
  /// By shared node of the view.
  public var shared: [Bool]
  /// By leaf: nodes known that it may have and that are not in service; empty: nobody counted them.
  package var away: [Int32] = []
  /// By candidate of the view's victims: whole nodes of it that the gang may have.
  package var ofVictims: [[LeafNodes]] = []

  public init(free: [Int32], known: [Int32], shared: [Bool]) {
    self.free = free
    self.known = known
    self.shared = shared
  }
}

/// Gangs that the profile's counts alone do not place: several nodes of which parts are used, nodes with different numbers
/// of devices, a filter, a spread. They start when they fit now; else whole nodes are held for them (`MemberStarts`).
extension Planner {
  /// When places node by node are looked for.
  enum Mix {
    case none
    /// Before whole nodes: it needs parts alone.
    case first
    /// Its wishes are about single nodes.
    case only
  }

  func mix(_ gang: borrowing PendingGang) -> Mix {
    if gang.filter >= 0 || gang.spread != nil { return .only }
    guard gang.mayMix, gang.nodes > 1 else { return .none }
    for type in types(gang) where topology.deviceTypes.indices.contains(Int(type)) {
      if topology.deviceTypes[Int(type)].devicesPerNode > gang.devicesPerNode { return .first }
    }
    return .none
  }

  /// - Parameter freed: by leaf, nodes that its filter lets it have and that others leave for it; empty: none.
  mutating func startMixed(
    _ gang: borrowing PendingGang, _ view: borrowing PlanningView, _ round: inout PlanningRound, freed: [Int32] = []
  ) -> Bool {
    guard let members = placeMixed(gang, view, freed), let first = members.first else { return false }
    let type = topology.leaves[Int(first.leaf)].deviceType
    round.entries.append(
      PlanningRound.Entry(
        kind: .now, type: Int16(type), bucket: 0, lane: -2, devices: gang.devicesPerNode,
        first: Int32(round.members.count), count: Int32(members.count)))
    round.members += members
    capacity.bumpVersion()
    return true
  }

  /// The answer for a gang for which all nodes known are not enough, each reason why.
  mutating func neverMixed(
    _ gang: borrowing PendingGang, _ view: borrowing PlanningView, _ round: inout PlanningRound
  ) -> PlanningRound.Entry? {
    let offers = knownOffers(gang, view)
    if let small = quotaTooSmall([(copy gang, offers)]) {
      round.reasons.append(
        .quotaTooSmall(
          deviceType: types(gang).first ?? 0, needed: small.needed, limit: small.most, row: small.row))
      return PlanningRound.Entry(kind: .never, type: -1, first: Int32(round.reasons.count - 1), count: 1)
    }
    guard MemberOffers(topology: topology).choose(gang, offers) == nil else { return nil }
    let first = round.reasons.count
    var isWhole = false
    for type in types(gang) where possible(gang, type, now: round.now, &round.reasons) != nil { isWhole = true }
    if isWhole || gang.filter >= 0 || gang.spread != nil {
      let ofKinds = MemberOffers(topology: topology).kinds(gang).map { kind in
        offers.reduce(0) { $0 + (kind.contains($1.type) ? $1.count : 0) }
      }
      round.reasons.append(.tooFewMatch(nodes: gang.nodes, matching: ofKinds.max() ?? 0))
    }
    return PlanningRound.Entry(
      kind: .never, type: -1, first: Int32(first), count: Int32(round.reasons.count - first))
  }

  /// What whole nodes of one type say of a gang that may be placed node by node is too strict: the last entry is put right.
  mutating func correctMixed(
    _ gang: borrowing PendingGang, _ view: borrowing PlanningView, _ round: inout PlanningRound
  ) {
    let i = round.entries.count - 1
    if round.entries[i].kind == .never {
      round.entries[i] = PlanningRound.Entry(kind: .beyondHorizon, type: Int16(firstType(gang)), devices: 0)
    }
    round.entries[i].devices = 0
    guard round.entries[i].kind != .now else { return }
    let now = offers(gang, view, 0)
    var others: [(type: Int32, wait: PlanningRound.WaitNumbers)] = []
    for kind in MemberOffers(topology: topology).kinds(gang) {
      let wait = waitNumbers(gang, kind, now, view)
      if kind.contains(Int32(round.entries[i].type)) {
        round.entries[i].wait = wait
      } else if round.others.count < Self.mostChanges {
        others.append((kind[0], wait))
      }
    }
    round.others[i] = others.isEmpty ? nil : others
  }

  /// What it waits on with nodes of one kind, of which so many are offered it now.
  private mutating func waitNumbers(
    _ gang: borrowing PendingGang, _ kind: [Int32], _ now: [Offer], _ view: borrowing PlanningView
  ) -> PlanningRound.WaitNumbers {
    var wait = PlanningRound.WaitNumbers()
    var room = MemberRoom(gang, kind, topology)
    var free = [Int32](repeating: 0, count: topology.leaves.count)
    for offer in now { free[Int(offer.leaf)] += offer.count }
    let counts = room.leaves.map { free[Int($0)] }
    wait.free = counts.reduce(0, +)
    // Enough of them may be free, and not where a spread or a segment needs them.
    (wait.segments, wait.neededSegments) = (room.best(counts) / gang.segment, gang.nodes / gang.segment)
    wait.segment = gang.segment
    wait.isFiltered = gang.filter >= 0
    for leaf in room.leaves {
      let known = topology.leaves[Int(leaf)].nodes - view.nodesInService[Int(leaf)]
      wait.outOfService +=
        gang.filter < 0 || view.filters[Int(gang.filter)].away.isEmpty
        ? max(0, known) : view.filters[Int(gang.filter)].away[Int(leaf)]
    }
    let units = gang.walltime.map(grid.units) ?? grid.units(grid.horizon)
    let begin = gang.begin > view.now ? grid.firstBucket(notBefore: gang.begin - view.now) : 0
    for type in kind where wait.maintenance < 0 {
      wait.maintenance = capacity.window(type, before: grid.lastBucket(from: begin, units: units))
    }
    if let least = quotas.left(gang.project, kind[0], charge(gang, kind[0])) { wait.setQuota(least, quotas.rules) }
    return wait
  }

  /// The first row that can never hold the gangs of one job together, each on the nodes that are offered it.
  func quotaTooSmall(_ gangs: [(PendingGang, [Offer])]) -> QuotaRules.Exceeded? {
    guard let project = gangs.first?.0.project, project >= 0 else { return nil }
    var least = LeastCharge()
    for (gang, offers) in gangs {
      least.add(nodes: gang.nodes, MemberOffers(topology: topology).charges(gang, offers))
    }
    return least.tooSmall(quotas.rules, project).first
  }

  func knownOffers(_ gang: borrowing PendingGang, _ view: borrowing PlanningView) -> [Offer] {
    MemberOffers(topology: topology).known(gang, filter: gang.filter < 0 ? nil : view.filters[Int(gang.filter)].known)
  }

  private mutating func placeMixed(
    _ gang: borrowing PendingGang, _ view: borrowing PlanningView, _ freed: [Int32]
  ) -> [MemberPlace]? {
    let units = gang.walltime.map(grid.units) ?? grid.units(grid.horizon)
    if gang.begin > view.now, grid.firstBucket(notBefore: gang.begin - view.now) > 0 { return nil }
    let last = grid.lastBucket(from: 0, units: units)
    let choice = MemberOffers(topology: topology)
    let offers = offers(gang, view, last, freed)
    for kind in choice.kinds(gang) {
      let own = offers.filter { kind.contains($0.type) }
      guard let chosen = choice.choose(gang, ofOneKind: own) else { continue }
      if quotas.takeNow(gang.project, charges(gang, chosen), units: units, through: last) {
        return take(chosen, gang, last)
      }
      // Alone on its nodes it has fewer devices on smaller ones.
      guard gang.isExclusive,
        let smallest = choice.smallest(gang, own).flatMap({ choice.choose(gang, ofOneKind: $0) }),
        quotas.takeNow(gang.project, charges(gang, smallest), units: units, through: last)
      else { continue }
      return take(smallest, gang, last)
    }
    return nil
  }

  private mutating func take(
    _ chosen: [(Offer, Int32)], _ gang: borrowing PendingGang, _ last: Int
  ) -> [MemberPlace] {
    if !victims.isEmpty {
      for (type, devices) in charges(gang, chosen).enumerated() where devices > 0 {
        victims.count(gang.owner, Int32(type), devices)
      }
    }
    var members: [MemberPlace] = []
    for (offer, count) in chosen { take(offer, count, gang, last, &members) }
    return members
  }

  /// Devices that its project is charged, by type.
  func charges(_ gang: borrowing PendingGang, _ chosen: [(Offer, Int32)]) -> [Int32] {
    var charges = [Int32](repeating: 0, count: topology.deviceTypes.count)
    for (offer, count) in chosen {
      let all = topology.deviceTypes[Int(offer.type)].devicesPerNode
      charges[Int(offer.type)] += count * (gang.isExclusive ? all : gang.devicesPerNode)
    }
    return charges
  }

  private func offers(
    _ gang: borrowing PendingGang, _ view: borrowing PlanningView, _ last: Int, _ freed: [Int32] = []
  ) -> [Offer] {
    var offers: [Offer] = []
    for group in layout.groups.indices {
      let type = layout.groups[group].type
      let all = topology.deviceTypes[Int(type)].devicesPerNode
      guard all >= gang.devicesPerNode, gang.deviceTypes.isEmpty || gang.deviceTypes.contains(type) else { continue }
      let isWhole = gang.isExclusive || all == gang.devicesPerNode
      let row = nodes.row(0, group)
      nodes.blocks[group].windowMinimum(
        from: 0, through: last, useMinima: shortcuts.contains(.minima), into: row)
      let lanes = isWhole ? [] : shared.lanesInUse(group: group, devices: gang.devicesPerNode, through: last)
      for lane in 0..<layout.groups[group].lanes {
        let leaf = layout.leafOfLane[layout.groups[group].firstLane + lane]
        var offer = Offer(leaf: leaf, type: type, lanes: [], whole: 0)
        for (number, of) in lanes where of == leaf {
          let isAllowed =
            gang.filter < 0 || Int(number) >= view.sharedNodes.count
            || view.filters[Int(gang.filter)].shared[Int(number)]
          if isAllowed { offer.lanes.append(number) }
        }
        offer.whole = Int32(row.load(fromByteOffset: lane, as: UInt8.self))
        if !offer.lanes.isEmpty { settle(&offer, group: group, lane: lane, through: last) }
        if gang.filter >= 0 {
          let free = view.filters[Int(gang.filter)].free[Int(leaf)] + (freed.isEmpty ? 0 : freed[Int(leaf)])
          offer.whole = min(offer.whole, free)
        }
        if offer.count > 0 { offers.append(offer) }
      }
    }
    return offers
  }

  /// Where nothing else uses a lane any more it needs a node of its leaf itself: lanes that find none are left out, and what
  /// is left of the nodes is offered whole.
  private func settle(_ offer: inout Offer, group: Int, lane: Int, through last: Int) {
    var least = Int32.max
    for bucket in 0...last {
      let free = Int32(nodes.blocks[group].value(bucket, lane))
      var unused = offer.lanes.reduce(Int32(0)) { $0 + (shared.isUnused(lane: Int($1), bucket: bucket) ? 1 : 0) }
      while unused > free, let i = offer.lanes.lastIndex(where: { shared.isUnused(lane: Int($0), bucket: bucket) }) {
        offer.lanes.remove(at: i)
        unused -= 1
      }
      least = min(least, free - unused)
    }
    // Lanes that were left out later on have been counted in `least` before: it is too small then, never too large.
    offer.whole = max(0, least)
  }

  // MARK: Taking

  /// Shared nodes first, so that whole nodes stay whole.
  private mutating func take(
    _ offer: Offer, _ count: Int32, _ gang: borrowing PendingGang, _ last: Int, _ members: inout [MemberPlace]
  ) {
    let all = topology.deviceTypes[Int(offer.type)].devicesPerNode
    let parts = offer.lanes.prefix(Int(count))
    for lane in parts {
      shared.take(Int(gang.devicesPerNode), lane: Int(lane), from: 0, through: last, nodes)
      members.append(MemberPlace(leaf: offer.leaf, lane: lane, devices: gang.devicesPerNode))
    }
    let whole = Int(count) - parts.count
    guard whole > 0 else { return }
    if gang.isExclusive || all == gang.devicesPerNode {
      let group = Int(layout.groupOfLeaf[Int(offer.leaf)])
      nodes.delta.storeBytes(
        of: UInt8(whole), toByteOffset: Int(layout.laneOfLeaf[Int(offer.leaf)]), as: UInt8.self)
      nodes.take(group: group, nodes: Int32(whole), from: 0, through: last)
      if shared.hasLanes(leaf: Int(offer.leaf)) {
        shared.closeUnused(leaf: Int(offer.leaf), from: 0, through: last, nodes)
      }
      let member = MemberPlace(leaf: offer.leaf, lane: -1, devices: gang.isExclusive ? all : gang.devicesPerNode)
      members.append(contentsOf: repeatElement(member, count: whole))
    } else {
      for _ in 0..<whole {
        let lane = shared.unusedLane(leaf: offer.leaf, from: 0, through: last, nodes)
        shared.take(Int(gang.devicesPerNode), lane: lane, from: 0, through: last, nodes)
        members.append(MemberPlace(leaf: offer.leaf, lane: Int32(lane), devices: gang.devicesPerNode))
      }
    }
  }
}
