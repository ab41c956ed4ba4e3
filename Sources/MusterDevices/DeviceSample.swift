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

  var isProfiling: Bool { Self.profiling.contains(self) }

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
  /// The profiling counters were dark (`Blackout`): what they say is left out of every mean. Told by the classifier.
  public internal(set) var isDark = false
  /// A lane a counter; `Lanes.none` where nothing was measured. No memory of its own: windows are summed often.
  fileprivate var values = Lanes(repeating: Lanes.none)

  public init(seconds: Double) { self.seconds = seconds }

  /// In the counter's own unit. A value that cannot be measured is dropped; a share above 1 is 1.
  public subscript(counter: DeviceCounter) -> Double? {
    get {
      let value = values[counter.rawValue]
      return value == Lanes.none ? nil : value
    }
    set {
      let measured = newValue.flatMap(Self.measured)
      values[counter.rawValue] = measured.map { counter.isShare ? min($0, 1) : $0 } ?? Lanes.none
    }
  }

  /// nil for what DCGM and NVML write where there is no value: not finite, negative (NVML_VALUE_NOT_AVAILABLE is -1),
  /// 0x7FFFFFF0 to ...F3 (int32), 2^47 and above (double 140737488355328 + 0 to 3; int64 0x7FFFFFFFFFFFFFF0 to ...F3),
  /// 2^32 - 1. Source: DCGM's dcgmvalue.py, nvml.h.
  public static func measured(_ value: Double) -> Double? {
    guard value.isFinite, value >= 0, value < 140_737_488_355_328, value != 4_294_967_295 else { return nil }
    return (2_147_483_632...2_147_483_635).contains(value) && value == value.rounded() ? nil : value
  }

  /// The same as if its counters were not dark.
  var lit: DeviceSample {
    var sample = self
    sample.isDark = false
    return sample
  }

  var hasProfiling: Bool { Self.profilingLanes.contains { values[$0] != Lanes.none } }

  /// Whether a counter of the profiling hardware was measured, and all that were are at most that.
  func profilingIsAtMost(_ share: Double) -> Bool {
    hasProfiling && !Self.profilingLanes.contains { values[$0] > share }
  }

  fileprivate static let profilingLanes = DeviceCounter.profiling.map(\.rawValue)

  /// Whether the counters tell what kernels do, not only that there are some.
  var isProfiled: Bool { self[.tensor] != nil || self[.dram] != nil }
}

/// Means over samples: each over those that have the value. Samples whose profiling counters were dark are left out of all
/// of them; where so many were that the rest does not speak for the time (`isDark`), what did not come from those counters
/// is the mean of all samples.
public struct DeviceMeans: Hashable, Sendable {
  /// Samples in it, dark ones too.
  public var count: Int
  /// Of them, those whose profiling counters were dark.
  public var darkCount: Int
  /// From the first to the last sample, seconds.
  public var seconds: Double
  /// 0...1 of the samples that tell it; nil if none does.
  public var powerCapped: Double?
  /// Too few samples are not dark (`DeviceThresholds.liveShare`).
  public var isDark: Bool
  public var isProfiled: Bool
  /// Mean of the SM clock, weighted by tensor activity, MHz: what the matrices ran at. nil without either.
  public var tensorClock: Double?
  private var values = Lanes(repeating: Lanes.none)

  public subscript(counter: DeviceCounter) -> Double? {
    let value = values[counter.rawValue]
    return value == Lanes.none ? nil : value
  }

  public init(_ samples: [DeviceSample]) { self.init(samples[...]) }

  public init(_ samples: ArraySlice<DeviceSample>) {
    count = samples.count
    darkCount = samples.count { $0.isDark }
    isDark = !DeviceThresholds.isEnough(live: count - darkCount, of: count)
    var (first, last) = (Double.infinity, -Double.infinity)
    var (sums, counts) = (Lanes.zero, Lanes.zero)
    var (told, capped) = (0, 0)
    var (clockByTensor, tensor) = (0.0, 0.0)
    isProfiled = false
    for sample in samples {
      (first, last) = (min(first, sample.seconds), max(last, sample.seconds))
      if sample.isProfiled { isProfiled = true }
      guard !sample.isDark || isDark else { continue }
      for lane in 0..<Lanes.used where sample.values[lane] != Lanes.none {
        sums[lane] += sample.values[lane]
        counts[lane] += 1
      }
      if let isCapped = sample.isPowerCapped { (told, capped) = (told + 1, capped + (isCapped ? 1 : 0)) }
      if let clock = sample[.smClock], let activity = sample[.tensor] {
        (clockByTensor, tensor) = (clockByTensor + clock * activity, tensor + activity)
      }
    }
    seconds = max(0, last - first)
    powerCapped = told == 0 ? nil : Double(capped) / Double(told)
    if isDark { for lane in DeviceSample.profilingLanes { counts[lane] = 0 } }
    for lane in 0..<Lanes.used where counts[lane] > 0 { values[lane] = sums[lane] / counts[lane] }
    tensorClock = tensor > 0 && !isDark ? clockByTensor / tensor : self[.smClock]
  }

  /// 0...1: the part of the time in which something runs: the profiling counter, else the classic utilisation, which
  /// also counts copies over PCIe.
  var busy: Double? { self[.graphics] ?? self[.utilisation] }

  /// The busiest pipe that computes; nil if none is measured.
  var arithmetic: Double? { [.tensor, .fp64, .fp32, .fp16].compactMap { self[$0] }.max() }
}

/// A lane a counter.
typealias Lanes = SIMD32<Double>

extension SIMD32<Double> {
  /// No counter is negative.
  static var none: Double { -1 }

  static let used = DeviceCounter.allCases.count
}
