/// Every node's place, standing and use at one moment, in columns: what a map of the fleet is drawn from. It is copied
/// quickly (62,500 nodes in about 1 ms) and told elsewhere.
public struct FleetPicture: Sendable {
  /// What a node is on a map. The raw value is the letter that the API has for it: r a s i d m h.
  public enum Standing: UInt8, CaseIterable, Sendable {
    /// It takes work; how much of it is used is in the placements.
    case inService = 0x72
    /// In service, and nothing new goes there now: no agent is connected, or it is not let in yet.
    case away = 0x61
    case suspect = 0x73
    case isolated = 0x69
    /// It is to be left, or has been.
    case draining = 0x64
    /// In a maintenance now.
    case maintenance = 0x6D
    /// Kept for a gang for which others make room.
    case held = 0x68
  }

  /// Names of the levels, outermost first.
  public var levels: [String] = []
  /// By level: names of its domains, in the order of those around them.
  public var domains: [[String]] = []
  /// By level and node.
  public var domainOfNode: [[Int32]] = []
  /// By node.
  public var standings: [Standing] = []
  /// By node: how many devices it has.
  public var devices: [UInt8] = []
  /// By node: how many placements of the list below are its own; they follow one another.
  public var placementCounts: [UInt8] = []
  /// The job of each placement.
  public var jobs: [Int64] = []
  /// Bit i: the placement has device i of its node. 0: it has none, and runs there all the same.
  public var masks: [UInt64] = []
  /// The last fact that it shows.
  public var sequence: Int64 = 0
  public var at = Instant.zero

  public init() {}

  /// The nodes as they stand: by domain, outermost first, then by name as people count. Not for the writer's thread.
  /// - Parameter names: by node, one for each.
  public func order(names: [String]) -> [Int32] {
    let keys = names.map(TrailingNumber.init)
    return standings.indices.map { Int32($0) }.sorted { x, y in
      let (a, b) = (Int(x), Int(y))
      for level in domainOfNode where level[a] != level[b] { return level[a] < level[b] }
      if keys[a].stem == keys[b].stem, keys[a].number != keys[b].number { return keys[a].number < keys[b].number }
      return comesBefore(names[a], names[b])
    }
  }

  /// Most names of a fleet are a stem and a number: two of one stem are compared without a look at their letters.
  private struct TrailingNumber {
    var stem: Substring
    var number: UInt64

    init(_ name: String) {
      // Eighteen digits fit; of a longer number the rest counts to the stem.
      let digits = name.utf8.reversed().prefix(18).prefix { $0 >= 48 && $0 <= 57 }.count
      stem = name.dropLast(digits)
      number = UInt64(name.suffix(digits)) ?? 0
    }
  }
}

extension Controller {
  public mutating func fleetPicture() -> FleetPicture {
    refreshMap()
    var picture = FleetPicture()
    picture.levels = fleetMap.levels
    picture.domains = fleetMap.domains.map { $0.map(\.name) }
    picture.domainOfNode = fleetMap.domainOfNode
    (picture.sequence, picture.at) = (cluster.sequence, now)
    let count = cluster.nodes.count
    picture.standings.reserveCapacity(count)
    picture.devices.reserveCapacity(count)
    picture.placementCounts.reserveCapacity(count)
    picture.jobs.reserveCapacity(count)
    picture.masks.reserveCapacity(count)
    for i in 0..<count {
      picture.standings.append(standing(ofNode: i))
      picture.devices.append(UInt8(clamping: cluster.nodes[i].devices))
      let before = picture.jobs.count
      var member = cluster.nodes[i].firstMember
      while member >= 0 {
        let placed = cluster.member(member)
        picture.jobs.append(cluster.jobs[cluster.attempts[placed.attemptSlot].jobSlot].id.number)
        picture.masks.append(placed.devices)
        member = placed.nextOnNode
      }
      picture.placementCounts.append(UInt8(clamping: picture.jobs.count - before))
    }
    return picture
  }

  private func standing(ofNode i: Int) -> FleetPicture.Standing {
    let (id, hot) = (NodeID(Int32(i)), cluster.nodes[i])
    switch hot.state {
    case .suspect: return .suspect
    case .isolated: return .isolated
    case .draining, .drained: return .draining
    case .joining, .verifying: return .away
    case .ready: break
    }
    guard let free = free(id) else { return isFull(hot) ? .inService : .away }
    if !fleetMap.windows.isEmpty, fleetMap.isTaken(id, from: now, to: now + .seconds(1)) { return .maintenance }
    return free == hot.freeDevices ? .inService : .held
  }
}
