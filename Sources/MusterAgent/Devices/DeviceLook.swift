import MusterDevices

/// What one look at one device found.
struct DeviceLook: Hashable, Sendable {
  /// The device's number on its node.
  var device: Int
  /// nil: it did not answer, or nothing of it could be measured.
  var sample: DeviceSample?
  /// As its vendor calls it; empty: not known.
  var model = ""
  /// As set on the device, watts; nil: not known.
  var powerLimitWatts: Double?
  /// Whether NVML has profiling counters of it; nil: nobody could say yet.
  var hasGPM: Bool?
}

/// Whoever is asked for counters again and again. A look may block for ever: it is made on a thread of its own.
protocol DeviceReader {
  /// One device's look, or those of all; empty: nothing can be read now.
  mutating func look() -> [DeviceLook]
}
