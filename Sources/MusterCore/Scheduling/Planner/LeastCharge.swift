/// Devices that the gangs of a job are charged at the least, wherever they are placed: what says that a quota will never let
/// them run.
struct LeastCharge {
  /// Nodes that are charged alike.
  struct Nodes: Hashable, Sendable {
    /// Of the topology; -1: they have no devices.
    var type: Int32
    var count: Int32
    /// Devices that a gang is charged for each of them.
    var devices: Int32
    /// All nodes of its place have devices of one name.
    var isOfOneKind = false
  }

  private var gangs: [(nodes: Int32, places: [[Nodes]])] = []

  /// - Parameter places: what each place has for the gang that it may lie in as a whole. Where none of them holds it, it is
  ///   charged nothing: that it does not fit is another reason.
  mutating func add(nodes: Int32, _ places: [[Nodes]]) { gangs.append((nodes, places)) }

  /// What the rows of a chain count of all gangs together, in the chain's unit.
  func amount(_ chain: QuotaRules.Chain) -> Int32 {
    chain.counts == .jobs ? 1 : gangs.reduce(0) { $0 &+ Self.least($1.nodes, of: $1.places, chain) }
  }

  /// Rows of an account that will never hold the gangs; none if they could.
  ///
  /// First each row alone. Then all of them together: a gang is of one kind of nodes, and what one row does not count of it
  /// another does. Of too many combinations only rows alone are judged.
  func tooSmall(_ rules: QuotaRules, _ account: Int32) -> [QuotaRules.Exceeded] {
    if let one = rules.tooSmall(account, { amount($0) }) { return [one] }
    let chains = rules.chains(account)
    let choices = gangs.map { Self.choices($0.nodes, $0.places) }
    let combinations = choices.reduce(1) { $0 > Self.mostCombinations ? $0 : $0 * $1.count }
    guard !chains.isEmpty, combinations > 1, combinations <= Self.mostCombinations else { return [] }
    var found: [QuotaRules.Exceeded] = []
    for number in 0..<combinations {
      var rest = number
      let chosen = choices.map { own in
        defer { rest /= own.count }
        return own[rest % own.count]
      }
      let small = rules.tooSmall(account) { chain in
        chain.counts == .jobs ? 1 : chosen.reduce(0) { $0 &+ $1.amount(chain) }
      }
      guard let small else { return [] }
      if !found.contains(where: { $0.row == small.row }) { found.append(small) }
    }
    return found
  }

  private static let mostCombinations = 4_096

  /// One way to have a gang's nodes.
  private struct Choice: Hashable {
    var type: Int32
    /// -1: of nodes of several types, in each chain the least.
    var devices: Int32
    var nodes: Int32
    var places: [[Nodes]]

    func amount(_ chain: QuotaRules.Chain) -> Int32 {
      devices < 0 ? LeastCharge.least(nodes, of: places, chain) : chain.amount(type, devices)
    }
  }

  /// By the first type of each kind, the least devices: quotas count all types of a name alike.
  private static func choices(_ nodes: Int32, _ places: [[Nodes]]) -> [Choice] {
    let any = QuotaRules.Chain(.devices(types: []), rows: [])
    var choices: [Choice] = []
    for place in places where place.reduce(0, { $0 + $1.count }) >= nodes {
      guard let first = place.first, first.type >= 0, place.allSatisfy(\.isOfOneKind) else {
        return [Choice(type: -1, devices: -1, nodes: nodes, places: places)]
      }
      let devices = least(nodes, of: [place], any)
      if let known = choices.firstIndex(where: { $0.type == first.type }) {
        choices[known].devices = min(choices[known].devices, devices)
      } else {
        choices.append(Choice(type: first.type, devices: devices, nodes: nodes, places: []))
      }
    }
    return choices.isEmpty ? [Choice(type: -1, devices: -1, nodes: nodes, places: places)] : choices
  }

  private static func least(_ nodes: Int32, of places: [[Nodes]], _ chain: QuotaRules.Chain) -> Int32 {
    var best: Int32?
    for place in places {
      var (left, sum) = (nodes, Int32(0))
      let sizes = place.map { (amount: $0.type < 0 ? 0 : chain.amount($0.type, $0.devices), count: $0.count) }
      for size in sizes.sorted(by: { $0.amount < $1.amount }) where left > 0 {
        sum &+= min(left, size.count) &* size.amount
        left -= min(left, size.count)
      }
      if left == 0, sum < best ?? .max { best = sum }
    }
    return best ?? 0
  }
}

extension MemberOffers {
  /// What the nodes that are offered come to for each place that the gang may lie in, by type.
  func charges(_ gang: borrowing PendingGang, _ offers: [Offer]) -> [[LeastCharge.Nodes]] {
    var places: [[LeastCharge.Nodes]] = []
    for own in domains(gang, offers) {
      var counts = [Int32](repeating: 0, count: topology.deviceTypes.count)
      for offer in own { counts[Int(offer.type)] &+= offer.count }
      places.append(
        counts.indices.filter { counts[$0] > 0 }.map { type in
          LeastCharge.Nodes(
            type: Int32(type), count: counts[type],
            devices: gang.isExclusive ? topology.deviceTypes[type].devicesPerNode : gang.devicesPerNode,
            isOfOneKind: true)
        })
    }
    return places
  }

  /// Of what is offered, the nodes with fewest devices that hold a gang that is alone on them, in the domain in which they
  /// have fewest together; nil if none holds it. What a quota leaves may be enough for these alone.
  func smallest(_ gang: borrowing PendingGang, _ offers: [Offer]) -> [Offer]? {
    var best: (offers: [Offer], devices: Int32)?
    for own in domains(gang, offers) {
      var (left, devices, chosen) = (gang.nodes, Int32(0), [Offer]())
      let sorted = own.sorted { (size($0), $0.leaf) < (size($1), $1.leaf) }
      for var offer in sorted where left > 0 {
        offer.whole = min(left, offer.whole)
        left -= offer.whole
        devices &+= offer.whole &* size(offer)
        if offer.whole > 0 { chosen.append(offer) }
      }
      if left == 0, devices < best?.devices ?? .max { best = (chosen, devices) }
    }
    return best?.offers
  }

  private func size(_ offer: Offer) -> Int32 { topology.deviceTypes[Int(offer.type)].devicesPerNode }

  /// What is offered of each kind in each domain that the gang must not leave: all of it where it may have any.
  private func domains(_ gang: borrowing PendingGang, _ offers: [Offer]) -> [[Offer]] {
    let level = gang.within.flatMap { $0.isRequired ? $0.level : nil }
    return kinds(gang).flatMap { kind in
      let own = offers.filter { kind.contains($0.type) }
      guard let level else { return [own] }
      var byDomain: [Int32: [Offer]] = [:]
      for offer in own { byDomain[domain(offer.leaf, level), default: []].append(offer) }
      return byDomain.sorted { $0.key < $1.key }.map(\.value)
    }
  }
}
