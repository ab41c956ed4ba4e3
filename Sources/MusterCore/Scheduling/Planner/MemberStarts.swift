/// The start of gangs of which whole nodes of one type alone say too much or nothing: those with a spread, and those that need
/// nodes of one name with different numbers of devices.
///
/// Whole nodes are counted leaf by leaf, in one bucket after the other, each window from its end: the first bucket that
/// fails is the last one, as in `WindowSearch`. What is found is held as all other places are, so nobody behind moves it.
struct MemberStart {
  var bucket: Int
  /// Of whole nodes.
  var chosen: [(Offer, Int32)]
  /// Devices that its project is charged, of the first type: a quota counts all types of a name alike.
  var type: Int32
  var charge: Int32
}

extension Planner {
  /// Looks at leaves that one round takes for them: some 40 ms. Who comes later in the queue than that has no start in this
  /// round and holds nothing.
  private static var mostMemberLooks: Int { 40_000_000 }

  /// Whether its later start is looked for here.
  mutating func isHeldByMember(_ gang: borrowing PendingGang, _ round: inout PlanningRound) -> Bool {
    if gang.spread != nil { return true }
    let reasons = round.reasons.count
    defer { round.reasons.removeSubrange(reasons...) }
    return types(gang).allSatisfy { possible(gang, $0, now: round.now, &round.reasons) == nil }
  }

  /// As `answerWhole`; that it does not start now is known.
  mutating func answerByMember(
    _ gang: borrowing PendingGang, _ view: borrowing PlanningView, _ round: inout PlanningRound
  ) {
    noteChanges(gang, view, &round)
    // What is free now by count and did not start: nothing is known of when it will.
    if let start = earliestByMember(gang, view, from: 0), start.bucket > 0 {
      holdByMember(gang, start, &round)
    } else {
      round.entries.append(PlanningRound.Entry(kind: .beyondHorizon, type: Int16(firstType(gang))))
    }
  }

  /// The best that it could have.
  func firstType(_ gang: borrowing PendingGang) -> Int32 {
    MemberOffers(topology: topology).kinds(gang).first?.first ?? max(0, types(gang).first ?? 0)
  }

  /// nil: none within the calendar.
  mutating func earliestByMember(
    _ gang: borrowing PendingGang, _ view: borrowing PlanningView, from: Int
  ) -> MemberStart? {
    let choice = MemberOffers(topology: topology)
    let units = gang.walltime.map(grid.units) ?? grid.units(grid.horizon)
    let begin = max(from, gang.begin > view.now ? grid.firstBucket(notBefore: gang.begin - view.now) : 0)
    var best: MemberStart?
    for kind in choice.kinds(gang) {
      var room = MemberRoom(gang, kind, topology)
      let usable = usable(room, gang, view)
      guard room.best(usable) >= gang.nodes, let type = kind.first else { continue }
      let least = kind.map { charge(gang, $0) }.min() ?? 0
      let end = best?.bucket ?? grid.bucketCount
      var bucket = begin
      while bucket < end {
        bucket = quotas.firstStart(gang.project, type, least, units: units, from: bucket, before: end)
        let fits = bucket < end ? firstStart(&room, usable, gang.nodes, units, from: bucket, before: end) : end
        guard fits == bucket, fits < end else {
          bucket = fits
          continue
        }
        let last = grid.lastBucket(from: bucket, units: units)
        if let chosen = choice.choose(gang, ofOneKind: wholeNodes(room, usable, from: bucket, through: last)) {
          let charge = charges(gang, chosen).reduce(0, +)
          let allowed = quotas.firstStart(gang.project, type, charge, units: units, from: bucket, before: bucket + 1)
          if allowed == bucket {
            best = MemberStart(bucket: bucket, chosen: chosen, type: type, charge: charge)
            break
          }
        }
        bucket += 1
      }
    }
    return best
  }

  /// By place of the room: nodes in service that the gang may have.
  private func usable(
    _ room: borrowing MemberRoom, _ gang: borrowing PendingGang, _ view: borrowing PlanningView
  ) -> [Int32] {
    room.leaves.map { leaf in
      let all = view.nodesInService[Int(leaf)]
      return gang.filter < 0 ? all : min(all, view.filters[Int(gang.filter)].known[Int(leaf)])
    }
  }

  private func free(_ leaf: Int32, _ bucket: Int) -> Int32 {
    let group = Int(layout.groupOfLeaf[Int(leaf)])
    let lane = Int(layout.laneOfLeaf[Int(leaf)]) - layout.groups[group].firstLane
    return Int32(nodes.blocks[group].value(bucket, lane))
  }

  /// The first bucket from which on the room holds the gang; any from `before` on if there is none before it.
  private mutating func firstStart(
    _ room: inout MemberRoom, _ usable: [Int32], _ needed: Int32, _ units: Int32, from: Int, before: Int
  ) -> Int {
    var bucket = from
    while bucket < before {
      guard memberLooks < Self.mostMemberLooks else { return before }
      var counts = usable
      var at = grid.lastBucket(from: bucket, units: units)
      var holds = true
      while at >= bucket {
        memberLooks &+= room.leaves.count
        var isLess = false
        for (i, leaf) in room.leaves.enumerated() {
          let free = free(leaf, at)
          if free < counts[i] {
            counts[i] = free
            isLess = true
          }
        }
        holds = !isLess || room.best(counts) >= needed
        if !holds { break }
        at -= 1
      }
      if holds { return bucket }
      bucket = at + 1
    }
    return bucket
  }

