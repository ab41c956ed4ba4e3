public import MusterCore
public import MusterDevices

/// What the devices of a pretend fleet would tell: a function of the fleet's state, the time and a seed.
///
/// A large fleet in fast time would send more than anybody could take: at most `mostASecond` rollups are made in a second
/// of the machine's time. Where that is too few, each node tells a minute from time to time in place of all minutes: means
/// and shares stay right, what is measured of a job is less than what it held.
public struct PretendDevices: Sendable {
  private let fleet: SimFleet
  private let seed: UInt64
  /// Milliseconds from one rollup of a node to its next, and how long each is.
  let every: Int64
  let length: Int64

  /// For so long what a node told is what it does now: until its next word, and that has been asked for.
  public let fresh: Int64

  static let mostASecond: Int64 = 2_000
  /// After a pause of the process what was missed is not made up for.
  private static let mostAtOnce: Int64 = 4 * mostASecond

  /// - Parameter speed: seconds that pass in one.
  public init(_ settings: PretendSettings, speed: Int64) {
    fleet = settings.fleet
    seed = settings.seed
    let least = Int64(fleet.nodes) * speed * 1_000 / Self.mostASecond
    every = max(10_000, (least + 9_999) / 10_000 * 10_000)
    length = min(60_000, every)
    fresh = 2 * every + 3_000 * speed
  }

  /// What ends between two moments, milliseconds since 1970; the second one is part of it.
  /// - Parameter some: nil: of all nodes.
  public func rollups(
    of some: Range<Int32>? = nil, from: Int64, to: Int64, _ cluster: borrowing Cluster
  ) -> [(node: Int32, rollup: NodeRollup)] {
    let nodes = Int64(min(fleet.nodes, Int32(cluster.nodes.count)))
    guard nodes > 0, from < to else { return [] }
    let from = max(from, to - max(every, every * Self.mostAtOnce / nodes))
    var found: [(node: Int32, rollup: NodeRollup)] = []
    for node in (some.map { Int64($0.lowerBound)..<Int64($0.upperBound) } ?? 0..<nodes).clamped(to: 0..<nodes) {
      // Each has its place in the round.
      let phase = node * every / nodes
      var end = (from - phase) / every * every + phase
      while end <= from { end += every }
      while end <= to {
        found.append((Int32(node), rollup(Int32(node), end: end, cluster)))
        end += every
      }
    }
    return found
  }

  private func rollup(_ node: Int32, end: Int64, _ cluster: borrowing Cluster) -> NodeRollup {
    let group = fleet.group(of: node)
    let part = DevicePart.named(group.deviceType)
    var devices = [DeviceInterval](repeating: DeviceInterval(), count: Int(group.devicesPerNode))
    var loads = [PretendLoad?](repeating: nil, count: devices.count)
    var member = cluster.nodes[Int(node)].firstMember
    while member >= 0 {
      let held = cluster.member(member)
      member = held.nextOnNode
      guard !held.stopped else { continue }
      let load = load(of: held.attemptSlot, at: end, cluster)
      for i in loads.indices where held.devices >> UInt64(i) & 1 == 1 { loads[i] = load }
    }
    var chance = Chance(seed: seed &+ UInt64(node) << 32, purpose: UInt64(end))
    for i in devices.indices {
      devices[i] = (loads[i] ?? .idle).interval(length, watts: part?.watts ?? 700, &chance)
    }
    return NodeRollup(start: end - length, length: length, source: .pretended, devices: devices)
  }

  private func load(of attempt: Int32, at end: Int64, _ cluster: borrowing Cluster) -> PretendLoad {
    let held = cluster.attempt(attempt)
    let (id, spec) = (cluster.attemptID(attempt), cluster.spec(held.jobSlot))
    let total = PretendWork.milliseconds(spec, id.job, seed: seed)
    let starting = PretendWork.starting(id, total: total, seed: seed)
    guard held.phase == .running, end - length >= held.startedAt.nanoseconds / 1_000_000 + starting else {
      return held.phase == .stopping ? .idle : .starting
    }
    return PretendLoad.of(spec, id.job, seed: seed)
  }
}

