/// Whether the profiling counters of a sample were dark: another tool holds them, or the driver gives none, and they read 0
/// while the device works. Judged sample by sample: a blackout may come and go within a second.
///
/// Zeros are what a device shows, too, that waits for its next kernel. So they are dark only against what does not come
/// from those counters: power, or the driver's utilisation.
struct Blackout {
  var thresholds: DeviceThresholds
  var power: PowerScale

  /// - Parameter before: the sample before it, which speaks for power and utilisation where it has neither.
  func isDark(_ sample: DeviceSample, after before: DeviceSample? = nil) -> Bool {
    if sample.profilingIsAtMost(0) {
      let isMute = sample[.utilisation] == nil && sample[.power] == nil
      return isContradicted(isMute ? before ?? sample : sample)
    }
    guard sample.profilingIsAtMost(thresholds.idleBelow.busy) else { return false }
    // Nearly nothing, while both others tell of hard work: some drivers leave a trace of memory traffic.
    return (sample[.utilisation] ?? 0) >= thresholds.darkWork
      && power.isAboveRange(sample[.power], share: thresholds.darkWork, thresholds) == true
  }

  private func isContradicted(_ sample: DeviceSample) -> Bool {
    if let utilisation = sample[.utilisation], utilisation >= thresholds.darkUtilisation { return true }
    if let isAbove = power.isAbove(sample[.power], share: thresholds.darkPower, thresholds) { return isAbove }
    // Nothing says that the device is idle.
    return sample[.utilisation] == nil
  }
}
