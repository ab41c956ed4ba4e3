import MusterCore
import Testing

/// SplitMix64: everything in a drawn world comes from its seed.
struct SeededDice {
  var state: UInt64

  /// The seed is mixed once: neighbouring seeds are not the same numbers one step later.
  init(_ seed: Int) {
    state = UInt64(bitPattern: Int64(seed)) &+ 1
    state = next()
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
  mutating func draw(_ range: ClosedRange<Int>) -> Int {
    range.lowerBound + Int(next() % UInt64(range.upperBound - range.lowerBound + 1))
  }
  mutating func chance(_ percent: Int) -> Bool { draw(1...100) <= percent }
  /// Small numbers as likely as large ones: a power of two times 1 to 2.
  mutating func logUniform(_ most: Int) -> Int {
    let bits = Int.bitWidth - most.leadingZeroBitCount
    let top = 1 << draw(0...bits - 1)
    return min(most, draw(top...(2 * top - 1)))
  }
}

/// What a drawn world has in it.
struct WorldSetting: Sendable, CustomTestStringConvertible {
  var name: String
  var types = 1
  var segments = 0
  var scopes = 0
  var parts = 0
  var quotas = false
  var maintenance = 0
  var begins = 0
  var testDescription: String { name }

  static let all: [WorldSetting] = [
    WorldSetting(name: "plain"),
    WorldSetting(name: "segments and scopes", segments: 50, scopes: 50),
    WorldSetting(name: "parts of nodes", segments: 20, parts: 60, maintenance: 1),
    WorldSetting(name: "quotas and begin times", segments: 30, scopes: 20, parts: 20, quotas: true, begins: 20),
    WorldSetting(
      name: "all of it", types: 3, segments: 40, scopes: 30, parts: 25, quotas: true, maintenance: 3, begins: 10),
  ]
}

/// A fleet, what runs on it and what waits, drawn from a seed.
struct DrawnWorld {
  static let now = Instant(nanoseconds: 1_800_000_000_000_000_000)
  var topology: Topology
  var view: PlanningView
  var pending: [PendingGang] = []
  private var dice: SeededDice
  private let setting: WorldSetting

  init(seed: Int, _ setting: WorldSetting, nodes: Int = 64, gangs: Int = 60, hours: Int = 14) throws {
    dice = SeededDice(seed)
    self.setting = setting
    topology = try Self.fleet(&dice, setting, nodes)
    // Anywhere in the buckets of the grid.
    view = PlanningView(now: Self.now + .seconds(Int64(seed * 977 % 11_000)), nodesInService: [])
    // A few nodes of some leaves are out of service.
    view.nodesInService = topology.leaves.map {
      $0.nodes - (dice.chance(25) ? Int32(dice.draw(0...Int($0.nodes))) / 2 : 0)
    }
    drawRunning(hours)
    drawMaintenance(hours)
    drawQuotas(nodes)
    let largest = max(1, nodes * 3 / 4)
    for _ in 0..<gangs { pending.append(drawGang(largest, hours)) }
  }

  private static func fleet(_ dice: inout SeededDice, _ setting: WorldSetting, _ nodes: Int) throws -> Topology {
    let types = [4, 8, 2].prefix(setting.types).enumerated().map {
      DeviceType(name: "type\($0.offset)", devicesPerNode: Int32($0.element))
    }
    let levels = Array(["site", "block", "rack"].suffix(dice.draw(1...3)))
    var (left, leaves, domains): (Int, [Topology.Leaf], [Int32]) = (
      nodes, [], Array(repeating: 0, count: levels.count - 1)
    )
    let rack = dice.draw(3...9)
    while left > 0 {
      let size = min(left, max(1, rack - (dice.chance(30) ? dice.draw(0...rack - 1) : 0)))
      leaves.append(
        Topology.Leaf(domains: domains, nodes: Int32(size), deviceType: Int32(dice.draw(0...types.count - 1))))
      left -= size
      // At times a new block begins, at times a new site with one.
      if !domains.isEmpty, dice.chance(25) {
        let level = dice.draw(0...domains.count - 1)
        for i in level..<domains.count { domains[i] += 1 }
      }
    }
    return try Topology(levels: levels, deviceTypes: types, leaves: leaves)
  }

  private mutating func drawEnd(_ hours: Int) -> Instant {
    if dice.chance(5) { return .never }
    if dice.chance(3) { return view.now - .seconds(10) }
    return view.now + .seconds(Int64(dice.logUniform(hours * 3600)))
  }

