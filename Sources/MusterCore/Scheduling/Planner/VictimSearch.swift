/// The cheapest victims in one domain, by counts.
struct VictimSearch {
  /// At most so many segments of the gang in each of some domains.
  struct Spread {
    /// By leaf; -1: of another type.
    var domains: [Int32]
    var segments: Int32
  }

  /// Nodes as they become free.
  private struct Room {
    /// By leaf.
    var nodes: [Int32]
    /// By domain of the spread, segments that its leaves hold, more than it lets the gang have counted too.
    var segments: [Int32]
  }

  /// By leaf: nodes that are free for the gang's whole time.
  let free: [Int32]
  let size: Int32
  let segments: Int32
  let units: VictimUnits
  /// Numbers of units, the least loss for a node first.
  let order: [Int]
  /// In domains that are no larger than those that are looked at; nil: any number of segments in each.
  var spread: Spread?
  /// Domains that are looked at closely.
  private static let closeLooks = 4

  func cost(of chosen: [Int]) -> Int64 { chosen.reduce(0) { $0 + units.units[$1].cost } }

  /// Numbers of units. `domains`: by leaf, -1 for those that are none. nil: no domain holds the gang whoever leaves.
  func choose(of domains: [Int32]) -> [Int]? {
    let count = Int(domains.max() ?? -1) + 1
    guard count > 0 else { return nil }
    var (room, held) = (emptyRoom(), [Int32](repeating: 0, count: count))
    for (leaf, domain) in domains.enumerated() where domain >= 0 {
      held[Int(domain)] += change(&room, Int32(leaf), free[leaf])
    }
    var (costs, lastUnit) = ([Int64](repeating: 0, count: count), [Int](repeating: -1, count: count))
    var satisfied: [Int32] = []
    for domain in 0..<count where held[domain] >= segments { satisfied.append(Int32(domain)) }
    // All domains at once, in the order of loss in the whole fleet: a first guess of what each would cost.
    for i in order {
      for at in units.units[i].places {
        let place = units.places[at]
        let domain = domains[Int(place.leaf)]
        guard domain >= 0, held[Int(domain)] < segments else { continue }
        held[Int(domain)] += change(&room, place.leaf, place.nodes)
        if lastUnit[Int(domain)] != i { costs[Int(domain)] += units.units[i].cost }
        lastUnit[Int(domain)] = i
        if held[Int(domain)] >= segments { satisfied.append(domain) }
      }
    }
    satisfied.sort { costs[Int($0)] != costs[Int($1)] ? costs[Int($0)] < costs[Int($1)] : $0 < $1 }
    var best: (units: [Int], cost: Int64)?
    for domain in satisfied.prefix(Self.closeLooks) {
      for chosen in [choose(in: domain, domains), chooseLeaves(in: domain, domains)] {
        guard let chosen else { continue }
        let cost = cost(of: chosen)
        if cost < best?.cost ?? .max { best = (chosen, cost) }
      }
    }
    return best?.units
  }

  /// In one domain that holds the gang if all leave: the least loss for a node of it first, then those that are not needed
  /// after all go on, the dearest first.
  private func choose(in domain: Int32, _ domains: [Int32]) -> [Int]? {
    var (room, held) = freeRoom(in: domain, domains)
    var here: [(unit: Int, nodes: Int32)] = []
    for i in order {
      var useful: Int32 = 0
      for at in units.units[i].places where domains[Int(units.places[at].leaf)] == domain {
        useful += units.places[at].nodes
      }
      if useful > 0 { here.append((i, useful)) }
    }
    let byLoss = VictimUnits.byLoss(here.count) { (units.units[here[$0].unit].cost, here[$0].nodes) }
    var chosen: [Int] = []
    for i in byLoss where held < segments {
      chosen.append(here[i].unit)
      held += change(&room, of: here[i].unit, domain, domains, sign: 1)
    }
    return needed(chosen, domain, domains, &room, held)
  }

  /// Leaves first: those whose next segments would lose least, then the gangs that free most of what these need. Where a
  /// segment is nearly a leaf, nodes that are freed here and there make none.
  private func chooseLeaves(in domain: Int32, _ domains: [Int32]) -> [Int]? {
    // Where they are to be spread, the cheapest leaves may lie in one place.
    guard size > 1, segments > 1, spread == nil else { return nil }
    var (room, held) = freeRoom(in: domain, domains)
    var need = needs(cheapestSegments(in: domain, domains, count: Int(segments - held)))
    func useful(_ unit: Int, _ need: [Int32]) -> Int32 {
      var nodes: Int32 = 0
      for at in units.units[unit].places { nodes += min(units.places[at].nodes, need[Int(units.places[at].leaf)]) }
      return nodes
    }
    var here: [(unit: Int, nodes: Int32)] = []
    for i in order {
      let nodes = useful(i, need)
      if nodes > 0 { here.append((i, nodes)) }
    }
    let byLoss = VictimUnits.byLoss(here.count) { (units.units[here[$0].unit].cost, here[$0].nodes) }
    var chosen: [Int] = []
    for i in byLoss where useful(here[i].unit, need) > 0 {
      chosen.append(here[i].unit)
      held += change(&room, of: here[i].unit, domain, domains, sign: 1)
      for at in units.units[here[i].unit].places {
        let leaf = Int(units.places[at].leaf)
        need[leaf] = max(0, need[leaf] - units.places[at].nodes)
      }
    }
    return held < segments ? nil : needed(chosen, domain, domains, &room, held)
  }

