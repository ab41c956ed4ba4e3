extension Planner {
  /// Takes the best fit at a start that the search found, and writes the answer.
  mutating func hold(
    _ ask: Ask, _ bucket: Int, _ level: Int, _ wait: PlanningRound.WaitNumbers, _ round: inout PlanningRound
  ) {
    let last = grid.lastBucket(from: bucket, units: ask.search.units)
    quotas.take(ask.project, ask.type, ask.charge, from: bucket, through: last)
    if bucket == 0, !victims.isEmpty { victims.count(ask.owner, ask.type, ask.charge) }
    var entry = PlanningRound.Entry(
      kind: bucket == 0 ? .now : .later, type: Int16(ask.type), bucket: UInt16(bucket),
      devices: ask.partDevices, first: Int32(round.places.count), wait: wait)
    if ask.partDevices > 0 {
      let (lane, leaf) = choosePart(ask, bucket, last)
      shared.take(Int(ask.partDevices), lane: lane, from: bucket, through: last, nodes)
      entry.lane = Int32(lane)
      round.places.append(LeafNodes(leaf: leaf, nodes: 1))
    } else {
      let groups =
        level == layout.groupLevel ? chooseInGroup(ask, bucket, last) : chooseInDomain(ask, level, bucket, last)
      take(groups, bucket, last, &round.places)
    }
    entry.count = Int32(round.places.count) - entry.first
    round.entries.append(entry)
  }

  // MARK: Parts of nodes

  private mutating func choosePart(_ ask: Ask, _ bucket: Int, _ last: Int) -> (lane: Int, leaf: Int32) {
    let groups = layout.domains(type: ask.type, level: layout.groupLevel)
    var best: (lane: Int, free: Int)?
    for domain in groups where notBefore[domain] <= bucket {
      let group = layout.domains[domain].groups.lowerBound
      let found = shared.tightest(Int(ask.partDevices), group: group, from: bucket, through: last)
      if let found, found.free < best?.free ?? 256 { best = found }
    }
    if let best { return (best.lane, shared.leaf(ofLane: best.lane)) }
    var leaf: (lane: Int, free: Int) = (-1, 256)
    let one = tables.test(size: 1, segments: 1)
    for domain in groups where notBefore[domain] <= bucket {
      let group = layout.domains[domain].groups.lowerBound
      if nodes.count(one, group: group, from: bucket, through: last) > 0 {
        leastFreeLane(group, atLeast: 1, &leaf)
      }
    }
    precondition(leaf.lane >= 0, "the search found a place for a part that is not there")
    let number = layout.leafOfLane[leaf.lane]
    return (shared.unusedLane(leaf: number, from: bucket, through: last, nodes), number)
  }

  /// The lane of row 0 with the least free nodes of at least so many, if it has fewer than the one found so far.
  private func leastFreeLane(_ group: Int, atLeast least: Int, _ best: inout (lane: Int, free: Int)) {
    let row = nodes.row(0, group)
    for lane in 0..<layout.groups[group].lanes {
      let free = Int(row.load(fromByteOffset: lane, as: UInt8.self))
      if free >= least, free < best.free { best = (layout.groups[group].firstLane + lane, free) }
    }
  }

  // MARK: Whole nodes

  /// One leaf if one holds it all, of these the most used; else the group that has least room to spare. Writes to
  /// `delta` and `taken`; answers the groups that it touched.
  private mutating func chooseInGroup(_ ask: Ask, _ bucket: Int, _ last: Int) -> Range<Int> {
    let test = ask.search.test
    var leaf: (lane: Int, free: Int) = (-1, 256)
    var (tightest, leastRoom) = (-1, Int.max)
    for at in scopeDomains(ask, layout.groupLevel) where notBefore[at] <= bucket {
      let group = layout.domains[at].groups.lowerBound
      let found = nodes.count(test, group: group, from: bucket, through: last)
      guard found >= test.segments else { continue }
      if ask.nodes < 256 { leastFreeLane(group, atLeast: Int(ask.nodes), &leaf) }
      if found < leastRoom { (tightest, leastRoom) = (group, found) }
    }
    precondition(tightest >= 0, "the search found a place for a gang that is not there")
    if leaf.lane >= 0 {
      let group = Int(layout.groupOfLeaf[Int(layout.leafOfLane[leaf.lane])])
      nodes.delta.storeBytes(of: UInt8(ask.nodes), toByteOffset: leaf.lane, as: UInt8.self)
      taken[group] = ask.nodes
      return group..<group + 1
    }
    fill(group: tightest, test.size, test.segments)
    return tightest..<tightest + 1
  }

  private func scopeDomains(_ ask: Ask, _ level: Int) -> Range<Int> {
    layout.domains(type: ask.type, level: level)
  }

  /// The domain that has least room to spare; in it as few groups as possible, as `LeafFill` does with leaves.
  private mutating func chooseInDomain(_ ask: Ask, _ level: Int, _ bucket: Int, _ last: Int) -> Range<Int> {
    let test = ask.search.test
    var (tightest, leastRoom) = (-1, Int.max)
    for domain in layout.domains(type: ask.type, level: level)
    where notBefore[domain] <= bucket {
      var found = 0
      for group in layout.domains[domain].groups {
        let count = nodes.count(test, group: group, from: bucket, through: last)
        room[group] = Int32(count)
        found += count
      }
      if found >= test.segments, found < leastRoom { (tightest, leastRoom) = (domain, found) }
    }
    precondition(tightest >= 0, "the search found a place for a gang that is not there")
    let groups = layout.domains[tightest].groups
    var left = Int32(test.segments)
    while left > 0 {
      var (rest, largest) = (-1, -1)
      for group in groups where room[group] > 0 {
        if room[group] >= left, rest < 0 || room[group] < room[rest] { rest = group }
        if largest < 0 || room[group] > room[largest] { largest = group }
      }
      let group = rest >= 0 ? rest : largest
      precondition(group >= 0, "a domain was chosen that does not hold the segments")
      let segments = min(left, room[group])
      fill(group: group, test.size, Int(segments))
      left -= segments
      room[group] = 0
    }
    return groups
  }

  private mutating func fill(group: Int, _ size: Int, _ segments: Int) {
    fill.choose(
      nodes.row(0, group), lanes: layout.groups[group].lanes, size: size, segments: segments,
      into: nodes.delta + layout.groups[group].firstLane)
    taken[group] = Int32(size * segments)
  }

  /// Takes what the choice wrote, and lists it.
  mutating func take(_ groups: Range<Int>, _ bucket: Int, _ last: Int, _ places: inout [LeafNodes]) {
    let first = places.count
    for group in groups where taken[group] > 0 {
      for lane in layout.groups[group].firstLane..<layout.groups[group].firstLane + layout.groups[group].lanes {
        let count = nodes.delta.load(fromByteOffset: lane, as: UInt8.self)
        if count > 0 { places.append(LeafNodes(leaf: layout.leafOfLane[lane], nodes: Int32(count))) }
      }
      nodes.take(group: group, nodes: taken[group], from: bucket, through: last)
      taken[group] = 0
    }
    for i in first..<places.count where shared.hasLanes(leaf: Int(places[i].leaf)) {
      shared.closeUnused(leaf: Int(places[i].leaf), from: bucket, through: last, nodes)
    }
  }
}