  private mutating func drawRunning(_ hours: Int) {
    var free = view.nodesInService
    let busy = dice.draw(50...95)
    for leaf in free.indices {
      while free[leaf] > 0, dice.chance(busy) {
        if dice.chance(setting.parts / 2),
          topology.deviceTypes[Int(topology.leaves[leaf].deviceType)].devicesPerNode > 1
        {
          free[leaf] -= 1
          drawParts(leaf, hours)
          continue
        }
        // A gang over this leaf and perhaps the next one of its kind.
        var places: [LeafNodes] = []
        for other in leaf...min(leaf + 1, free.count - 1) where free[other] > 0 {
          guard topology.leaves[other].deviceType == topology.leaves[leaf].deviceType else { continue }
          let nodes = Int32(dice.draw(1...Int(free[other])))
          free[other] -= nodes
          places.append(LeafNodes(leaf: Int32(other), nodes: nodes))
          if dice.chance(70) { break }
        }
        view.running.append(
          RunningGang(project: Int32(dice.draw(0...4)), place: .whole(places), end: drawEnd(hours)))
      }
    }
  }

  private mutating func drawParts(_ leaf: Int, _ hours: Int) {
    let all = topology.deviceTypes[Int(topology.leaves[leaf].deviceType)].devicesPerNode
    let node = Int32(view.sharedNodes.count)
    view.sharedNodes.append(SharedNode(leaf: Int32(leaf), node: NodeID(node)))
    var left = all
    repeat {
      let devices = Int32(dice.draw(1...Int(min(left, max(1, all / 2)))))
      left -= devices
      view.running.append(
        RunningGang(
          project: Int32(dice.draw(0...4)), place: .part(sharedNode: node, devices: devices), end: drawEnd(hours)))
    } while left > 0 && dice.chance(60)
  }

  private mutating func drawMaintenance(_ hours: Int) {
    for _ in 0..<setting.maintenance {
      let first = dice.draw(0...topology.leaves.count - 1)
      let last = dice.draw(first...min(first + 3, topology.leaves.count - 1))
      let from = view.now + .seconds(Int64(dice.draw(-1800...hours * 3600)))
      view.maintenance.append(
        MaintenanceWindow(
          leaves: Int32(first)..<Int32(last + 1), from: from, to: from + .seconds(Int64(dice.draw(600...4 * 3600)))))
    }
  }

  private mutating func drawQuotas(_ nodes: Int) {
    guard setting.quotas else { return }
    let types = topology.deviceTypes.indices
    func devices(_ type: Int) -> Int { nodes * Int(topology.deviceTypes[type].devicesPerNode) }
    // Two projects with a parent, that keep a part for themselves; three that have none, one of them with a user's limits.
    let parents = types.map { view.quotas.add(QuotaRules.Row(most: Int32(devices($0) * 3 / 4))) }
    for project in 0..<5 {
      var chains: [QuotaRules.Chain] = []
      for type in types where dice.chance(80) {
        let most = Int32(dice.draw(1...devices(type) / 2))
        let kept = project < 2 && dice.chance(50) ? Int32(dice.draw(0...Int(most))) : 0
        let row = view.quotas.add(QuotaRules.Row(most: most, kept: kept))
        chains.append(
          QuotaRules.Chain(.devices(types: [Int32(type)]), rows: project < 2 ? [row, parents[type]] : [row]))
      }
      if project == 4 {
        chains.append(
          QuotaRules.Chain(.jobs, rows: [view.quotas.add(QuotaRules.Row(most: Int32(dice.draw(1...12))))]))
        chains.append(
          QuotaRules.Chain(
            .devices(types: []), rows: [view.quotas.add(QuotaRules.Row(most: Int32(dice.draw(1...devices(0)))))]))
      }
      _ = view.quotas.add(account: chains)
    }
  }

  private mutating func drawGang(_ largest: Int, _ hours: Int) -> PendingGang {
    var gang = PendingGang(nodes: Int32(dice.logUniform(largest)), devicesPerNode: 1, walltime: nil)
    gang.project = dice.chance(5) ? -1 : Int32(dice.draw(0...4))
    gang.walltime = dice.chance(4) ? nil : .seconds(Int64(dice.draw(60...hours * 3600 / 2)))
    if dice.chance(setting.parts) {
      gang.nodes = 1
      gang.devicesPerNode = Int32(dice.draw(1...4))
    } else if dice.chance(70) {
      gang.devicesPerNode = dice.chance(20) ? 8 : 2
    }
    if dice.chance(setting.segments) {
      gang.segment = Int32(dice.draw(1...5))
      gang.nodes = max(1, gang.nodes / gang.segment) * gang.segment
    }
    if dice.chance(setting.scopes) {
      gang.within = PendingGang.Scope(level: dice.draw(0...topology.levels.count - 1), isRequired: dice.chance(80))
    }
    if setting.types > 1, dice.chance(60) {
      gang.deviceTypes = [Int32(dice.draw(0...setting.types - 1))]
      if dice.chance(50) { gang.deviceTypes.append(Int32(dice.draw(0...setting.types))) }
    }
    if dice.chance(setting.begins) { gang.begin = view.now + .seconds(Int64(dice.draw(-600...hours * 3600 / 2))) }
    return gang
  }
}
