import MusterDevices

/// What the controller holds of one node's devices: the newest rollup, and the sums of the minute and hour that are open.
/// Each is by the node's own clock.
struct NodeFold: Sendable {
  /// Packed: decoded it would take ten times as much.
  private(set) var newest: [UInt8]
  private(set) var start: Int64
  private(set) var length: Int64
  private(set) var source: DeviceSource
  /// When it came, by the controller's clock.
  private(set) var heardAt: Int64
  /// Devices by what they did most of the newest interval, in the order of `DeviceState.allCases`.
  private(set) var states = SIMD8<UInt8>()
  /// Together, of the devices that have a power.
  private(set) var watts: Float = 0
  private(set) var measuredPower: UInt8 = 0

  private var minute: Int64 = 0
  private var minuteSums = IntervalSums()
  private var hour: Int64 = 0
  private var hourSums = IntervalSums()

  var brief: NodeBrief {
    NodeBrief(heardAt: heardAt, source: source, states: states, watts: watts, measuredPower: measuredPower)
  }

  /// Agents' clocks are pulled a little by NTP.
  static let overlap: Int64 = 1_000

  init(_ rollup: NodeRollup, _ bytes: [UInt8], now: Int64, into rows: inout FoldedRows, node: Int64) {
    (newest, start, length, source, heardAt) = (bytes, rollup.start, rollup.length, rollup.source, now)
    sum(rollup, into: &rows, node: node)
    tell(rollup)
  }

  /// - Returns: false for one that begins before the newest has ended; nothing was taken.
  mutating func add(
    _ rollup: NodeRollup, _ bytes: [UInt8], now: Int64, into rows: inout FoldedRows, node: Int64
  ) -> Bool {
    guard rollup.start + Self.overlap >= start + length else { return false }
    (newest, start, length, source, heardAt) = (bytes, rollup.start, rollup.length, rollup.source, now)
    sum(rollup, into: &rows, node: node)
    tell(rollup)
    return true
  }

  private mutating func tell(_ rollup: NodeRollup) {
    (states, watts, measuredPower) = (.zero, 0, 0)
    for device in rollup.devices {
      guard let state = device.mainState else { continue }
      states[state.index] += 1
      guard let power = device[.power] else { continue }
      watts += Float(power)
      measuredPower += 1
    }
  }

  private mutating func sum(_ rollup: NodeRollup, into rows: inout FoldedRows, node: Int64) {
    let at = rollup.start / RollupLevel.minute.step
    if at != minute { closeMinute(into: &rows, node: node) }
    minute = at
    for (i, device) in rollup.devices.enumerated() { minuteSums.add(device, at: i) }
  }

  private mutating func closeMinute(into rows: inout FoldedRows, node: Int64) {
    guard minuteSums.deviceCount > 0 else { return }
    let rollup = add(minuteSums, of: minute, .minute, to: &rows, node: node)
    minuteSums.removeAll()
    let at = rollup.start / RollupLevel.hour.step
    if at != hour { closeHour(into: &rows, node: node) }
    hour = at
    for (i, device) in rollup.devices.enumerated() { hourSums.add(device, at: i) }
  }

  private mutating func closeHour(into rows: inout FoldedRows, node: Int64) {
    guard hourSums.deviceCount > 0 else { return }
    _ = add(hourSums, of: hour, .hour, to: &rows, node: node)
    hourSums.removeAll()
  }

  /// A closed minute or hour, by its number since 1970.
  private func add(
    _ sums: IntervalSums, of number: Int64, _ level: RollupLevel, to rows: inout FoldedRows, node: Int64
  ) -> NodeRollup {
    let rollup = NodeRollup(
      start: number * level.step, length: level.step, source: source,
      devices: (0..<sums.deviceCount).map { sums[$0] })
    rows[level].append(RollupRow(key: node, at: rollup.start, bytes: rollup.packed()))
    return rollup
  }

  /// A node that has fallen silent closes nothing by itself. Its hour is closed an hour later: where it comes back the
  /// hour has two rows, and whoever reads adds them.
  mutating func closeOld(now: Int64, into rows: inout FoldedRows, node: Int64) {
    guard now - heardAt > 90_000 else { return }
    closeMinute(into: &rows, node: node)
    if now - heardAt > RollupLevel.hour.step { closeHour(into: &rows, node: node) }
  }

  mutating func closeAll(into rows: inout FoldedRows, node: Int64) {
    closeMinute(into: &rows, node: node)
    closeHour(into: &rows, node: node)
  }

  /// The open sums of that level, for whoever asks before they are closed.
  func open(_ level: RollupLevel) -> NodeRollup? {
    let (sums, at) = level == .minute ? (minuteSums, minute) : (hourSums, hour)
    guard level == .minute || level == .hour, sums.deviceCount > 0 else { return nil }
    return NodeRollup(
      start: at * level.step, length: level.step, source: source,
      devices: (0..<sums.deviceCount).map { sums[$0] })
  }
}

/// Rows that wait to be written, by level.
struct FoldedRows: Sendable {
  private var rows = [[RollupRow]](repeating: [], count: RollupLevel.allCases.count)

  subscript(level: RollupLevel) -> [RollupRow] {
    get { rows[level.index] }
    _modify { yield &rows[level.index] }
  }

  mutating func take(_ level: RollupLevel) -> [RollupRow] {
    defer { rows[level.index] = [] }
    return rows[level.index]
  }
}

/// What a node's devices did in its newest interval, together.
struct NodeBrief: Sendable {
  /// As in `NodeFold`.
  var heardAt = Int64.min
  /// Nil: it has told nothing.
  var source: DeviceSource?
  var states = SIMD8<UInt8>()
  var watts: Float = 0
  var measuredPower: UInt8 = 0
}
