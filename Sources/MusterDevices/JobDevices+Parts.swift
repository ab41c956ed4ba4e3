extension JobDevices {
  /// The devices of one node that an attempt held during one rollup.
  public struct Part: Hashable, Sendable {
    public var node: Int32
    /// Bit i: device i of the node.
    public var devices: UInt64
    public var rollup: NodeRollup

    public init(node: Int32, devices: UInt64, rollup: NodeRollup) {
      self.node = node
      self.devices = devices
      self.rollup = rollup
    }

    /// Numbers of the devices that were measured.
    var measured: [Int] {
      rollup.devices.indices.filter { devices >> UInt64($0) & 1 == 1 && rollup.devices[$0].milliseconds > 0 }
    }

    /// What they did.
    public var intervals: [DeviceInterval] { measured.map { rollup.devices[$0] } }
  }

  /// Adds many at once: what is new is put in its place in one go, where one by one each would move all behind it.
  ///
  /// - Parameter parts: by node.
  public mutating func add(_ parts: [Part], attempt: Int32) {
    guard attempt >= self.attempt else { return }
    begin(attempt)
    var fresh: [Device] = []
    for part in parts {
      for number in part.measured where place(part.node, Int32(number)) == nil {
        let device = Device(node: part.node, device: Int32(number))
        // Two rollups of one node may come together.
        if fresh.last.map({ ($0.node, $0.device) < (device.node, device.device) }) ?? true { fresh.append(device) }
      }
    }
    admit(fresh)
    for part in parts {
      for number in part.measured {
        add(part.rollup.devices[number], of: Int32(number), node: part.node, attempt: attempt, in: part.rollup)
      }
    }
  }

  private func place(_ node: Int32, _ device: Int32) -> Int? {
    let place = devices.partitioningIndex { ($0.node, $0.device) >= (node, device) }
    guard place < devices.count, devices[place].node == node, devices[place].device == device else { return nil }
    return place
  }
}

extension JobDevices {
  /// 1: without each device's dark time, which that version counted as time with its counters at 0.
  private static let version: UInt64 = 2

  /// Appends it packed, as `DeviceInterval.pack` does: about 20 bytes a device.
  public func pack(into bytes: inout [UInt8]) {
    bytes.put(Self.version)
    bytes.put(UInt64(deviceType.utf8.count))
    bytes.append(contentsOf: deviceType.utf8)
    bytes.put(UInt64(source?.rawValue ?? 0))
    bytes.put(UInt64(from))
    bytes.put(UInt64(to))
    total.pack(into: &bytes)
    bytes.put(UInt64(attempt))
    bytes.put(UInt64(devices.count))
    var node: Int32 = 0
    for device in devices {
      bytes.put(UInt64(device.node - node))
      node = device.node
      bytes.put(UInt64(device.device))
      bytes.put(UInt64(device.measured))
      bytes.put(UInt64(device.dark))
      bytes.put(UInt64(device.busy.rounded()))
      bytes.put(UInt64(device.tensor.rounded()))
      bytes.put(UInt64(max(0, to - device.seenAt)))
      bytes.put(UInt64(device.state.index))
      bytes.put(device.activeAt == 0 ? 0 : UInt64(max(0, to - device.activeAt)) + 1)
    }
  }

  /// - Throws: `PackedFault` for bytes that `pack` has not made.
  public init(_ packed: inout PackedBytes) throws(PackedFault) {
    let version = try packed.number(below: 1 << 32)
    guard (1...Self.version).contains(version) else { throw .version(version) }
    var name: [UInt8] = []
    for _ in 0..<(try packed.number(below: 1 << 12)) { name.append(try packed.byte()) }
    self.init(deviceType: String(decoding: name, as: UTF8.self))
    let source = UInt8(try packed.number(below: 256))
    let (from, to) = (try packed.time(), try packed.time())
    let total = try DeviceInterval(&packed)
    let attempt = Int32(try packed.number(below: 1 << 31))
    var devices: [Device] = []
    var node: Int32 = 0
    for _ in 0..<(try packed.number(below: 1 << 26)) {
      let (next, overflows) = node.addingReportingOverflow(Int32(try packed.number(below: 1 << 31)))
      guard !overflows else { throw .damaged }
      node = next
      var device = Device(node: node, device: Int32(try packed.number(below: 64)))
      device.measured = try packed.time()
      if version > 1 { device.dark = try packed.time() }
      guard device.dark <= device.measured else { throw .damaged }
      device.busy = Double(try packed.time())
      device.tensor = Double(try packed.time())
      device.seenAt = to - (try packed.time())
      device.state = DeviceState.allCases[Int(try packed.number(below: UInt64(DeviceState.allCases.count)))]
      let quiet = try packed.time()
      device.activeAt = quiet == 0 ? 0 : to - (quiet - 1)
      devices.append(device)
    }
    restore(
      total: total, attempt: attempt, devices: devices, source: DeviceSource(rawValue: source), from: from, to: to)
  }
}
