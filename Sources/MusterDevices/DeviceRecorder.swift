/// Turns a live device's samples into intervals, and says what it does now. One for each device.
///
/// Time up to a sample whose counters were dark is a blackout's, and `unknown`, whatever else is told of the device then.
/// All other time counts for the state that was known when it passed: a change is certain 4 to 7 s after it happened (10 s at a
/// sample every 2 s), so that much of a new state counts for the one before. Nothing is taken back.
public struct DeviceRecorder: Sendable {
  public private(set) var classifier: DeviceClassifier
  private var samples: [DeviceSample] = []
  private var times: [DeviceState: Int64] = [:]
  private var dark: Int64 = 0
  private var capped: Int64 = 0
  /// Where the time that is counted ends, milliseconds on the samples' scale; nil before the first sample.
  private var counted: Int64?

  public init(part: DevicePart?, powerLimitWatts: Double? = nil) {
    classifier = DeviceClassifier(part: part, powerLimitWatts: powerLimitWatts)
  }

  /// As set on the device by now, watts.
  public mutating func setPowerLimit(_ watts: Double) { classifier.setPowerLimit(watts) }

  /// Time between two samples further apart than this was not measured, milliseconds.
  public static let gap: Int64 = 10_000

  public mutating func add(_ sample: DeviceSample) {
    guard sample.seconds.isFinite, sample.seconds >= 0 else { return }
    let at = Int64((sample.seconds * 1000).rounded())
    if let counted, at < counted { return }
    _ = classifier.add(sample)
    var sample = sample
    sample.isDark = classifier.isDark
    samples.append(sample)
    if let counted, at - counted <= Self.gap {
      let time = at - counted
      times[sample.isDark ? .unknown : classifier.reading.state, default: 0] += time
      // An idle device's counters are 0, too: that is no blackout.
      if sample.isDark { dark += time }
      if classifier.isPowerCapped { capped += time }
    }
    counted = at
  }

  /// What has passed since the last call, up to the newest sample.
  public mutating func close() -> DeviceInterval {
    defer {
      samples.removeAll(keepingCapacity: true)
      times.removeAll(keepingCapacity: true)
      (dark, capped) = (0, 0)
    }
    return DeviceInterval(samples[...], times: times, dark: dark, capped: capped)
  }
}
