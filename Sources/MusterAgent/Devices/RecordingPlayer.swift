import MusterDevices

/// Plays a recording on every device, again and again: for trying out, and for tests.
struct RecordingPlayer: DeviceReader {
  private let samples: [DeviceSample]
  private let devices: Int
  private let begunAt: Double

  /// - Parameter begunAt: boot-time seconds at which the first sample is shown.
  init(_ recording: Recording, devices: Int, begunAt: Double) {
    samples = recording.samples
    self.devices = devices
    self.begunAt = begunAt
  }

  /// From the first sample to the first one again, seconds: the last sample stays as long as the others on average.
  var length: Double {
    guard let first = samples.first, let last = samples.last, samples.count > 1 else { return 0 }
    let span = last.seconds - first.seconds
    return span + span / Double(samples.count - 1)
  }

  /// The sample that is shown at this moment, with this moment as its time; nil: the recording has none.
  func sample(at now: Double) -> DeviceSample? {
    guard let first = samples.first else { return nil }
    let passed = max(0, now - begunAt)
    let at = first.seconds + (length > 0 ? passed.truncatingRemainder(dividingBy: length) : 0)
    var (low, high) = (0, samples.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if samples[middle].seconds <= at { low = middle } else { high = middle }
    }
    var shown = samples[low]
    shown.seconds = now
    return shown
  }

  mutating func look() -> [DeviceLook] {
    let shown = sample(at: Double(bootMilliseconds()) / 1000)
    return (0..<devices).map { DeviceLook(device: $0, sample: shown) }
  }
}
