/// What means over one window say. No memory but the present state, for the bounds that differ by it.
struct DeviceRules {
  var thresholds: DeviceThresholds
  /// Streaming multiprocessors; those of an unknown part are taken as 100.
  var sms: Int?
  var power: PowerScale
  var current: DeviceState
  /// A process holds memory or is told of. Whether it ever ran a kernel is in `hasWorked`.
  var isResident: Bool
  var hasWorked: Bool

  func read(_ means: DeviceMeans) -> DeviceReading {
    if means.isDark { return DeviceReading(unknown: .blackout) }
    guard let busy = means.busy else { return DeviceReading(unknown: .notMeasured) }
    let isQuiet = current == .idle || current == .starting
    if busy < (isQuiet ? thresholds.idleBelow.idle : thresholds.idleBelow.busy) {
      return DeviceReading(isResident && !hasWorked ? .starting : .idle)
    }
    return means.isProfiled ? profiled(means, busy) : unprofiled(means, busy)
  }

  // MARK: With profiling counters

  private func profiled(_ means: DeviceMeans, _ busy: Double) -> DeviceReading {
    // NVML's memory utilisation stands in for DRAM activity, which it exceeds.
    let memory = (means[.dram] ?? means[.memoryUtilisation]).map { $0 / busy }
    let arithmetic = means.arithmetic.map { $0 / busy }
    let filled = means[.sm].map { $0 / busy }
    if (memory ?? 0) < thresholds.quiet, (arithmetic ?? 0) < thresholds.quiet, !computesIntegers(means) {
      return quiet(means, busy, filled: filled, isSeen: memory != nil && means[.tensor] != nil)
    }
    if let filled, filled < thresholds.smallKernel, (memory ?? 0) < thresholds.smallKernelMemory,
      (arithmetic ?? 0) < thresholds.smallKernelArithmetic
    {
      return DeviceReading(.launchBound)
    }
    if isMemoryBound(means, busy, memory: memory, arithmetic: arithmetic) { return DeviceReading(.memoryBound) }
    if busy < bound(thresholds.starvedBelow, .starved) { return DeviceReading(.starved) }
    // Without the tensor pipe, work and memory-bound work look alike; only power can tell.
    guard means[.tensor] == nil, !computesElsewhere(arithmetic) else { return DeviceReading(.working) }
    return power.isAboveRange(means[.power], share: thresholds.workPower, thresholds) == true
      ? DeviceReading(.working) : DeviceReading(unknown: .notMeasured)
  }

  /// Something is resident that neither computes nor touches memory.
  private func quiet(_ means: DeviceMeans, _ busy: Double, filled: Double?, isSeen: Bool) -> DeviceReading {
    guard busy >= bound(thresholds.hungBusy, .hung) else {
      // Kernels that fill the device and yet do nothing, part of the time: waiting in some collectives does so.
      let areSmall = filled.map { $0 < thresholds.smallKernel } ?? true
      return areSmall ? DeviceReading(.launchBound) : DeviceReading(unknown: .unclear)
    }
    // A kernel that never ends keeps a whole SM at the least; less than half of one is a stream of kernels that end.
    if let sm = means[.sm], sm < 0.5 / Double(sms ?? 100) { return DeviceReading(.launchBound) }
    switch power.isAbove(means[.power], share: thresholds.spinPower, thresholds) {
    case true?: return DeviceReading(unknown: .unclear)
    case false?: return DeviceReading(.hung)
    // With no power to judge by, all that could be work must have been seen to do none.
    case nil: return isSeen ? DeviceReading(.hung) : DeviceReading(unknown: .notMeasured)
    }
  }

  private func computesIntegers(_ means: DeviceMeans) -> Bool {
    guard let integer = means[.integer], let sm = means[.sm], sm > 0 else { return false }
    return integer > 0.02 && integer / sm > thresholds.integerWork
  }

  private func computesElsewhere(_ arithmetic: Double?) -> Bool {
    arithmetic.map { $0 >= thresholds.arithmeticOverMemory.enter } ?? false
  }

  private func isMemoryBound(_ means: DeviceMeans, _ busy: Double, memory: Double?, arithmetic: Double?) -> Bool {
    guard let memory, busy >= bound(thresholds.memoryBusy, .memoryBound) else { return false }
    if means[.tensor] == nil { return memory >= thresholds.surelyMemory && !computesElsewhere(arithmetic) }
    // Memory utilisation is the time in which memory was touched at all: more of it has to be seen.
    let least = means[.dram] == nil ? thresholds.surelyMemory : bound(thresholds.memoryBound, .memoryBound)
    return memory >= least
      && (arithmetic ?? 0) <= memory * bound(thresholds.arithmeticOverMemory, .memoryBound)
  }

  // MARK: With utilisation and power alone

  private func unprofiled(_ means: DeviceMeans, _ busy: Double) -> DeviceReading {
    guard let watts = means[.power], power.floor != nil else { return DeviceReading(unknown: .notMeasured) }
    let memory = means[.memoryUtilisation]
    if (memory ?? 0) < 0.01 {
      let isSpin = busy >= bound(thresholds.hungBusy, .hung)
      let share = isSpin ? thresholds.spinPower : thresholds.tinyKernelPower
      if power.isAbove(watts, share: share, thresholds) == false {
        return DeviceReading(isSpin ? .hung : .launchBound)
      }
    }
    if let memory, memory >= thresholds.surelyMemory, busy >= thresholds.surelyMemory,
      let limit = power.top(thresholds),
      watts < thresholds.memoryPower * limit
    {
      return DeviceReading(.memoryBound)
    }
    if busy < bound(thresholds.starvedBelow, .starved) { return DeviceReading(.starved) }
    return power.isAboveRange(watts, share: thresholds.workPower, thresholds) == true
      ? DeviceReading(.working) : DeviceReading(unknown: .notMeasured)
  }

  private func bound(_ pair: (enter: Double, stay: Double), _ state: DeviceState) -> Double {
    current == state ? pair.stay : pair.enter
  }
}
