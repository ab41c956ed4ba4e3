import MusterDevices

/// Which interval is open, by the wall clock: aligned to its length, so that those of different nodes match.
struct IntervalClock: Hashable, Sendable {
  /// Milliseconds.
  static let length: Int64 = 10_000

  enum Step: Hashable {
    case goOn
    /// The interval that began then is over.
    case close(start: Int64)
    /// The clock was set back by an interval or more: what is open would be told of a time that has been told of.
    case discard
  }

  private(set) var start: Int64

  /// - Parameter wall: milliseconds since 1970.
  init(wall: Int64) { start = Self.aligned(wall) }

  /// A clock that was set back by less than an interval is waited for: the open interval lasts longer.
  mutating func step(wall: Int64) -> Step {
    guard wall < start || wall >= start + Self.length else { return .goOn }
    let before = start
    if wall < start, start - wall < Self.length { return .goOn }
    start = Self.aligned(wall)
    return wall < before ? .discard : .close(start: before)
  }

  private static func aligned(_ wall: Int64) -> Int64 { wall - wall % length }
}

/// What is known of one device now.
struct DeviceNow: Hashable, Sendable {
  var number: Int
  /// Empty: not known.
  var model: String
  var state: DeviceState
  /// nil: none for `DeviceRecorder.gap`.
  var sample: DeviceSample?
}

/// Looks in, intervals out. Knows no clock and no thread.
struct DeviceCollector: Sendable {
  private struct Slot {
    var recorder: DeviceRecorder?
    var model = ""
    var latest: DeviceSample?
    var isSilent = false
  }

  let source: DeviceSource
  private let type: String
  private var slots: [Slot]
  private var clock: IntervalClock
  /// Boot-time seconds; silence counts from there.
  private let begunAt: Double

  /// - Parameters:
  ///   - devices: of the node; those above `NodeRollup.deviceLimit` are not measured.
  ///   - type: as the devices are declared; for a source that names none.
  ///   - wall: milliseconds since 1970.
  ///   - now: boot-time seconds.
  init(source: DeviceSource, devices: Int, type: String, wall: Int64, now: Double) {
    begunAt = now
    self.source = source
    self.type = type
    slots = Array(repeating: Slot(), count: min(max(0, devices), NodeRollup.deviceLimit))
    clock = IntervalClock(wall: wall)
  }

  /// Looks at devices that the node does not have are passed over.
  mutating func take(_ look: DeviceLook) {
    guard slots.indices.contains(look.device) else { return }
    if !look.model.isEmpty { slots[look.device].model = look.model }
    guard let sample = look.sample else { return }
    if slots[look.device].recorder == nil {
      slots[look.device].recorder = DeviceRecorder(
        part: DevicePart.named(slots[look.device].model) ?? DevicePart.matching(type).part,
        powerLimitWatts: look.powerLimitWatts)
    } else if let watts = look.powerLimitWatts {
      slots[look.device].recorder?.setPowerLimit(watts)
    }
    slots[look.device].recorder?.add(sample)
    slots[look.device].latest = sample
  }

  /// - Returns: what the devices did in the interval that is over by this time; a device that was not measured in it
  ///   has 0 milliseconds.
  mutating func close(wall: Int64) -> NodeRollup? {
    switch clock.step(wall: wall) {
    case .goOn: return nil
    case .discard:
      for i in slots.indices { _ = slots[i].recorder?.close() }
      return nil
    case .close(let start):
      let devices = slots.indices.map { slots[$0].recorder?.close() ?? DeviceInterval() }
      return NodeRollup(start: start, length: IntervalClock.length, source: source, devices: devices)
    }
  }

  /// - Parameter now: boot-time seconds. A device that has not answered for too long is unknown: silence says nothing.
  func devices(now: Double) -> [DeviceNow] {
    slots.enumerated().map { number, slot in
      let sample = slot.latest.flatMap { isLongAgo($0.seconds, now: now) ? nil : $0 }
      let state = sample == nil ? nil : slot.recorder?.classifier.reading.state
      return DeviceNow(
        number: number, model: slot.model.isEmpty ? type : slot.model, state: state ?? .unknown, sample: sample)
    }
  }
}

extension DeviceCollector {
  /// What is to be logged: devices that have begun to be silent, or to answer again, each time once.
  /// - Parameter now: boot-time seconds.
  mutating func news(now: Double) -> [String] {
    var (silent, heard): ([Int], [Int]) = ([], [])
    for i in slots.indices {
      let isSilent = isLongAgo(slots[i].latest?.seconds ?? begunAt, now: now)
      guard isSilent != slots[i].isSilent else { continue }
      slots[i].isSilent = isSilent
      if isSilent { silent.append(i) } else { heard.append(i) }
    }
    func told(_ devices: [Int], _ what: String) -> [String] {
      devices.isEmpty ? [] : ["\(what): \(devices.map { "\($0)" }.joined(separator: ", "))"]
    }
    return told(silent, "devices that have not answered for \(DeviceRecorder.gap / 1000) s")
      + told(heard, "devices that answer again")
  }

  private func isLongAgo(_ seconds: Double, now: Double) -> Bool {
    (now - seconds) * 1000 > Double(DeviceRecorder.gap)
  }
}

/// Rollups on their way: one at a time, and not for ever.
struct RollupQueue: Sendable {
  /// Five minutes of them wait for a controller that is away.
  static let limit = 30
  /// Thousands of agents that come back at once say one a second each. Milliseconds.
  static let pause: Int64 = 1_000

  private var waiting: [[UInt8]] = []
  private var nextAt: Int64 = 0
  private(set) var sent: Int64 = 0
  private(set) var dropped: Int64 = 0

  mutating func add(_ packed: [UInt8]) {
    waiting.append(packed)
    if waiting.count > Self.limit {
      waiting.removeFirst()
      dropped += 1
    }
  }

  /// The oldest, if it is time for one; it is not kept. For whoever has a connection. Boot-time milliseconds.
  mutating func next(now: Int64) -> [UInt8]? {
    guard now >= nextAt, !waiting.isEmpty else { return nil }
    nextAt = now + Self.pause
    sent += 1
    return waiting.removeFirst()
  }
}
