/// How often things break, and for how long: independent faults at constant rates, and some nodes worse than others.
public struct FaultModel: Hashable, Sendable {
  public enum Scope: String, CaseIterable, Sendable {
    case device
    case node
    case rack
  }

  /// One cause. Its rate is `count` faults in `days` days of one device, node or rack, as studies publish it.
  public struct Kind: Hashable, Sendable {
    public var cause: String
    public var scope: Scope
    public var count: Int64
    public var days: Int64
    /// Whether the node (or the whole rack) is out until it is repaired; else only what runs there fails, and its job
    /// starts again on the same nodes.
    public var takesOut = true
    /// Milliseconds, ascending: evenly spaced quantiles from the shortest to the longest repair.
    public var repair: [Int64]
  }

  /// Nodes that break more often than the others.
  public struct Lemons: Hashable, Sendable {
    public var perThousandNodes: Int64
    /// Device and node faults come so many times as often.
    public var times: Int64
  }

  public var name: String
  /// Where the figures are from.
  public var source: String
  public var kinds: [Kind]
  public var lemons: Lemons?

  public init(name: String, source: String, kinds: [Kind], lemons: Lemons? = nil) {
    self.name = name
    self.source = source
    self.kinds = kinds
    self.lemons = lemons
  }
}

/// The faults of one run, drawn one after the other from a seed. A stream for each purpose: one more draw of a place does
/// not shift the times.
struct FaultStream: Sendable {
  struct Fault {
    var kind: Int
    /// The node, or the rack.
    var place: Int32
  }

  let model: FaultModel
  private let fleet: SimFleet
  private let lemons: [Int32]
  private let sound: [Int32]
  /// By node where they differ; empty: all have the same.
  private let devices: [Int32]
  private let mostDevices: Int32
  /// Faults a millisecond over the whole fleet, summed up to and with each kind.
  private let upTo: [Double]
  private var times: Chance
  private var kinds: Chance
  private var places: Chance
  private var repairs: Chance

  init(_ model: FaultModel, fleet: SimFleet, seed: UInt64) {
    self.model = model
    self.fleet = fleet
    times = Chance(seed: seed, purpose: 101)
    kinds = Chance(seed: seed, purpose: 102)
    places = Chance(seed: seed, purpose: 103)
    repairs = Chance(seed: seed, purpose: 104)
    var choice = Chance(seed: seed, purpose: 105)
    var (bad, good): ([Int32], [Int32]) = ([], [])
    for node in 0..<fleet.nodes {
      if let lemons = model.lemons, choice.hits(Int(lemons.perThousandNodes)) {
        bad.append(node)
      } else {
        good.append(node)
      }
    }
    (lemons, sound) = (bad, good)
    let differs = Set(fleet.groups.map(\.devicesPerNode)).count > 1
    devices = differs ? fleet.groups.flatMap { Array(repeating: $0.devicesPerNode, count: Int($0.nodes)) } : []
    mostDevices = fleet.groups.map(\.devicesPerNode).max() ?? 0
    let times = model.lemons?.times ?? 1
    let ofDevices = fleet.devices + bad.reduce(0) { $0 + (times - 1) * Int64(fleet.group(of: $1).devicesPerNode) }
    let weight = Int64(good.count) + Int64(bad.count) * times
    var sum = 0.0
    upTo = model.kinds.map { kind in
      let units =
        switch kind.scope {
        case .device: ofDevices
        case .node: weight
        case .rack: Int64(fleet.racks)
        }
      sum += Double(units * kind.count) / (Double(kind.days) * 86_400_000)
      return sum
    }
  }

  /// Milliseconds to the next fault; nil: none ever comes.
  mutating func untilNext() -> Int64? {
    guard let rate = upTo.last, rate > 0 else { return nil }
    let u = Double(times.next() >> 11 &+ 1) * 0x1p-53
    return max(1, Int64(min(1e15, -naturalLogarithm(u) / rate)))
  }

  mutating func draw() -> Fault {
    let u = Double(kinds.next() >> 11) * 0x1p-53 * (upTo.last ?? 0)
    let kind = upTo.firstIndex { u < $0 } ?? upTo.count - 1
    if model.kinds[kind].scope == .rack { return Fault(kind: kind, place: Int32(places.below(Int(fleet.racks)))) }
    while true {
      let node = node()
      // A node with half of the devices is drawn again every second time.
      let isTaken =
        model.kinds[kind].scope == .node || devices.isEmpty || places.below(Int(mostDevices)) < Int(devices[Int(node)])
      if isTaken { return Fault(kind: kind, place: node) }
    }
  }

  private mutating func node() -> Int32 {
    let times = Int(model.lemons?.times ?? 1)
    let x = places.below(sound.count + lemons.count * times)
    return x < sound.count ? sound[x] : lemons[(x - sound.count) / times]
  }

  mutating func repairMilliseconds(_ kind: Int) -> Int64 {
    let quantiles = model.kinds[kind].repair
    guard quantiles.count > 1 else { return max(1, quantiles.first ?? 1) }
    let piece = repairs.below(quantiles.count - 1)
    return max(1, repairs.between(quantiles[piece], quantiles[piece + 1]))
  }
}

/// The same bits on every machine, which the system's own does not promise: only sums, products and quotients.
func naturalLogarithm(_ x: Double) -> Double {
  var (mantissa, exponent) = (x.significand, x.exponent)
  if mantissa > 1.4142135623730951 {
    mantissa /= 2
    exponent += 1
  }
  let s = (mantissa - 1) / (mantissa + 1)
  let square = s * s
  var (term, sum) = (s, 0.0)
  for n in stride(from: 1.0, through: 25.0, by: 2.0) {
    sum += term / n
    term *= square
  }
  return 2 * sum + Double(exponent) * 0.6931471805599453
}
