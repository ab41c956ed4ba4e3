import MusterDevices

/// What became of a rollup.
enum RollupResult: String, CaseIterable, Sendable {
  case kept
  /// It cannot be read.
  case damaged
  /// It began more than ten minutes away from the controller's clock.
  case clock
  /// It lasts less than a second or more than a minute.
  case length
  /// It is of more devices than the node has declared.
  case devices
  /// It begins before the newest one of its node has ended.
  case repeated
  /// It found no room.
  case full

  var index: Int { Self.allCases.firstIndex(of: self) ?? 0 }

  /// Milliseconds.
  static let clockSlack: Int64 = 600_000
  static let lengths: ClosedRange<Int64> = 1_000...60_000

  /// What is wrong with it on its own; `.kept` if nothing is.
  /// - Parameters:
  ///   - devices: so many the node has declared.
  ///   - now: milliseconds since 1970.
  static func check(_ rollup: NodeRollup, devices: Int32, now: Int64) -> RollupResult {
    if abs(rollup.start - now) > clockSlack { return .clock }
    if !lengths.contains(rollup.length) { return .length }
    return rollup.devices.count > Int(devices) ? .devices : .kept
  }
}
