/// What can be freed for one gang: a gang's whole nodes, or a node that gangs share. Flat lists: every gang that others may
/// be stopped for looks at all that runs.
struct VictimUnits {
  struct Unit {
    /// Of `gangs`, numbers of `VictimTable.candidates`.
    var gangs: Range<Int>
    /// Of `places`.
    var places: Range<Int>
    var nodes: Int32
    var cost: Int64
  }

  private(set) var units: [Unit] = []
  private(set) var gangs: [Int32] = []
  private(set) var places: [LeafNodes] = []

  var count: Int { units.count }

  mutating func reserve(_ count: Int) {
    units.reserveCapacity(count)
    gangs.reserveCapacity(count)
    places.reserveCapacity(count * 4)
  }

  mutating func add(place: LeafNodes) { places.append(place) }

  mutating func add(gang: Int32) { gangs.append(gang) }

  /// Of all gangs and places that were added since the last one; nothing if it frees no node.
  mutating func addUnit(cost: Int64) {
    let (firstGang, firstPlace) = (units.last?.gangs.upperBound ?? 0, units.last?.places.upperBound ?? 0)
    var nodes: Int32 = 0
    for i in firstPlace..<places.count { nodes &+= places[i].nodes }
    guard nodes > 0 else {
      gangs.removeSubrange(firstGang...)
      places.removeSubrange(firstPlace...)
      return
    }
    units.append(
      Unit(gangs: firstGang..<gangs.count, places: firstPlace..<places.count, nodes: nodes, cost: cost))
  }

  /// Numbers of what costs `cost` for `nodes`, the least for a node first; of equal ones the first.
  static func byLoss(_ count: Int, _ loss: (Int) -> (cost: Int64, nodes: Int32)) -> [Int] {
    var keys: [UInt64] = []
    keys.reserveCapacity(count)
    // Fractions above 0 are in the order of their bits; the last 20 make room for the number.
    let numberBits: UInt64 = 20
    precondition(count < 1 << numberBits, "too many running gangs to choose victims from")
    for i in 0..<count {
      let (cost, nodes) = loss(i)
      let bits = (Double(cost) / Double(nodes)).bitPattern
      keys.append((bits >> numberBits) << numberBits | UInt64(i))
    }
    keys.sort()
    return keys.map { Int($0 & (1 << numberBits - 1)) }
  }
}

/// What was looked for in vain in a round: who asks for as much or more with the same rights asks in vain, too, until
/// somebody is stopped. Without it, a long queue of those who have nobody to take from would look at all that runs again
/// and again.
struct FailedTakes {
  private struct Key: Hashable {
    var owner: Int32
    var account: Int32
    var priority: Int32
    var mayPreempt: Bool
    var type: Int32
    var size: Int
    var level: Int
    var isPart: Bool
    var filter: Int32
    var spread: PendingGang.SpreadLimit?

    init(_ ask: borrowing Ask, _ gang: borrowing PendingGang) {
      (owner, account, priority, mayPreempt) = (gang.owner, gang.project, gang.priority, gang.mayPreempt)
      (type, size, level, isPart) = (ask.type, ask.search.test.size, ask.level, ask.partDevices > 0)
      (filter, spread) = (gang.filter, gang.spread)
    }
  }

  private var least: [Key: (segments: Int, units: Int32, turns: TurnRights)] = [:]

  mutating func removeAll() { least.removeAll(keepingCapacity: true) }

  func isKnown(_ ask: borrowing Ask, _ gang: borrowing PendingGang) -> Bool {
    guard !least.isEmpty, let known = least[Key(ask, gang)] else { return false }
    let (segments, units) = (ask.search.test.segments, ask.search.units)
    return known.segments <= segments && known.units <= units && gang.turns.isWithin(known.turns)
  }

  mutating func note(_ ask: borrowing Ask, _ gang: borrowing PendingGang) {
    let (key, test, units) = (Key(ask, gang), ask.search.test, ask.search.units)
    if let known = least[key],
      known.segments < test.segments || known.units < units
        || !known.turns.isWithin(gang.turns)
    {
      return
    }
    least[key] = (test.segments, units, gang.turns)
  }
}
