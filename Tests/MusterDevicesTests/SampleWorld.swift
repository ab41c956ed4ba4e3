@testable import MusterDevices

/// Numbers from a seed, the same everywhere (SplitMix64).
struct Seeded: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
    return value ^ (value >> 31)
  }
}

/// What a device shows while it does one thing. Shares 0...1, watts, MHz, GiB.
struct Load {
  var utilisation = 0.0
  var memoryUtilisation = 0.0
  var graphics = 0.0
  var sm = 0.0
  var tensor = 0.0
  var dram = 0.0
  var fp32 = 0.0
  var integer = 0.0
  var watts = 74.0
  var clock = 345.0
  var memory = 0.5
  var processes = 0.0
  var pcie = 1.0

  static let idle = Load()
  /// A context and weights on the way.
  static let loading = Load(
    utilisation: 0.1, graphics: 0.0002, dram: 0.0016, watts: 124, clock: 1980, memory: 9, processes: 1, pcie: 5_500)
  static let waiting = Load(watts: 126, clock: 1980, memory: 9, processes: 1)
  static let matrices = Load(
    utilisation: 0.98, memoryUtilisation: 0.33, graphics: 0.98, sm: 0.95, tensor: 0.92, dram: 0.25, watts: 698,
    clock: 1371, memory: 9, processes: 1)
  static let vectors = Load(
    utilisation: 1, memoryUtilisation: 0.2, graphics: 1, sm: 0.9, dram: 0.1, fp32: 0.7, watts: 500, clock: 1900,
    memory: 9, processes: 1)
  static let copies = Load(
    utilisation: 0.99, memoryUtilisation: 1, graphics: 0.99, sm: 0.99, dram: 0.9, integer: 0.06, watts: 394,
    clock: 1980, memory: 9, processes: 1)
  static let decode = Load(
    utilisation: 0.58, memoryUtilisation: 0.46, graphics: 0.58, sm: 0.37, tensor: 0.01, dram: 0.36, watts: 280,
    clock: 1980, memory: 15, processes: 1)
  static let tiny = Load(
    utilisation: 0.26, graphics: 0.26, sm: 0.0003, watts: 128, clock: 1980, memory: 1, processes: 1, pcie: 175)
  static let spin = Load(
    utilisation: 1, graphics: 1, sm: 0.06, integer: 0.007, watts: 127, clock: 1980, memory: 9, processes: 1)

  /// The same with every profiling counter exactly 0, or with none measured at all.
  var dark: Load {
    var load = self
    (load.graphics, load.sm, load.tensor, load.dram, load.fp32, load.integer) = (0, 0, 0, 0, 0, 0)
    return load
  }

  func sample(at seconds: Double, without missing: Set<DeviceCounter> = []) -> DeviceSample {
    var sample = DeviceSample(seconds: seconds)
    let values: [(DeviceCounter, Double)] = [
      (.utilisation, utilisation), (.memoryUtilisation, memoryUtilisation), (.graphics, graphics), (.sm, sm),
      (.tensor, tensor), (.dram, dram), (.fp32, fp32), (.integer, integer), (.power, watts), (.smClock, clock),
      (.memoryUsed, memory * 1_073_741_824), (.processes, processes), (.pcieReceived, pcie), (.pcieSent, pcie),
    ]
    for (counter, value) in values where !missing.contains(counter) { sample[counter] = value }
    return sample
  }
}

/// A device's time, load by load.
struct Story {
  var interval = 0.2
  var missing: Set<DeviceCounter> = []
  var samples: [DeviceSample] = []
  private var now = 0.0

  init(interval: Double = 0.2, missing: Set<DeviceCounter> = []) {
    self.interval = interval
    self.missing = missing
  }

  mutating func run(_ load: Load, seconds: Double) {
    for _ in 0..<Int((seconds / interval).rounded()) {
      samples.append(load.sample(at: now, without: missing))
      now += interval
    }
  }

  /// A training loop that waits: at five samples a second three in four see nothing, or a part of a step.
  mutating func runStarved(seconds: Double) {
    let step = Load(
      utilisation: 0.4, memoryUtilisation: 0.2, graphics: 0.7, sm: 0.6, tensor: 0.25, dram: 0.33, watts: 240,
      clock: 1965, memory: 16, processes: 1)
    var wait = step.dark
    (wait.utilisation, wait.dram) = (0, 0.00001)
    for i in 0..<Int((seconds / interval).rounded()) { run(i % 4 == 0 ? step : wait, seconds: interval) }
  }

  mutating func pause(seconds: Double) { now += seconds }

  func segments(_ part: String? = "H100-SXM5-80GB") -> [DeviceSegment] {
    DeviceTimeline(samples, part: part.flatMap(DevicePart.named)).segments
  }

  func states(_ part: String? = "H100-SXM5-80GB") -> [DeviceState] { segments(part).map(\.reading.state) }
}
