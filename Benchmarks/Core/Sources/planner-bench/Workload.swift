import Glibc
import MusterCore

/// SplitMix64: all that is drawn comes from the seed.
struct Dice {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
  mutating func unit() -> Double { Double(next() >> 11) / 9_007_199_254_740_992 }
  mutating func draw(_ count: Int) -> Int { Int(next() % UInt64(count)) }
  mutating func logUniform(_ low: Double, _ high: Double) -> Double { low * exp(unit() * log(high / low)) }
}

struct FleetShape {
  var name: String
  var blocks: Int
  var leaves: Int
  var nodes: Int32
  var devices: Int32
  var total: Int { blocks * leaves * Int(nodes) }

  static let small = FleetShape(name: "1,000 nodes", blocks: 2, leaves: 25, nodes: 20, devices: 8)
  static let middle = FleetShape(name: "10,000 nodes", blocks: 4, leaves: 125, nodes: 20, devices: 8)
  static let large = FleetShape(name: "62,500 nodes", blocks: 25, leaves: 125, nodes: 20, devices: 8)
  static let trays = FleetShape(name: "125,100 trays", blocks: 25, leaves: 278, nodes: 18, devices: 4)

  func topology() -> Topology? {
    // The shapes above are valid: a nil would be told by whoever asks.
    try? .uniform(
      levels: ["block", "rack"], counts: [blocks, leaves], nodesPerLeaf: nodes,
      deviceType: DeviceType(name: "gpu", devicesPerNode: devices))
  }
}

/// The pending set of the scheduling benchmark: 200 projects, 1 to 32,768 GPUs and 10 minutes to 7 days, both
/// log-uniform, 40 % in segments of 2, 4 or 16 nodes, one in ten within a block or a rack.
struct Workload {
  static let projects = 200
  static let now = Instant(nanoseconds: 1_800_000_000_000_000_000)
  var dice: Dice
  let shape: FleetShape
  /// Most devices of each project; ten projects have a parent that may use two thirds of theirs together.
  var limits: [Int32]
  var quotas = QuotaRules()

  init(seed: UInt64, _ shape: FleetShape) {
    dice = Dice(state: seed)
    self.shape = shape
    let all = Double(shape.total) * Double(shape.devices)
    limits = []
    for _ in 0..<Self.projects { limits.append(Int32(dice.logUniform(all / 64, all / 2))) }
    var parent: Int32 = -1
    for (project, most) in limits.enumerated() {
      if project % 10 == 0 {
        let children = limits[project..<min(project + 10, limits.count)].reduce(0) { $0 + Int($1) }
        parent = quotas.add(QuotaRules.Row(most: Int32(min(children * 2 / 3, Int(all)))))
      }
      let row = quotas.add(QuotaRules.Row(most: most))
      _ = quotas.add(account: [QuotaRules.Chain(.devices(types: []), rows: [row, parent])])
    }
  }

  mutating func gang(most: Double = 32_768) -> PendingGang {
    let all = Double(shape.total) * Double(shape.devices)
    let devices = Int32(dice.logUniform(1, min(most, all / 2)).rounded())
    var gang = PendingGang(
      nodes: (devices + shape.devices - 1) / shape.devices, devicesPerNode: min(devices, shape.devices),
      walltime: .seconds(Int64(dice.logUniform(600, 7 * 86_400))))
    if dice.draw(100) < 40 {
      let segment: Int32 = [2, 4, 16][dice.draw(3)]
      if gang.nodes >= segment {
        gang.segment = segment
        gang.nodes = (gang.nodes + segment - 1) / segment * segment
      }
    }
    let scope = dice.draw(100)
    if scope < 3, gang.nodes <= shape.nodes {
      gang.within = PendingGang.Scope(level: 1)
    } else if scope < 10, Int(gang.nodes) * 2 < shape.leaves * Int(shape.nodes) {
      gang.within = PendingGang.Scope(level: 0)
    }
    // A project that may hold it, so that few are refused.
    for _ in 0..<16 {
      gang.project = Int32(dice.draw(Self.projects))
      if limits[Int(gang.project)] >= gang.nodes * shape.devices { break }
    }
    return gang
  }

  mutating func gangs(_ count: Int) -> [PendingGang] { (0..<count).map { _ in gang() } }

  /// A fleet in use: filled and emptied by turns until it is 95 % busy and worn, 1 % of it out of service.
  mutating func busyView(_ topology: Topology, mostOfGang: Double = 4096) -> PlanningView {
    var view = PlanningView(
      now: Self.now, nodesInService: topology.leaves.map { $0.nodes - (dice.draw(100) < 15 ? 1 : 0) })
    var planner = Planner(topology: topology)
    let total = view.nodesInService.reduce(0, +)
    for turn in 0..<6 {
      if turn > 0 { drop(&view, percent: 30) }
      for _ in 0..<400 where busy(view) < total * 95 / 100 {
        let gangs = (0..<200).map { _ in gang(most: mostOfGang) }
        start(gangs, planner.plan(view, gangs), &view, limit: total * 95 / 100)
      }
    }
    view.quotas = quotas
    return view
  }

  func busy(_ view: PlanningView) -> Int32 {
    var busy = Int32(view.sharedNodes.count)
    for gang in view.running {
      if case .whole(let places) = gang.place { busy += places.reduce(0) { $0 + $1.nodes } }
    }
    return busy
  }

  /// Those that may start now do, up to so many busy nodes.
  mutating func start(
    _ gangs: [PendingGang], _ round: PlanningRound, _ view: inout PlanningView, limit: Int32
  ) {
    let known = view.sharedNodes.count
    var opened: [Int32: Int32] = [:]
    var busy = busy(view)
    for (i, gang) in gangs.enumerated() {
      guard case .startsNow(_, let place) = round.answer(i), busy < limit, let walltime = gang.walltime else {
        continue
      }
      let end = view.now + .seconds(Int64(1 + Double(walltime.nanoseconds / 1_000_000_000) * dice.unit()))
      switch place {
      case .whole(let places):
        busy += gang.nodes
        view.running.append(RunningGang(project: gang.project, place: .whole(places), end: end))
      // No gang of this workload asks for places node by node.
      case .mixed: continue
      case .part(let leaf, let lane, let devices):
        var node = lane
        if lane >= known {
          node = opened[lane] ?? Int32(view.sharedNodes.count)
          if opened.updateValue(node, forKey: lane) == nil {
            view.sharedNodes.append(SharedNode(leaf: leaf, node: NodeID(node)))
            busy += 1
          }
        }
        view.running.append(
          RunningGang(project: gang.project, place: .part(sharedNode: node, devices: devices), end: end))
      }
    }
  }

  private mutating func drop(_ view: inout PlanningView, percent: Int) {
    let dice = { (d: inout Dice) in d.draw(100) < percent }
    var kept: [RunningGang] = []
    for gang in view.running where !dice(&self.dice) { kept.append(gang) }
    // Shared nodes that nothing uses any more are whole again.
    var number = [Int32](repeating: -1, count: view.sharedNodes.count)
    var shared: [SharedNode] = []
    for i in kept.indices {
      guard case .part(let node, let devices) = kept[i].place else { continue }
      if number[Int(node)] < 0 {
        number[Int(node)] = Int32(shared.count)
        shared.append(view.sharedNodes[Int(node)])
      }
      kept[i].place = .part(sharedNode: number[Int(node)], devices: devices)
    }
    (view.running, view.sharedNodes) = (kept, shared)
  }
}
