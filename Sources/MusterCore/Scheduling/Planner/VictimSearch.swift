/// The cheapest victims in one domain, by counts.
struct VictimSearch {
  /// By leaf: nodes that are free for the gang's whole time.
  let free: [Int32]
  let size: Int32
  let segments: Int32
  /// The least loss for a node first.
  let units: [VictimUnit]
  /// Domains that are looked at closely.
  private static let closeLooks = 4

  init(free: [Int32], size: Int32, segments: Int32, units: [VictimUnit]) {
    self.free = free
    self.size = size
    self.segments = segments
    self.units = units
  }

  /// `domains`: by leaf, -1 for those that are none. nil: no domain holds the gang whoever leaves.
  func choose(of domains: [Int32]) -> [VictimUnit]? {
    let count = Int(domains.max() ?? -1) + 1
    guard count > 0 else { return nil }
    var (nodes, held) = (free, [Int32](repeating: 0, count: count))
    for (leaf, domain) in domains.enumerated() where domain >= 0 { held[Int(domain)] += free[leaf] / size }
    var (costs, lastUnit) = ([Int64](repeating: 0, count: count), [Int](repeating: -1, count: count))
    var satisfied: [Int32] = []
    // All domains at once, in the order of loss in the whole fleet: a first guess of what each would cost.
    for (i, unit) in units.enumerated() {
      for place in unit.frees {
        let domain = domains[Int(place.leaf)]
        guard domain >= 0, held[Int(domain)] < segments else { continue }
        let before = nodes[Int(place.leaf)]
        nodes[Int(place.leaf)] = before + place.nodes
        held[Int(domain)] += (before + place.nodes) / size - before / size
        if lastUnit[Int(domain)] != i { costs[Int(domain)] += unit.cost }
        lastUnit[Int(domain)] = i
        if held[Int(domain)] >= segments { satisfied.append(domain) }
      }
    }
    for domain in 0..<count where lastUnit[domain] < 0 && held[domain] >= segments { satisfied.append(Int32(domain)) }
    satisfied.sort { costs[Int($0)] != costs[Int($1)] ? costs[Int($0)] < costs[Int($1)] : $0 < $1 }
    var best: (units: [VictimUnit], cost: Int64)?
    for domain in satisfied.prefix(Self.closeLooks) {
      let chosen = choose(in: domain, domains)
      let cost = chosen.reduce(0) { $0 + $1.cost }
      if cost < best?.cost ?? .max { best = (chosen, cost) }
    }
    return best?.units
  }

  /// In one domain that holds the gang if all leave: the least loss for a node of it first, then those that are not needed
  /// after all go on, the dearest first.
  private func choose(in domain: Int32, _ domains: [Int32]) -> [VictimUnit] {
    var nodes = free
    var held: Int32 = 0
    for (leaf, at) in domains.enumerated() where at == domain { held += free[leaf] / size }
    func useful(_ unit: VictimUnit) -> Int32 {
      unit.frees.reduce(0) { $0 + (domains[Int($1.leaf)] == domain ? $1.nodes : 0) }
    }
    let here = units.map { (unit: $0, nodes: useful($0)) }.filter { $0.nodes > 0 }
    let density = here.map { Double($0.unit.cost) / Double($0.nodes) }
    var chosen: [Int] = []
    for i in here.indices.sorted(by: { density[$0] != density[$1] ? density[$0] < density[$1] : $0 < $1 })
    where held < segments {
      chosen.append(i)
      for place in here[i].unit.frees where domains[Int(place.leaf)] == domain {
        held += change(&nodes, place.leaf, place.nodes)
      }
    }
    for i in chosen.sorted(by: {
      here[$0].unit.cost != here[$1].unit.cost ? here[$0].unit.cost > here[$1].unit.cost : $0 > $1
    }) {
      var lost: Int32 = 0
      for place in here[i].unit.frees where domains[Int(place.leaf)] == domain {
        lost -= change(&nodes, place.leaf, -place.nodes)
      }
      if held - lost >= segments {
        held -= lost
        chosen.removeAll { $0 == i }
      } else {
        for place in here[i].unit.frees where domains[Int(place.leaf)] == domain {
          _ = change(&nodes, place.leaf, place.nodes)
        }
      }
    }
    return chosen.map { here[$0].unit }
  }

  /// Segments that the leaf holds more.
  private func change(_ nodes: inout [Int32], _ leaf: Int32, _ by: Int32) -> Int32 {
    let before = nodes[Int(leaf)]
    nodes[Int(leaf)] = before + by
    return (before + by) / size - before / size
  }
}
