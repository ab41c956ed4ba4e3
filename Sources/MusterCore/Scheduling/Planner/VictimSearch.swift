/// The cheapest victims in one domain, by counts.
struct VictimSearch {
  /// By leaf: nodes that are free for the gang's whole time.
  let free: [Int32]
  let size: Int32
  let segments: Int32
  let units: VictimUnits
  /// Numbers of units, the least loss for a node first.
  let order: [Int]
  /// Domains that are looked at closely.
  private static let closeLooks = 4

  init(free: [Int32], size: Int32, segments: Int32, units: VictimUnits, order: [Int]) {
    self.free = free
    self.size = size
    self.segments = segments
    self.units = units
    self.order = order
  }

  func cost(of chosen: [Int]) -> Int64 { chosen.reduce(0) { $0 + units.units[$1].cost } }

  /// Numbers of units. `domains`: by leaf, -1 for those that are none. nil: no domain holds the gang whoever leaves.
  func choose(of domains: [Int32]) -> [Int]? {
    let count = Int(domains.max() ?? -1) + 1
    guard count > 0 else { return nil }
    var (nodes, held) = (free, [Int32](repeating: 0, count: count))
    for (leaf, domain) in domains.enumerated() where domain >= 0 { held[Int(domain)] += free[leaf] / size }
    var (costs, lastUnit) = ([Int64](repeating: 0, count: count), [Int](repeating: -1, count: count))
    var satisfied: [Int32] = []
    for domain in 0..<count where held[domain] >= segments { satisfied.append(Int32(domain)) }
    // All domains at once, in the order of loss in the whole fleet: a first guess of what each would cost.
    for i in order {
      for at in units.units[i].places {
        let place = units.places[at]
        let domain = domains[Int(place.leaf)]
        guard domain >= 0, held[Int(domain)] < segments else { continue }
        held[Int(domain)] += change(&nodes, place.leaf, place.nodes)
        if lastUnit[Int(domain)] != i { costs[Int(domain)] += units.units[i].cost }
        lastUnit[Int(domain)] = i
        if held[Int(domain)] >= segments { satisfied.append(domain) }
      }
    }
    satisfied.sort { costs[Int($0)] != costs[Int($1)] ? costs[Int($0)] < costs[Int($1)] : $0 < $1 }
    var best: (units: [Int], cost: Int64)?
    for domain in satisfied.prefix(Self.closeLooks) {
      let chosen = choose(in: domain, domains)
      let cost = cost(of: chosen)
      if cost < best?.cost ?? .max { best = (chosen, cost) }
    }
    return best?.units
  }

  /// In one domain that holds the gang if all leave: the least loss for a node of it first, then those that are not needed
  /// after all go on, the dearest first.
  private func choose(in domain: Int32, _ domains: [Int32]) -> [Int] {
    var (nodes, held): ([Int32], Int32) = (free, 0)
    for (leaf, at) in domains.enumerated() where at == domain { held += free[leaf] / size }
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
      held += change(&nodes, of: here[i].unit, domain, domains, sign: 1)
    }
    return needed(chosen, domain, domains, &nodes, held)
  }

  /// Without those that the gang does not need to leave, the dearest first.
  private func needed(
    _ chosen: [Int], _ domain: Int32, _ domains: [Int32], _ nodes: inout [Int32], _ held: Int32
  ) -> [Int] {
    var held = held
    var goesOn = [Bool](repeating: false, count: chosen.count)
    let costs = chosen.map { units.units[$0].cost }
    for i in chosen.indices.sorted(by: { costs[$0] != costs[$1] ? costs[$0] > costs[$1] : $0 > $1 }) {
      let lost = -change(&nodes, of: chosen[i], domain, domains, sign: -1)
      goesOn[i] = held - lost >= segments
      if goesOn[i] {
        held -= lost
      } else {
        _ = change(&nodes, of: chosen[i], domain, domains, sign: 1)
      }
    }
    return chosen.indices.filter { !goesOn[$0] }.map { chosen[$0] }
  }

  private func change(
    _ nodes: inout [Int32], of unit: Int, _ domain: Int32, _ domains: [Int32], sign: Int32
  ) -> Int32 {
    var more: Int32 = 0
    for at in units.units[unit].places {
      let place = units.places[at]
      if domains[Int(place.leaf)] == domain { more += change(&nodes, place.leaf, sign * place.nodes) }
    }
    return more
  }

  /// Segments that the leaf holds more.
  private func change(_ nodes: inout [Int32], _ leaf: Int32, _ by: Int32) -> Int32 {
    let before = nodes[Int(leaf)]
    nodes[Int(leaf)] = before + by
    return (before + by) / size - before / size
  }
}