/// What a device shows while its job does what it does. Shares 0...1.
struct PretendLoad {
  /// Time by state, in thousandths.
  var states: [(state: DeviceState, permille: Int64)]
  var graphics = 0.0
  var sm = 0.0
  var tensor = 0.0
  var dram = 0.0
  /// Of the range from idle to the part's limit.
  var power = 0.0
  /// MHz.
  var clock = 345.0
  /// GiB.
  var memory = 0.5

  static let idle = PretendLoad(states: [(.idle, 1000)])
  static let starting = PretendLoad(
    states: [(.starting, 1000)], graphics: 0.001, dram: 0.002, power: 0.08, clock: 1980, memory: 9)
  private static let training = PretendLoad(
    states: [(.working, 970), (.starved, 30)], graphics: 0.96, sm: 0.88, tensor: 0.52, dram: 0.45, power: 0.9,
    clock: 1600, memory: 66)
  private static let starved = PretendLoad(
    states: [(.starved, 800), (.working, 200)], graphics: 0.38, sm: 0.33, tensor: 0.16, dram: 0.2, power: 0.35,
    clock: 1900, memory: 48)
  private static let serving = PretendLoad(
    states: [(.memoryBound, 700), (.idle, 300)], graphics: 0.6, sm: 0.42, tensor: 0.06, dram: 0.5, power: 0.45,
    clock: 1950, memory: 70)
  private static let evaluating = PretendLoad(
    states: [(.launchBound, 400), (.memoryBound, 400), (.working, 200)], graphics: 0.5, sm: 0.3, tensor: 0.08,
    dram: 0.3, power: 0.3, clock: 1950, memory: 30)
  private static let launching = PretendLoad(
    states: [(.launchBound, 1000)], graphics: 0.3, sm: 0.02, tensor: 0.002, dram: 0.03, power: 0.12, clock: 1980,
    memory: 4)
  /// Somebody holds it and does nothing.
  private static let forgotten = PretendLoad(states: [(.idle, 1000)], power: 0.06, clock: 1980, memory: 12)

  /// Our own choice of what jobs of each kind do: most that train do it well, some wait for their data; of those at the
  /// desk some are forgotten.
  static func of(_ spec: JobSpec, _ job: JobID, seed: UInt64) -> PretendLoad {
    var chance = Chance(seed: seed &+ UInt64(bitPattern: job.number), purpose: 221)
    let kind = spec.name.prefix { $0 != "-" }
    var load: PretendLoad
    switch kind {
    case "serving": load = serving
    case "evaluation": load = chance.hits(800) ? evaluating : launching
    case "debug": load = chance.hits(400) ? launching : forgotten
    case "tuning": load = chance.hits(750) ? training : starved
    case "pretrain": load = chance.hits(950) ? training : starved
    default: load = chance.hits(700) ? training : chance.hits(500) ? starved : chance.hits(600) ? launching : forgotten
    }
    // Each job has its own efficiency.
    let scale = Double(chance.between(800, 1_100)) / 1_000
    load.tensor *= scale
    load.power = min(1, load.power * scale)
    return load
  }

  /// - Parameters:
  ///   - milliseconds: how long.
  ///   - watts: the part's limit.
  func interval(_ milliseconds: Int64, watts: Double, _ chance: inout Chance) -> DeviceInterval {
    let noise = Double(chance.between(960, 1_040)) / 1_000
    var sample = DeviceSample(seconds: 0)
    sample[.utilisation] = min(1, graphics * 1.02)
    sample[.graphics] = min(1, graphics * noise)
    sample[.sm] = min(1, sm * noise)
    sample[.tensor] = min(1, tensor * noise)
    sample[.dram] = min(1, dram * noise)
    sample[.power] = watts * (0.1 + 0.9 * min(1, power * noise))
    sample[.smClock] = clock
    sample[.memoryUsed] = memory * 1_073_741_824
    var (times, left): ([DeviceState: Int64], Int64) = ([:], milliseconds)
    for (state, permille) in states {
      times[state] = milliseconds * permille / 1000
      left -= milliseconds * permille / 1000
    }
    if let first = states.first { times[first.state, default: 0] += left }
    return DeviceInterval([sample], times: times)
  }
}
