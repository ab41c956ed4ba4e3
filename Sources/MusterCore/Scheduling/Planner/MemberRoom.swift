/// Whether nodes of one kind (`MemberOffers.kinds`), by leaf, hold a gang with its segments and its spread, in one domain that
/// it must not leave.
struct MemberRoom {
  /// Of the kind, in rising order.
  let leaves: [Int32]
  private let segment: Int32
  /// Nodes that whole segments may have in one domain of the spread.
  private let most: Int32
  /// By place of `leaves`: a domain of the spread, as far as it lies in one of the scope.
  private var slots: [Int] = []
  /// By slot.
  private var scopes: [Int] = []
  private var ofSlots: [Int32]
  private var ofScopes: [Int32]

  /// - Parameter level: that of the domains which are looked at, in the place of the one that the gang must not leave; -1 is
  ///   the fleet.
  init(_ gang: borrowing PendingGang, _ kind: [Int32], _ topology: Topology, level: Int? = nil) {
    let places = MemberOffers(topology: topology)
    let scope = level ?? gang.within.flatMap { $0.isRequired ? $0.level : nil } ?? -1
    leaves = topology.leaves.indices.filter { kind.contains(topology.leaves[$0].deviceType) }.map { Int32($0) }
    segment = gang.segment
    most = gang.spread.map { $0.atMost / gang.segment * gang.segment } ?? .max
    var (known, domains): ([Int64: Int], [Int32: Int]) = ([:], [:])
    for leaf in leaves {
      let own = places.domain(leaf, scope)
      let inner = gang.spread.map { places.domain(leaf, $0.level) } ?? 0
      let key = Int64(own) << 32 | Int64(inner)
      if known[key] == nil {
        known[key] = scopes.count
        if domains[own] == nil { domains[own] = domains.count }
        scopes.append(domains[own] ?? 0)
      }
      slots.append(known[key] ?? 0)
    }
    ofSlots = Array(repeating: 0, count: scopes.count)
    ofScopes = Array(repeating: 0, count: domains.count)
  }

  /// The most nodes that one domain has for it, in whole segments.
  /// - Parameter counts: by place of `leaves`.
  mutating func best(_ counts: [Int32]) -> Int32 {
    count(counts)
    return ofScopes.max() ?? 0
  }

  /// By place of `leaves`: the domain that it lies in.
  func scope(_ place: Int) -> Int { scopes[slots[place]] }
  var scopeCount: Int { ofScopes.count }

  /// As `best`, by domain.
  mutating func rooms(_ counts: [Int32]) -> [Int32] {
    count(counts)
    return ofScopes
  }

  private mutating func count(_ counts: [Int32]) {
    for i in ofSlots.indices { ofSlots[i] = 0 }
    for i in ofScopes.indices { ofScopes[i] = 0 }
    for (i, slot) in slots.enumerated() { ofSlots[slot] &+= counts[i] / segment &* segment }
    for (slot, scope) in scopes.enumerated() { ofScopes[scope] &+= min(ofSlots[slot], most) }
  }

  /// Of `counts`, what the gang takes in one domain: the leaves of `order` one after the other, each what it holds at the most.
  func shares(_ counts: [Int32], in scope: Int, order: [Int], nodes: Int32) -> [(place: Int, nodes: Int32)] {
    var (left, used): (Int32, [Int: Int32]) = (nodes, [:])
    var shares: [(place: Int, nodes: Int32)] = []
    for place in order where left > 0 && self.scope(place) == scope {
      let slot = slots[place]
      let may = most == .max ? left : min(left, most - used[slot, default: 0])
      let share = min(counts[place], may) / segment * segment
      guard share > 0 else { continue }
      used[slot, default: 0] += share
      left -= share
      shares.append((place, share))
    }
    return shares
  }
}
