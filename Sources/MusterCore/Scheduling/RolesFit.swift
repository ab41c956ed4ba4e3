/// Whether the gangs of a job could ever have their places beside each other, all nodes that are known being free.
///
/// A search through all ways to lay segment after segment into leaves, with what each node has left. It says no only when it
/// has tried all of them: where there are too many it says yes, and the job waits. A filter counts how many nodes of a leaf
/// a gang may have, not which: of two gangs that want the same ones it may say yes, too.
struct RolesFit {
  struct Gang {
    var gang: PendingGang
    /// By leaf: nodes that it may have; nil: any.
    var known: [Int32]?

    init(_ gang: PendingGang, known: [Int32]?) { (self.gang, self.known) = (gang, known) }
  }

  /// One gang as it is laid: on nodes of one kind, in one domain, so many segments.
  private struct Way {
    /// Rising.
    var leaves: [Int]
    /// By leaf.
    var spreadDomain: [Int32]
  }

  private let gangs: [Gang]
  private let topology: Topology
  /// By gang.
  private var ways: [[Way]] = []
  /// Gangs in the order in which they are laid: those with fewest ways first, of these the largest.
  private var order: [Int] = []
  /// By leaf: nodes that have so many devices left.
  private var left: [[Int32]]
  /// Looks at leaves that are still to be had.
  private var looks = 400_000
  /// Not all ways were tried.
  private var isUnsure = false

  init(_ gangs: [Gang], _ topology: Topology) {
    (self.gangs, self.topology) = (gangs, topology)
    left = topology.leaves.map { leaf in
      let all = Int(topology.deviceTypes[Int(leaf.deviceType)].devicesPerNode)
      var nodes = [Int32](repeating: 0, count: all + 1)
      nodes[all] = leaf.nodes
      return nodes
    }
    ways = gangs.map { Self.ways($0, topology) }
    order = gangs.indices.sorted { a, b in
      let sizes = [a, b].map { -gangs[$0].gang.nodes &* gangs[$0].gang.devicesPerNode }
      return (ways[a].count, sizes[0], a) < (ways[b].count, sizes[1], b)
    }
  }

  /// By gang: domains, or kinds of nodes, that hold it alone.
  var places: [Int32] { ways.map { Int32($0.count) } }

  /// False only if it is sure.
  mutating func mayFit() -> Bool { lay(0) || looks <= 0 || isUnsure }

  private static func ways(_ gang: Gang, _ topology: Topology) -> [Way] {
    let places = MemberOffers(topology: topology)
    var ways: [Way] = []
    for kind in places.kinds(gang.gang) {
      var room = MemberRoom(gang.gang, kind, topology)
      let counts = room.leaves.map { leaf in
        min(topology.leaves[Int(leaf)].nodes, gang.known?[Int(leaf)] ?? .max)
      }
      let rooms = room.rooms(counts)
      for scope in rooms.indices where rooms[scope] >= gang.gang.nodes {
        let leaves = room.leaves.indices.filter { room.scope($0) == scope && counts[$0] >= gang.gang.segment }
          .map { Int(room.leaves[$0]) }
        ways.append(
          Way(
            leaves: leaves,
            spreadDomain: gang.gang.spread.map { spread in leaves.map { places.domain(Int32($0), spread.level) } } ?? []
          ))
      }
    }
    return ways
  }

  private mutating func lay(_ place: Int) -> Bool {
    guard place < order.count else { return true }
    let number = order[place]
    for way in ways[number].indices {
      var used: [Int32] = Array(repeating: 0, count: ways[number][way].leaves.count)
      if lay(place, number, way, from: 0, segments: gangs[number].gang.nodes / gangs[number].gang.segment, &used) {
        return true
      }
      if looks <= 0 { return false }
    }
    return false
  }

  /// The rest of a gang's segments, in leaves from one on: it does not matter which segment comes first.
  private mutating func lay(
    _ place: Int, _ number: Int, _ way: Int, from: Int, segments: Int32, _ used: inout [Int32]
  ) -> Bool {
    guard segments > 0 else { return lay(place + 1) }
    let gang = gangs[number].gang
    let leaves = ways[number][way].leaves
    for at in from..<max(from, leaves.count) {
      looks -= 1
      if looks <= 0 { return false }
      guard let most = most(number, way, at, used), most > 0 else { continue }
      // As much of the leaf as it holds first: that is how most jobs fit.
      for count in stride(from: min(most, segments), through: 1, by: -1) {
        let nodes = count * gang.segment
        used[at] += nodes
        for taken in takings(leaves[at], nodes, gang) {
          change(leaves[at], taken, gang, sign: 1)
          if lay(place, number, way, from: at + 1, segments: segments - count, &used) { return true }
          change(leaves[at], taken, gang, sign: -1)
          if looks <= 0 { return false }
        }
        used[at] -= nodes
      }
    }
    return false
  }

  /// Of one leaf; of nodes with a few numbers of devices left there are fewer.
  private static let mostTakings = 64

  /// Segments that the gang may have of a leaf more.
  private mutating func most(_ number: Int, _ way: Int, _ at: Int, _ used: [Int32]) -> Int32? {
    let (gang, own) = (gangs[number].gang, ways[number][way])
    let leaf = own.leaves[at]
    let least = Int(gang.isExclusive ? Int32(left[leaf].count - 1) : gang.devicesPerNode)
    guard least < left[leaf].count else { return nil }
    var nodes = left[leaf][least...].reduce(0, +)
    nodes = min(nodes, gangs[number].known?[leaf] ?? .max)
    if let spread = gang.spread {
      looks -= own.leaves.count
      let sum = own.leaves.indices.reduce(Int32(0)) {
        $0 + (own.spreadDomain[$1] == own.spreadDomain[at] ? used[$1] : 0)
      }
      nodes = min(nodes, spread.atMost - sum)
    }
    return nodes / gang.segment
  }

  /// Ways to take nodes of a leaf, by the devices that they have left: those with fewest first.
  private mutating func takings(_ leaf: Int, _ nodes: Int32, _ gang: PendingGang) -> [[Int32]] {
    let least = Int(gang.isExclusive ? Int32(left[leaf].count - 1) : gang.devicesPerNode)
    var found: [[Int32]] = []
    let own = left[leaf]
    func take(_ devices: Int, _ rest: Int32, _ taken: [Int32]) {
      guard found.count < Self.mostTakings else { return }
      guard rest > 0 else { return found.append(taken) }
      guard devices < own.count else { return }
      for count in stride(from: min(rest, own[devices]), through: 0, by: -1) {
        var more = taken
        more[devices] = count
        take(devices + 1, rest - count, more)
      }
    }
    take(least, nodes, Array(repeating: 0, count: own.count))
    if found.count == Self.mostTakings { isUnsure = true }
    return found
  }

  private mutating func change(_ leaf: Int, _ taken: [Int32], _ gang: PendingGang, sign: Int32) {
    for (devices, count) in taken.enumerated() where count > 0 {
      left[leaf][devices] -= sign * count
      left[leaf][gang.isExclusive ? 0 : devices - Int(gang.devicesPerNode)] += sign * count
    }
  }
}