  /// Leaves of so many segments beside those that are free, a leaf as often as it is to hold one more: each priced with
  /// the least loss for its nodes, as if gangs could be stopped in parts.
  private func cheapestSegments(in domain: Int32, _ domains: [Int32], count: Int) -> [Int32] {
    var missing = free.map { size - $0 % size }
    var price = [Double](repeating: 0, count: free.count)
    var (leaves, prices): ([Int32], [Int64]) = ([], [])
    for i in order {
      let loss = Double(units.units[i].cost) / Double(units.units[i].nodes)
      for at in units.units[i].places where domains[Int(units.places[at].leaf)] == domain {
        let leaf = Int(units.places[at].leaf)
        var nodes = units.places[at].nodes
        while nodes >= missing[leaf] {
          leaves.append(Int32(leaf))
          prices.append(Int64(price[leaf] + loss * Double(missing[leaf])))
          nodes -= missing[leaf]
          (missing[leaf], price[leaf]) = (size, 0)
        }
        missing[leaf] -= nodes
        price[leaf] += loss * Double(nodes)
      }
    }
    return VictimUnits.byLoss(leaves.count) { (prices[$0], 1) }.prefix(max(0, count)).map { leaves[$0] }
  }

  /// By leaf: nodes that are to be freed.
  private func needs(_ leaves: [Int32]) -> [Int32] {
    var need = [Int32](repeating: 0, count: free.count)
    for leaf in leaves {
      need[Int(leaf)] += need[Int(leaf)] == 0 ? size - free[Int(leaf)] % size : size
    }
    return need
  }

  /// Without those that the gang does not need to leave, the dearest first.
  private func needed(
    _ chosen: [Int], _ domain: Int32, _ domains: [Int32], _ room: inout Room, _ held: Int32
  ) -> [Int] {
    var held = held
    var goesOn = [Bool](repeating: false, count: chosen.count)
    let costs = chosen.map { units.units[$0].cost }
    for i in chosen.indices.sorted(by: { costs[$0] != costs[$1] ? costs[$0] > costs[$1] : $0 > $1 }) {
      let lost = -change(&room, of: chosen[i], domain, domains, sign: -1)
      goesOn[i] = held - lost >= segments
      if goesOn[i] {
        held -= lost
      } else {
        _ = change(&room, of: chosen[i], domain, domains, sign: 1)
      }
    }
    return chosen.indices.filter { !goesOn[$0] }.map { chosen[$0] }
  }

  private func change(
    _ room: inout Room, of unit: Int, _ domain: Int32, _ domains: [Int32], sign: Int32
  ) -> Int32 {
    var more: Int32 = 0
    for at in units.units[unit].places {
      let place = units.places[at]
      if domains[Int(place.leaf)] == domain { more += change(&room, place.leaf, sign * place.nodes) }
    }
    return more
  }

  /// Segments that the gang may have more of, with so many nodes of the leaf.
  private func change(_ room: inout Room, _ leaf: Int32, _ by: Int32) -> Int32 {
    let before = room.nodes[Int(leaf)]
    room.nodes[Int(leaf)] = before + by
    let more = (before + by) / size - before / size
    guard let spread, spread.domains[Int(leaf)] >= 0 else { return more }
    let at = Int(spread.domains[Int(leaf)])
    let held = room.segments[at]
    room.segments[at] = held + more
    return min(spread.segments, held + more) - min(spread.segments, held)
  }

  private func emptyRoom() -> Room {
    let places = spread.map { Int($0.domains.max() ?? -1) + 1 } ?? 0
    return Room(nodes: Array(repeating: 0, count: free.count), segments: Array(repeating: 0, count: places))
  }

  /// What is free in a domain, and the segments that it holds.
  private func freeRoom(in domain: Int32, _ domains: [Int32]) -> (room: Room, held: Int32) {
    var (room, held) = (emptyRoom(), Int32(0))
    for (leaf, at) in domains.enumerated() where at == domain { held += change(&room, Int32(leaf), free[leaf]) }
    return (room, held)
  }
}
