import MusterDevices

/// What NVML told of one device in one look, in NVML's own units. nil: a call that is not there, or answered an error.
struct NVMLCounters: Hashable, Sendable {
  /// 0...100: the part of the time in which a kernel was resident, and in which memory was moved.
  var utilisation: UInt32?
  var memoryUtilisation: UInt32?
  /// Bytes, without what the driver keeps for itself.
  var memoryUsed: UInt64?
  /// Milliwatts.
  var power: UInt32?
  /// MHz.
  var smClock: UInt32?
  /// Why the clock is not higher: a mask, see `powerCapBit`.
  var reasons: UInt64?
  var processes: UInt32?
  /// In the counter's own unit.
  var profiling: [DeviceCounter: Double] = [:]

  /// nvmlClocksEventReasonSwPowerCap of nvml.h.
  static let powerCapBit: UInt64 = 4

  /// - Parameter seconds: when it was looked, boot-time seconds.
  /// - Returns: nil if nothing was measured.
  func sample(seconds: Double) -> DeviceSample? {
    guard self != NVMLCounters() else { return nil }
    var sample = DeviceSample(seconds: seconds)
    sample[.utilisation] = utilisation.map { Double($0) / 100 }
    sample[.memoryUtilisation] = memoryUtilisation.map { Double($0) / 100 }
    sample[.memoryUsed] = memoryUsed.map { Double($0) }
    sample[.power] = power.flatMap { DeviceSample.measured(Double($0)) }.map { $0 / 1000 }
    sample[.smClock] = smClock.map { Double($0) }
    sample[.processes] = processes.map { Double($0) }
    sample.isPowerCapped = reasons.map { $0 & Self.powerCapBit != 0 }
    for (counter, value) in profiling { sample[counter] = value }
    return sample
  }
}

/// nvmlUtilization_t: two numbers of 32 bits.
enum NVMLUtilisation {
  static let size = 8
  static func read(_ bytes: [UInt8]) -> (device: UInt32, memory: UInt32) {
    bytes.withUnsafeBytes { ($0.load(as: UInt32.self), $0.load(fromByteOffset: 4, as: UInt32.self)) }
  }
}

/// nvmlMemory_v2_t: version, total@8, reserved@16, free@24, used@32.
enum NVMLMemory {
  static let size = 40
  /// sizeof | 2 << 24, as nvml.h makes a struct's version.
  static let version: UInt32 = 0x200_0028

  static var request: [UInt8] {
    var bytes = [UInt8](repeating: 0, count: size)
    bytes.withUnsafeMutableBytes { $0.storeBytes(of: version, as: UInt32.self) }
    return bytes
  }

  static func used(_ bytes: [UInt8]) -> UInt64 {
    bytes.withUnsafeBytes { $0.load(fromByteOffset: 32, as: UInt64.self) }
  }
}

/// nvmlGpmMetricsGet_t: version@0, count@4, the two samples@8 and @16, then entries of 40 bytes each from 24 on: the
/// metric's id@0, its own return code@4, its value@8.
enum GPM {
  /// Metrics and what they are: shares in percent, PCIe in MiB/s. Source: nvmlGpmMetricId_t of nvml.h.
  static let metrics: [(id: UInt32, counter: DeviceCounter, divisor: Double)] = [
    (1, .graphics, 100), (2, .sm, 100), (3, .occupancy, 100), (4, .integer, 100), (5, .tensor, 100),
    (10, .dram, 100), (11, .fp64, 100), (12, .fp32, 100), (13, .fp16, 100), (20, .pcieSent, 1),
    (21, .pcieReceived, 1),
  ]
  /// With the 333 entries of the newest header; an older library writes fewer.
  static let size = 24 + 333 * 40
  private static let entry = 40

  static func request(from first: UnsafeMutableRawPointer, to second: UnsafeMutableRawPointer) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: size)
    bytes.withUnsafeMutableBytes { raw in
      raw.storeBytes(of: 1, as: UInt32.self)
      raw.storeBytes(of: UInt32(metrics.count), toByteOffset: 4, as: UInt32.self)
      raw.storeBytes(of: UInt(bitPattern: first), toByteOffset: 8, as: UInt.self)
      raw.storeBytes(of: UInt(bitPattern: second), toByteOffset: 16, as: UInt.self)
      for (i, metric) in metrics.enumerated() {
        raw.storeBytes(of: metric.id, toByteOffset: 24 + i * entry, as: UInt32.self)
      }
    }
    return bytes
  }

  /// In the counters' own units; a metric whose own call failed is left out.
  static func values(_ bytes: [UInt8]) -> [DeviceCounter: Double] {
    var values: [DeviceCounter: Double] = [:]
    bytes.withUnsafeBytes { raw in
      for (i, metric) in metrics.enumerated() {
        let at = 24 + i * entry
        guard raw.load(fromByteOffset: at, as: UInt32.self) == metric.id,
          raw.load(fromByteOffset: at + 4, as: Int32.self) == 0
        else { continue }
        let value = DeviceSample.measured(raw.load(fromByteOffset: at + 8, as: Double.self))
        if let value { values[metric.counter] = value / metric.divisor }
      }
    }
    return values
  }
}
