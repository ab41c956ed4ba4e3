import MusterDevices

/// What the controller holds of the devices of one job that runs, or ran a moment ago.
struct JobFold: Sendable {
  private(set) var devices: JobDevices
  /// Minutes that are open, all devices together, oldest first.
  private(set) var minutes: [(at: Int64, sum: DeviceInterval)] = []
  /// The newest one that is closed.
  private var closed: (at: Int64, sum: DeviceInterval)?
  /// When something was added last, by the controller's clock.
  private(set) var heardAt: Int64

  /// A minute is closed so long after its end; what comes later makes another row of it, and whoever reads adds them.
  static let patience: Int64 = 30_000
  /// A job of which nothing came for so long is put away until it is heard of again.
  static let quiet: Int64 = 300_000

  init(_ devices: JobDevices, now: Int64) {
    self.devices = devices
    heardAt = now
  }

  /// - Parameter type: of the devices of these parts.
  mutating func add(_ parts: [JobDevices.Part], attempt: Int32, type: String, now: Int64) {
    guard attempt >= devices.attempt else { return }
    if devices.deviceType != type {
      devices.deviceType = DevicePart.together([devices.deviceType, type].filter { !$0.isEmpty })
    }
    devices.add(parts, attempt: attempt)
    heardAt = now
    for part in parts {
      var sum = DeviceInterval()
      for interval in part.intervals { sum += interval }
      guard sum.milliseconds > 0 else { continue }
      let at = part.rollup.start / RollupLevel.jobs.step * RollupLevel.jobs.step
      if let i = minutes.firstIndex(where: { $0.at == at }) {
        minutes[i].sum += sum
      } else {
        minutes.insert((at, sum), at: minutes.firstIndex { $0.at > at } ?? minutes.count)
      }
    }
  }

  /// - Parameter all: also those that are not over.
  mutating func close(_ job: Int64, now: Int64, all: Bool = false, into rows: inout FoldedRows) {
    while let first = minutes.first, all || first.at + RollupLevel.jobs.step + Self.patience <= now {
      minutes.removeFirst()
      closed = first
      rows[.jobs].append(RollupRow(key: job, at: first.at, bytes: row(first.at, first.sum).packed()))
    }
  }

  /// What its devices did in the last minute or two; nil: nobody says, or has said for so many milliseconds.
  func recent(now: Int64, fresh: Int64) -> DeviceInterval? {
    guard now - heardAt <= fresh else { return nil }
    var sum = DeviceInterval()
    for minute in minutes { sum += minute.sum }
    return sum.milliseconds > 0 ? sum : closed?.sum
  }

  private func row(_ at: Int64, _ sum: DeviceInterval) -> NodeRollup {
    NodeRollup(start: at, length: RollupLevel.jobs.step, source: devices.source ?? .nvml, devices: [sum])
  }
}
