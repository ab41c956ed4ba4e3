/// What a device does, as far as its own counters tell. See docs/devices.md for what each cannot be told apart from.
public enum DeviceState: String, CaseIterable, Sendable {
  /// Nothing runs and nothing is about to.
  case idle
  /// A process holds memory and has not run anything yet: imports, allocation, loading of weights, compilation.
  case starting
  /// Kernels compute.
  case working
  /// Kernels compute well when they run, and are waited for most of the time.
  case starved
  /// The memory interface is the bound: copies, element-wise work, decode at small batch.
  case memoryBound
  /// Kernels too small to fill the device.
  case launchBound
  /// A kernel is resident all the time and does nothing: a collective that waits for a dead peer looks so.
  case hung
  /// Cannot be told; the evidence says why.
  case unknown
}

/// Why a state is unknown.
public enum UnknownCause: String, CaseIterable, Sendable {
  /// Too few samples since the first one, or since a silence.
  case settling
  /// No sample came.
  case silent
  /// The profiling counters are dark while the device draws power or says that it is busy.
  case blackout
  /// The counter that would tell is not measured.
  case notMeasured
  /// A kernel neither computes nor moves data, but draws more power than one that spins.
  case unclear
}

/// A state, and if unknown, why.
public struct DeviceReading: Hashable, Sendable {
  public var state: DeviceState
  public var cause: UnknownCause?

  init(_ state: DeviceState) { self.state = state }

  init(unknown cause: UnknownCause) {
    state = .unknown
    self.cause = cause
  }
}

/// What power is measured against.
public struct PowerScale: Hashable, Sendable {
  public enum Source: Hashable, Sendable { case learned, part, given, estimated }

  /// Watts with nothing resident.
  public var floor: Double?
  public var floorSource = Source.learned
  /// Watts.
  public var limit: Double?
  public var limitSource = Source.learned

  /// Whether `watts` is above the floor of a device with a context at full clock and `share` of the range from the idle
  /// floor to the limit. nil if it cannot be said.
  func isAbove(_ watts: Double?, share: Double, _ thresholds: DeviceThresholds) -> Bool? {
    guard let watts, let floor, let top = top(thresholds) else { return nil }
    return watts > floor * thresholds.contextOverIdle + share * max(0, top - floor)
  }

  /// The limit, or where none is known what it usually is over the floor.
  func top(_ thresholds: DeviceThresholds) -> Double? { limit ?? floor.map { $0 * thresholds.limitOverIdle } }

  /// Whether `watts` is above `share` of the range from the idle floor to the limit. nil if it cannot be said.
  func isAboveRange(_ watts: Double?, share: Double, _ thresholds: DeviceThresholds) -> Bool? {
    guard let watts, let floor, let top = top(thresholds) else { return nil }
    return watts > floor + share * (top - floor)
  }

  /// Whether the power limit holds the clock down: what the device tells of it, if its power is near the limit.
  func isCapped(_ means: DeviceMeans, _ thresholds: DeviceThresholds) -> Bool {
    let share = means[.power].flatMap { watts in limit.map { watts / $0 } }
    guard let told = means.powerCapped else { return (share ?? 0) >= thresholds.cappedPowerAlone }
    return told >= 0.5 && (share ?? 1) >= thresholds.cappedPower
  }
}
