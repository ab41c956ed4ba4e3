import Glibc
import MusterCore

/// Drawn gangs, and what their victims lose more than the least that fractions of victims could lose.
func victimsLoss(_ shape: FleetShape, cases: Int) {
  var (over, overPlain): ([Double], [Double]) = ([], [])
  for (number, most) in [2000.0, 300.0].enumerated() {
    guard let fleet = BusyFleet(shape, seed: 5 + UInt64(number), mostOfGang: most, guaranteed: 0) else {
      return print("\(shape.name): not a topology")
    }
    var dice = Dice(state: 77 + UInt64(number))
    var planner = Planner(topology: fleet.topology)
    var found = 0
    while found < cases / 2 {
      let segment: Int32 = [1, 2, 4, 16][dice.draw(4)]
      let drawn = Int32(dice.logUniform(1000, Double(shape.total) / 2))
      let gang = fleet.important(nodes: (drawn + segment - 1) / segment * segment, segment: segment)
      let round = planner.plan(fleet.view, [gang])
      guard case .preempts(_, let place, let victims) = round.answer(0), case .whole(let places) = place else {
        continue
      }
      let cost = Double(victims.reduce(Int64(0)) { $0 + fleet.costs[Int($1.job.number - 1)] })
      var bound = LossBound(fleet, gang, places)
      let plain = bound.plain
      guard plain > 0 else { continue }
      found += 1
      overPlain.append((cost / plain - 1) * 100)
      over.append((cost / bound.improved(least: cost) - 1) * 100)
      print(
        "\(shape.name), \(fleet.view.running.count) running, gang of \(padded(Int(gang.nodes), 5)), segments of \(padded(Int(segment), 2)): "
          + "\(padded(victims.count, 4)) victims, over the bound \(padded(over[over.count - 1], 5)) %, over the one without leaves \(padded(overPlain[over.count - 1], 5)) %"
      )
    }
  }
  for (name, values) in [("", over), (" without leaves", overPlain)] {
    let sorted = values.sorted()
    print(
      "\(shape.name): \(values.count) cases, over the bound\(name): median \(padded(sorted[sorted.count / 2], 5)) %, mean \(padded(values.reduce(0, +) / Double(values.count), 5)) %, worst \(padded(sorted[sorted.count - 1], 5)) %"
    )
  }
  fflush(nil)
}

/// The least loss in the innermost domain around a place, if gangs could be stopped in parts.
///
/// Without leaves: the nodes that the gang needs, less all that are free there, are bought from the gangs that run there,
/// the least loss for a node first, of the last one a fraction. With leaves it is a linear program: minimise
/// the loss of x (each 0 to 1) where leaf l gives y(l) nodes, at most its free ones and those that x frees, and at most the
/// whole segments that it could hold if all left; all y together are the gang's nodes. Any prices of leaves give a lower
/// bound of it (Lagrange); they are improved 400 times from the price of the plain bound on.
struct LossBound {
  private let nodes: Double
  private var free: [Double] = []
  private var most: [Double] = []
  private var offers: [(cost: Double, nodes: Double, places: [(leaf: Int, nodes: Double)])] = []
  private(set) var plain = 0.0
  private var price = 0.0

  init(_ fleet: BusyFleet, _ gang: PendingGang, _ places: [LeafNodes]) {
    nodes = Double(gang.nodes)
    let perBlock = Int32(fleet.shape.leaves)
    let blocks = Set(places.map { $0.leaf / perBlock })
    let leaves: [Int32] = fleet.topology.leaves.indices.map { Int32($0) }
      .filter { places.count == 1 ? $0 == places[0].leaf : blocks.count > 1 || blocks.contains($0 / perBlock) }
    let numbers = Dictionary(uniqueKeysWithValues: leaves.enumerated().map { ($1, $0) })
    let allFree = BusyFleet.freeNodes(fleet.view)
    free = leaves.map { Double(allFree[Int($0)]) }
    let size = places.count == 1 ? gang.nodes : gang.segment
    most = leaves.map { Double(fleet.view.nodesInService[Int($0)] / size * size) }
    var ofShared = [Double](repeating: 0, count: fleet.view.sharedNodes.count)
    for (i, gang) in fleet.view.running.enumerated() {
      switch gang.place {
      case .whole(let places):
        add(Double(fleet.costs[i]), places.compactMap { p in numbers[p.leaf].map { ($0, Double(p.nodes)) } })
      case .part(let node, _): ofShared[Int(node)] += Double(fleet.costs[i])
      // No gang of this workload is on nodes that are out of service.
      case .away: continue
      }
    }
    for (i, node) in fleet.view.sharedNodes.enumerated() {
      add(ofShared[i], numbers[node.leaf].map { [($0, 1)] } ?? [])
    }
    offers.sort { $0.cost / $0.nodes < $1.cost / $1.nodes }
    var needed = nodes - free.reduce(0, +)
    for offer in offers where needed > 0 {
      plain += offer.cost * min(1, needed / offer.nodes)
      price = offer.cost / offer.nodes
      needed -= offer.nodes
    }
  }

  private mutating func add(_ cost: Double, _ places: [(leaf: Int, nodes: Double)]) {
    guard !places.isEmpty else { return }
    offers.append((cost, places.reduce(0) { $0 + $1.nodes }, places))
  }

  /// `least`: of a choice that is known; it says how far a step may go.
  mutating func improved(least: Double) -> Double {
    var (best, reach, stale) = (plain, 1.0, 0)
    // Of each leaf, how much less than the common price a node of it is worth: it can hold no more.
    var less = [Double](repeating: 0, count: free.count)
    var (bestPrice, bestLess) = (price, less)
    for _ in 0..<400 {
      var value = price * nodes
      var slope = nodes
      var slopes = [Double](repeating: 0, count: free.count)
      for l in free.indices {
        value -= (price - less[l]) * free[l] + less[l] * most[l]
        slope -= free[l]
        slopes[l] = free[l] - most[l]
      }
      for offer in offers {
        let gain = offer.places.reduce(-offer.cost) { $0 + (price - less[$1.leaf]) * $1.nodes }
        guard gain > 0 else { continue }
        value -= gain
        slope -= offer.nodes
        for place in offer.places { slopes[place.leaf] += place.nodes }
      }
      stale = value > best ? 0 : stale + 1
      if value > best { (best, bestPrice, bestLess) = (value, price, less) }
      if stale == 5 {
        // From the best prices on, in smaller steps.
        (reach, stale, price, less) = (reach / 2, 0, bestPrice, bestLess)
        continue
      }
      for l in less.indices where less[l] == 0 && slopes[l] < 0 { slopes[l] = 0 }
      let length = slopes.reduce(slope * slope) { $0 + $1 * $1 }
      guard length > 0 else { break }
      let step = reach * max(0, least - value) / length
      price = max(0, price + step * slope)
      for l in less.indices { less[l] = min(price, max(0, less[l] + step * slopes[l])) }
    }
    return best
  }
}