  private func wholeNodes(
    _ room: borrowing MemberRoom, _ usable: [Int32], from: Int, through: Int
  ) -> [Offer] {
    room.leaves.enumerated().compactMap { i, leaf in
      var count = usable[i]
      for bucket in from...through { count = min(count, free(leaf, bucket)) }
      guard count > 0 else { return nil }
      return Offer(leaf: leaf, type: topology.leaves[Int(leaf)].deviceType, lanes: [], whole: count)
    }
  }

  /// Takes what the search found, and writes the answer.
  mutating func holdByMember(_ gang: borrowing PendingGang, _ start: MemberStart, _ round: inout PlanningRound) {
    let units = gang.walltime.map(grid.units) ?? grid.units(grid.horizon)
    let last = grid.lastBucket(from: start.bucket, units: units)
    quotas.take(gang.project, start.type, start.charge, from: start.bucket, through: last)
    let first = round.places.count
    takeLeaves(start.chosen.map { ($0.0.leaf, $0.1) }, from: start.bucket, through: last, &round.places)
    round.entries.append(
      PlanningRound.Entry(
        kind: start.bucket == 0 ? .now : .later, type: Int16(start.type), bucket: UInt16(start.bucket),
        first: Int32(first), count: Int32(round.places.count - first)))
  }

  /// Lists them by leaf in rising order.
  private mutating func takeLeaves(
    _ leaves: [(leaf: Int32, nodes: Int32)], from: Int, through: Int, _ places: inout [LeafNodes]
  ) {
    for (leaf, count) in leaves {
      nodes.delta.storeBytes(
        of: UInt8(count), toByteOffset: Int(layout.laneOfLeaf[Int(leaf)]), as: UInt8.self)
      taken[Int(layout.groupOfLeaf[Int(leaf)])] += count
    }
    let first = places.count
    take(0..<layout.groups.count, from, through, &places)
    places[first...].sort { $0.leaf < $1.leaf }
  }

  // MARK: Gathering

  /// As `gather`, in leaves of any size of one kind, as a spread allows. Where a filter leaves nodes of a leaf out, counts do not
  /// say which of them are kept: there none are.
  /// - Returns: the types on which nodes are kept for it; none: none are.
  mutating func gatherByMember(
    _ gang: borrowing PendingGang, beside others: Set<Int32>, _ view: borrowing PlanningView
  ) -> [Int32] {
    let units = gang.walltime.map(grid.units) ?? grid.units(grid.horizon)
    let required = gang.within.flatMap { $0.isRequired ? $0.level : nil } ?? -1
    for kind in MemberOffers(topology: topology).kinds(gang) where others.isDisjoint(with: kind) {
      let least = kind.map { charge(gang, $0) }.min() ?? 0
      guard let type = kind.first,
        quotas.firstStart(gang.project, type, least, units: units, from: 0, before: 1) == 0
      else { continue }
      for level in stride(from: topology.levels.count - 1, through: required, by: -1) {
        var room = MemberRoom(gang, kind, topology, level: level)
        if keep(gang, &room, view) { return kind }
      }
    }
    return []
  }

  /// Takes what is free for good in the domain that could hold the gang and has most free for it; false: none could.
  private mutating func keep(
    _ gang: borrowing PendingGang, _ room: inout MemberRoom, _ view: borrowing PlanningView
  ) -> Bool {
    let most = room.leaves.map { leaf in
      let isAny =
        gang.filter < 0 || view.filters[Int(gang.filter)].known[Int(leaf)] >= topology.leaves[Int(leaf)].nodes
      return isAny ? view.nodesInService[Int(leaf)] : 0
    }
    let able = room.rooms(most)
    let free = wholeNodes(room, most, from: 0, through: grid.bucketCount - 1)
    var counts = [Int32](repeating: 0, count: room.leaves.count)
    var place = 0
    for offer in free {
      while room.leaves[place] != offer.leaf { place += 1 }
      counts[place] = offer.whole
    }
    let ready = room.rooms(counts)
    let ableScopes = able.indices.filter { able[$0] >= gang.nodes }
    guard let best = ableScopes.max(by: { (ready[$0], -$0) < (ready[$1], -$1) }) else { return false }
    let order = counts.indices.sorted { (-counts[$0], $0) < (-counts[$1], $1) }
    // All that the gang will have of a leaf is counted, also what is still busy.
    let shares = room.shares(most, in: best, order: order, nodes: gang.nodes)
    let kept = shares.map { (leaf: room.leaves[$0.place], nodes: min($0.nodes, counts[$0.place])) }
    var places: [LeafNodes] = []
    takeLeaves(kept.filter { $0.nodes > 0 }, from: 0, through: grid.bucketCount - 1, &places)
    for place in places {
      let type = Int(topology.leaves[Int(place.leaf)].deviceType)
      gathered[type] += place.nodes * topology.deviceTypes[type].devicesPerNode
    }
    return true
  }
}
