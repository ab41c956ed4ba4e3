import MusterDevices

@testable import MusterInsight

/// What a device shows while it does one thing. Shares 0...1, watts, MHz, bytes.
struct Load {
  var state: DeviceState
  var counters: [DeviceCounter: Double] = [:]
  var isDark = false
  /// 0...1 of the time of a load that is not dark as a whole.
  var darkShare = 0.0
  var isCapped = false

  static let idle = Load(state: .idle, counters: [.utilisation: 0, .graphics: 0.001, .tensor: 0, .fp32: 0, .power: 74])
  static let starting = Load(state: .starting, counters: [.utilisation: 0, .graphics: 0.001, .power: 124])
  static let matrices = Load(
    state: .working,
    counters: [
      .utilisation: 0.98, .graphics: 0.98, .sm: 0.95, .tensor: 0.4, .dram: 0.3, .fp32: 0.05, .smClock: 1830,
      .memoryUsed: 60e9, .power: 600,
    ])
  static let vectors = Load(
    state: .working,
    counters: [
      .utilisation: 1, .graphics: 1, .sm: 0.9, .tensor: 0, .dram: 0.2, .fp32: 0.7, .smClock: 1900, .memoryUsed: 30e9,
      .power: 500,
    ])
  static let starved = Load(
    state: .starved,
    counters: [
      .utilisation: 0.18, .graphics: 0.18, .sm: 0.16, .tensor: 0.064, .dram: 0.09, .fp32: 0.01, .smClock: 1967,
      .memoryUsed: 30e9, .power: 238,
    ])
  static let launchBound = Load(
    state: .launchBound,
    counters: [
      .utilisation: 0.3, .graphics: 0.3, .sm: 0.01, .tensor: 0.005, .dram: 0.01, .fp32: 0.01, .smClock: 1980,
      .memoryUsed: 30e9, .power: 128,
    ])
  static let copies = Load(
    state: .memoryBound,
    counters: [
      .utilisation: 0.99, .graphics: 0.99, .sm: 0.99, .tensor: 0.01, .dram: 0.9, .fp32: 0.02, .smClock: 1980,
      .memoryUsed: 30e9, .power: 394,
    ])
  static let small = Load(
    state: .working,
    counters: [
      .utilisation: 0.12, .graphics: 0.12, .sm: 0.1, .tensor: 0.03, .dram: 0.03, .fp32: 0.02, .smClock: 1980,
      .memoryUsed: 5e9, .power: 150,
    ])
  /// Every profiling counter exactly 0, and so much power that this is no idleness.
  static let dark = Load(
    state: .unknown,
    counters: [.graphics: 0, .sm: 0, .tensor: 0, .dram: 0, .fp32: 0, .power: 600, .memoryUsed: 5e9], isDark: true)
  static let capped = Load(state: .working, counters: matrices.counters, isCapped: true)

  func minute() -> DeviceInterval {
    let dark = isDark ? 60_000 : Int64(darkShare * 60_000)
    let times: [DeviceState: Int64] = isDark ? [state: dark] : [state: 60_000 - dark, .unknown: dark]
    return DeviceInterval([sample()][...], times: times, dark: dark, capped: isCapped ? 60_000 : 0)
  }

  func sample() -> DeviceSample {
    var sample = DeviceSample(seconds: 1)
    for (counter, value) in counters { sample[counter] = value }
    return sample
  }
}

enum World {
  static let hour: Int64 = 3_600_000
  static let start: Int64 = 1_800_000_000_000

  /// Each device with its load all the time, in minutes.
  static func devices(_ loads: [Load], hours: Double = 2, type: String = "NVIDIA H100 80GB HBM3") -> JobDevices {
    var all = JobDevices(deviceType: type)
    for minute in 0..<Int64(hours * 60) {
      for (device, load) in loads.enumerated() {
        let rollup = NodeRollup(start: start + minute * 60_000, length: 60_000, source: .nvmlGPM, devices: [])
        all.add(
          load.minute(),
          of: Int32(device % 8),
          node: Int32(device / 8), attempt: 1, in: rollup)
      }
    }
    return all
  }

  static func counted(_ loads: [Load], hours: Double = 2, type: String = "NVIDIA H100 80GB HBM3") -> JobEvidence {
    var job = evidence(devices: loads.count, hours: hours)
    job.devices = devices(loads, hours: hours, type: type)
    job.deviceType = type
    return job
  }

  /// Productive all the time.
  static func evidence(devices: Int = 8, hours: Double = 10) -> JobEvidence {
    var job = JobEvidence()
    job.seconds = hours * 3600
    job.devicesAsked = devices
    job.deviceType = "NVIDIA H100 80GB HBM3"
    job.accounts.held = Int64(hours * 3_600_000) * Int64(devices)
    job.accounts.productive = job.accounts.held
    job.userGPUHours = 100
    return job
  }

  /// Some of what was productive becomes something else.
  static func lost(_ share: Double, to account: WritableKeyPath<JobEvidence.Accounts, Int64>) -> JobEvidence {
    var job = evidence()
    let amount = Int64(share * Double(job.accounts.held))
    job.accounts[keyPath: account] = amount
    job.accounts.productive -= amount
    return job
  }
}
