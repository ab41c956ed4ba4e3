/// What the devices of one job have done since it first ran: all together, and each of the running attempt's on its own.
/// Built from rollups as they come in; an interval counts for a job if its attempt held the device for all of it.
public struct JobDevices: Hashable, Sendable {
  /// A device of the attempt that runs, or ran last.
  public struct Device: Hashable, Sendable {
    /// Node of the fleet and the device's number there.
    public var node: Int32
    public var device: Int32
    /// Milliseconds that were measured; of them, those in which the profiling counters were dark; in which something ran; and
    /// tensor activity times milliseconds that were not dark.
    public var measured: Int64 = 0
    public var dark: Int64 = 0
    public var busy: Double = 0
    public var tensor: Double = 0
    /// Since 1970; of the newest interval: its end and what the device did in it.
    public var seenAt: Int64 = 0
    public var state: DeviceState = .unknown
    /// End of the newest interval in which something ran; 0: none yet.
    public var activeAt: Int64 = 0

    public init(node: Int32, device: Int32) {
      self.node = node
      self.device = device
    }

    /// Milliseconds behind `tensor`.
    public var lit: Int64 { measured - dark }
  }

  /// Over all attempts, in device-milliseconds.
  public private(set) var total = DeviceInterval()
  /// Of which attempt `devices` are, from 1; 0: none yet.
  public private(set) var attempt: Int32 = 0
  /// By node, then number.
  public private(set) var devices: [Device] = []
  public private(set) var source: DeviceSource?
  /// Milliseconds since 1970: from the start of the first interval to the end of the newest.
  public private(set) var from: Int64 = 0
  public private(set) var to: Int64 = 0
  /// Name of the devices' type, as NVML or the person calls it; the first one's.
  public var deviceType: String

  public init(deviceType: String) { self.deviceType = deviceType }

  /// With all devices' sum over a part of the run in place of the whole run's.
  public func over(_ part: DeviceInterval) -> JobDevices {
    var devices = self
    devices.total = part
    return devices
  }

  /// Something runs above this share of the time. As `DeviceThresholds.idleBusy`: a driver's own work stays below.
  static let busyAbove = 0.02

  /// - Parameter rollup: the interval that `device` of `node` is one of.
  public mutating func add(
    _ interval: DeviceInterval, of device: Int32, node: Int32, attempt: Int32, in rollup: NodeRollup
  ) {
    guard interval.milliseconds > 0, attempt >= self.attempt else { return }
    begin(attempt)
    total += interval
    let end = rollup.start + rollup.length
    from = from == 0 ? rollup.start : min(from, rollup.start)
    to = max(to, end)
    source = rollup.source
    let place = devices.partitioningIndex { ($0.node, $0.device) >= (node, device) }
    let isKnown = place < devices.count && devices[place].node == node && devices[place].device == device
    if !isKnown { devices.insert(Device(node: node, device: device), at: place) }
    let busy = interval[.graphics] ?? interval[.utilisation] ?? 0
    let time = Double(interval.milliseconds)
    devices[place].measured += interval.milliseconds
    devices[place].dark += interval.darkMilliseconds
    devices[place].busy += busy * time
    devices[place].tensor += (interval[.tensor] ?? 0) * Double(interval.litMilliseconds)
    if end > devices[place].seenAt {
      devices[place].seenAt = end
      devices[place].state = interval.mainState ?? .unknown
    }
    if busy > Self.busyAbove { devices[place].activeAt = max(devices[place].activeAt, end) }
  }

  /// From here on `devices` are those of that attempt.
  mutating func begin(_ attempt: Int32) {
    if attempt > self.attempt { (self.attempt, devices) = (attempt, []) }
  }

  /// Takes up devices that it does not know yet, in their order.
  mutating func admit(_ fresh: [Device]) {
    guard !fresh.isEmpty else { return }
    var merged: [Device] = []
    merged.reserveCapacity(devices.count + fresh.count)
    var i = 0
    for device in fresh {
      while i < devices.count, (devices[i].node, devices[i].device) < (device.node, device.device) {
        merged.append(devices[i])
        i += 1
      }
      merged.append(device)
    }
    devices = merged + devices[i...]
  }

  /// What `pack` wrote.
  mutating func restore(
    total: DeviceInterval, attempt: Int32, devices: [Device], source: DeviceSource?, from: Int64, to: Int64
  ) {
    self.total = total
    self.attempt = attempt
    self.devices = devices
    self.source = source
    self.from = from
    self.to = to
  }

  /// Device-hours that were measured.
  public var deviceHours: Double { Double(total.milliseconds) / 3_600_000 }

  /// 0...1 of the dense peak, from the counters; nil where it cannot be said.
  public func mfu(_ part: DevicePart, _ rate: MatrixRate? = nil) -> Double? { total.mfu(part, rate) }
}
