/// What a leaf has for one member after another.
struct Offer {
  var leaf: Int32
  var type: Int32
  /// Lanes of shared nodes that have enough devices left.
  var lanes: [Int32]
  var whole: Int32
  var count: Int32 { Int32(lanes.count) + whole }
}

/// Chooses leaves for a gang from what each of them offers, member by member.
struct MemberOffers {
  let topology: Topology

  /// Types that a gang may have nodes of together, the best first. A gang is of one name: its ranks wait for the slowest of
  /// them. Nodes of one name with other numbers of devices are as good.
  func kinds(_ gang: borrowing PendingGang) -> [[Int32]] {
    var kinds: [[Int32]] = []
    func add(_ type: Int32) {
      guard topology.deviceTypes.indices.contains(Int(type)) else { return }
      let own = topology.deviceTypes[Int(type)]
      guard own.devicesPerNode >= gang.devicesPerNode else { return }
      if let known = kinds.firstIndex(where: { topology.deviceTypes[Int($0[0])].name == own.name }) {
        kinds[known].append(type)
      } else {
        kinds.append([type])
      }
    }
    if gang.deviceTypes.isEmpty {
      for type in topology.deviceTypes.indices { add(Int32(type)) }
    } else {
      for type in gang.deviceTypes { add(type) }
    }
    return kinds
  }

  /// Of all nodes known, whatever their state; `filter`: of those of each leaf that the gang may have.
  func known(_ gang: borrowing PendingGang, filter: [Int32]? = nil) -> [Offer] {
    var offers: [Offer] = []
    for (i, leaf) in topology.leaves.enumerated() {
      let all = topology.deviceTypes[Int(leaf.deviceType)].devicesPerNode
      guard all >= gang.devicesPerNode, gang.deviceTypes.isEmpty || gang.deviceTypes.contains(leaf.deviceType) else {
        continue
      }
      let count = filter?[i] ?? leaf.nodes
      if count > 0 { offers.append(Offer(leaf: Int32(i), type: leaf.deviceType, lanes: [], whole: count)) }
    }
    return offers
  }

  /// On nodes of the first kind that holds the gang.
  func choose(_ gang: borrowing PendingGang, _ offers: [Offer]) -> [(Offer, Int32)]? {
    for kind in kinds(gang) {
      if let chosen = choose(gang, ofOneKind: offers.filter { kind.contains($0.type) }) { return chosen }
    }
    return nil
  }

  /// The tightest domain that holds the gang; in it the leaf that it fills best, else as few leaves as possible.
  func choose(_ gang: borrowing PendingGang, ofOneKind offers: [Offer]) -> [(Offer, Int32)]? {
    let inner = topology.levels.count - 1
    let required = gang.within.flatMap { $0.isRequired ? $0.level : nil } ?? -1
    for level in stride(from: inner, through: max(required, -1), by: -1) {
      var best: (offers: [Offer], room: Int32)?
      var (first, end) = (0, 0)
      let sorted = offers.sorted { (domain($0.leaf, level), $0.leaf) < (domain($1.leaf, level), $1.leaf) }
      while first < sorted.count {
        let at = domain(sorted[first].leaf, level)
        end = first
        while end < sorted.count, domain(sorted[end].leaf, level) == at { end += 1 }
        let own = Array(sorted[first..<end])
        let room = spreadCounts(own, gang).reduce(0) { $0 + $1 / gang.segment * gang.segment }
        if room >= gang.nodes, room < best?.room ?? .max { best = (own, room) }
        first = end
      }
      if let best { return fill(gang, best.offers) }
    }
    return nil
  }

  /// -1 is the fleet.
  func domain(_ leaf: Int32, _ level: Int) -> Int32 {
    level < 0
      ? 0
      : level == topology.levels.count - 1
        ? topology.rack(ofLeaf: Int(leaf)) : topology.domain(ofLeaf: Int(leaf), level: level)
  }

  /// What each leaf may give, no domain giving more than the gang's spread allows.
  private func spreadCounts(_ offers: [Offer], _ gang: borrowing PendingGang) -> [Int32] {
    guard let spread = gang.spread else { return offers.map(\.count) }
    var left: [Int32: Int32] = [:]
    return offers.map { offer in
      let at = domain(offer.leaf, spread.level)
      // Whole segments alone use it up.
      let count = min(offer.count, left[at] ?? spread.atMost) / gang.segment * gang.segment
      left[at] = (left[at] ?? spread.atMost) - count
      return count
    }
  }

  private func fill(_ gang: borrowing PendingGang, _ offers: [Offer]) -> [(Offer, Int32)] {
    let segment = gang.segment
    var counts = spreadCounts(offers, gang).map { $0 / segment * segment }
    var left = gang.nodes
    var chosen: [(Offer, Int32)] = []
    while left > 0 {
      var (rest, largest) = (-1, 0)
      for i in counts.indices {
        if counts[i] >= left, rest < 0 || counts[i] < counts[rest] { rest = i }
        if counts[i] > counts[largest] { largest = i }
      }
      let i = rest >= 0 ? rest : largest
      precondition(counts[i] > 0, "a domain was chosen that does not hold the gang")
      let count = min(left, counts[i])
      chosen.append((offers[i], count))
      counts[i] = 0
      left -= count
    }
    return chosen.sorted { $0.0.leaf < $1.0.leaf }
  }
}
