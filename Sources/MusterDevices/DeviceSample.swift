/// What a device says of itself, by what it means. NVML and DCGM name them differently; see docs/devices.md.
public enum DeviceCounter: Int, CaseIterable, Sendable {
  /// 0...1: the part of the time in which a kernel was resident. Not work: a hang has 1.
  case utilisation
  /// 0...1: the part of the time in which device memory was read or written (NVML).
  case memoryUtilisation
  /// Watts.
  case power
  /// MHz.
  case smClock
  /// Bytes.
  case memoryUsed
  /// Processes with a context on the device.
  case processes
  /// 0...1: a context is bound and a pipe is busy (DCGM 1001, GPM 1).
  case graphics
  /// 0...1: SM-cycles with at least one warp (DCGM 1002, GPM 2).
  case sm
  /// 0...1: resident warps over the most there can be (DCGM 1003, GPM 3).
  case occupancy
  /// 0...1: cycles of the integer pipe (GPM 4).
  case integer
  /// 0...1: cycles in which any tensor pipe is busy (DCGM 1004, GPM 5).
  case tensor
  /// 0...1: cycles in which the memory interface is busy (DCGM 1005, GPM 10).
  case dram
  /// 0...1: cycles of the pipes that are not tensor pipes (DCGM 1006 to 1008, GPM 11 to 13).
  case fp64, fp32, fp16
  /// MiB/s over PCIe, headers included.
  case pcieReceived, pcieSent

  /// Counters that the profiling hardware makes: all of them go dark together.
  static let profiling: [DeviceCounter] = [.graphics, .sm, .occupancy, .integer, .tensor, .dram, .fp64, .fp32, .fp16]

  /// Those that are parts of a whole.
  var isShare: Bool {
    switch self {
    case .utilisation, .memoryUtilisation, .graphics, .sm, .occupancy, .integer, .tensor, .dram, .fp64, .fp32, .fp16:
      true
    case .power, .smClock, .memoryUsed, .processes, .pcieReceived, .pcieSent: false
    }
  }
}

/// One look at a device. Whatever was not measured is nil, never 0.
public struct DeviceSample: Hashable, Sendable {
  /// Seconds on any scale that does not go back.
  public var seconds: Double
  /// Whether the power cap holds the clocks down (NVML's reason bit 4, the software power cap); nil if not told.
  public var isPowerCapped: Bool?
  private var values: [Double?]

  public init(seconds: Double) {
    self.seconds = seconds
    values = [Double?](repeating: nil, count: DeviceCounter.allCases.count)
  }

  /// In the counter's own unit. A value that cannot be measured is dropped; a share above 1 is 1.
  public subscript(counter: DeviceCounter) -> Double? {
    get { values[counter.rawValue] }
    set {
      let measured = newValue.flatMap(Self.measured)
      values[counter.rawValue] = counter.isShare ? measured.map { min($0, 1) } : measured
    }
  }

  /// nil for what DCGM and NVML write where there is no value: not finite, negative (NVML_VALUE_NOT_AVAILABLE is -1),
  /// 0x7FFFFFF0 to ...F3 (int32), 2^47 and above (double 140737488355328 + 0 to 3; int64 0x7FFFFFFFFFFFFFF0 to ...F3),
  /// 2^32 - 1. Source: DCGM's dcgmvalue.py, nvml.h.
  public static func measured(_ value: Double) -> Double? {
    guard value.isFinite, value >= 0, value < 140_737_488_355_328, value != 4_294_967_295 else { return nil }
    return (2_147_483_632...2_147_483_635).contains(value) && value == value.rounded() ? nil : value
  }

  /// Whether a counter of the profiling hardware was measured, and all that were are exactly 0.
  var isDark: Bool {
    let measured = DeviceCounter.profiling.compactMap { self[$0] }
    return !measured.isEmpty && measured.allSatisfy { $0 == 0 }
  }

  /// Whether the counters tell what kernels do, not only that there are some.
  var isProfiled: Bool { self[.tensor] != nil || self[.dram] != nil }
}

/// Means over samples: each over those that have the value.
public struct DeviceMeans: Hashable, Sendable {
  /// Samples in it.
  public var count: Int
  /// From the first to the last sample, seconds.
  public var seconds: Double
  /// 0...1 of the samples that tell it; nil if none does.
  public var powerCapped: Double?
  /// Every profiling counter of every sample is exactly 0.
  public var isDark: Bool
  public var isProfiled: Bool
  /// Mean of the SM clock, weighted by tensor activity, MHz: what the matrices ran at. nil without either.
  public var tensorClock: Double?
  private var values: [Double?]

  public subscript(counter: DeviceCounter) -> Double? { values[counter.rawValue] }

  public init(_ samples: some Collection<DeviceSample>) {
    count = samples.count
    let times = samples.map(\.seconds)
    seconds = (times.max() ?? 0) - (times.min() ?? 0)
    let told = samples.compactMap(\.isPowerCapped)
    powerCapped = told.isEmpty ? nil : Double(told.count { $0 }) / Double(told.count)
    isDark = samples.contains(where: \.isDark) && samples.allSatisfy { $0.isDark || !$0.hasProfiling }
    isProfiled = samples.contains(where: \.isProfiled)
    values = DeviceCounter.allCases.map { counter in
      let known = samples.compactMap { $0[counter] }
      return known.isEmpty ? nil : known.reduce(0, +) / Double(known.count)
    }
    tensorClock = Self.tensorClock(samples)
  }

  private static func tensorClock(_ samples: some Collection<DeviceSample>) -> Double? {
    var weighted = 0.0
    var weight = 0.0
    for sample in samples {
      guard let clock = sample[.smClock], let tensor = sample[.tensor] else { continue }
      weighted += clock * tensor
      weight += tensor
    }
    if weight > 0 { return weighted / weight }
    let clocks = samples.compactMap { $0[.smClock] }
    return clocks.isEmpty ? nil : clocks.reduce(0, +) / Double(clocks.count)
  }

  /// 0...1: the part of the time in which something runs: the profiling counter, else the classic utilisation, which
  /// also counts copies over PCIe.
  var busy: Double? { self[.graphics] ?? self[.utilisation] }

  /// The busiest pipe that computes; nil if none is measured.
  var arithmetic: Double? { [.tensor, .fp64, .fp32, .fp16].compactMap { self[$0] }.max() }
}

extension DeviceSample {
  var hasProfiling: Bool { DeviceCounter.profiling.contains { self[$0] != nil } }
}
