import MusterCore
import MusterDevices
import MusterInsight
import MusterProtocol

extension DeviceInterval {
  /// Shares of the measured time, those of 0 too.
  var statesJSON: JSON {
    .object(DeviceState.allCases.map { .init(name: $0.rawValue, value: .share(share($0))) })
  }

  /// Means of what was measured, in the units of docs/telemetry.md.
  var countersJSON: JSON {
    .object(
      DeviceCounter.allCases.compactMap { counter in
        self[counter].map { .init(name: "\(counter)", value: counter.json($0)) }
      })
  }

  /// Something runs; nil if no counter tells.
  var busy: Double? { self[.graphics] ?? self[.utilisation] }

  func mfu(_ part: DevicePart?, _ rate: MatrixRate? = nil) -> Double? { part.flatMap { mfu($0, rate) } }
}

extension DeviceCounter {
  fileprivate func json(_ value: Double) -> JSON {
    switch self {
    case .memoryUsed: .int(Int64(value))
    case .power, .smClock, .processes, .pcieReceived, .pcieSent: .double((value * 10).rounded() / 10)
    case .utilisation, .memoryUtilisation, .graphics, .sm, .occupancy, .integer, .tensor, .dram, .fp64, .fp32, .fp16:
      .share(value)
    }
  }
}

extension JSON {
  /// To four digits; null where it is not known.
  static func share(_ value: Double?) -> JSON { value.map { .double(($0 * 10_000).rounded() / 10_000) } ?? .null }
  static func watts(_ value: Double?) -> JSON { value.map { .double(($0 * 10).rounded() / 10) } ?? .null }
}

/// The devices of one node.
struct NodeDevicesView {
  var node: String
  var deviceType: String
  var deviceCount: Int
  /// Nil: nothing came, or nothing new.
  var newest: NodeRollup?
  var holders: [HeldDevices.Holder]

  private var part: DevicePart? { DevicePart.matching(deviceType).part }

  var members: [JSON.Member] {
    [
      .init(name: "node", value: .string(node)), .init(name: "deviceType", value: .string(deviceType)),
      .init(name: "source", value: JSON(newest?.source.name)),
      .init(name: "at", value: newest.map { .moment($0.start + $0.length) } ?? .null),
      .init(name: "devices", value: .array((0..<deviceCount).map(device))),
    ]
  }

  private func device(_ i: Int) -> JSON {
    var members: [JSON.Member] = [.init(name: "device", value: JSON(i))]
    let job = holders.first { $0.devices >> UInt64(i) & 1 == 1 }?.job
    members.append(.init(name: "job", value: job.map { .int($0) } ?? .null))
    let told = newest.flatMap { i < $0.devices.count ? $0.devices[i] : nil } ?? DeviceInterval()
    members.append(.init(name: "state", value: JSON(told.mainState?.rawValue)))
    return .object(members + figures(told))
  }

  private func figures(_ told: DeviceInterval) -> [JSON.Member] {
    [
      .init(name: "measuredSeconds", value: .double(Double(told.milliseconds) / 1000)),
      .init(name: "states", value: told.statesJSON), .init(name: "counters", value: told.countersJSON),
      .init(name: "mfu", value: .share(told.mfu(part))),
    ]
  }

  /// - Parameter points: those to show, in order.
  func series(_ points: [DevicePoint]) -> JSON {
    .array(
      points.map { point in
        [
          "at": .moment(point.at), "lengthSeconds": .double(Double(point.length) / 1000),
          "devices": .array(
            point.devices.enumerated().map { i, told in
              .object(
                [.init(name: "device", value: JSON(i)), .init(name: "state", value: JSON(told.mainState?.rawValue))]
                  + figures(told))
            }),
        ]
      })
  }
}

/// The devices of one job.
struct JobDevicesView {
  /// A member of the attempt that the devices are of.
  struct Member: Sendable {
    var index: Int32
    var node: Int32
    var nodeName: String
    /// Nil: no longer known, for nothing of it is left.
    var devices: UInt64?
    var ranks: Range<Int32>
  }

  var job: JobID
  /// Nil: nothing was measured.
  var devices: JobDevices?
  var members: [Member]
  /// What its matrices run in, as its model declares; nil: it declares none.
  var precision: String?
  var minutes: [DevicePoint]
  var now: Int64

  static let mostPoints = 500
  /// Of more devices the map is by node.
  static let mostDevices = 4_096

  var json: JSON {
    let total = devices?.total ?? DeviceInterval()
    let part = devices.flatMap { DevicePart.matching($0.deviceType).part }
    let rate = precision.flatMap { part?.matrixRate(of: $0) }
    let isByNode = (devices?.devices.count ?? 0) > Self.mostDevices
    return [
      "id": .int(job.number), "source": JSON(devices?.source?.name),
      "deviceType": devices.map { .string($0.deviceType) } ?? .null, "attempt": JSON(devices?.attempt ?? 0),
      "from": devices.map { .moment($0.from) } ?? .null, "to": devices.map { .moment($0.to) } ?? .null,
      "measuredDeviceHours": .share(devices?.deviceHours ?? 0), "states": total.statesJSON,
      "counters": total.countersJSON, "counterMFU": .share(total.mfu(part, rate)),
      "series": .array(DevicePoint.thinned(minutes, to: Self.mostPoints).map { Self.json($0, part, rate) }),
      "devicesBy": .string(isByNode ? "node" : "device"), "devices": .array(isByNode ? byNode : byDevice),
    ]
  }

  private static func json(_ point: DevicePoint, _ part: DevicePart?, _ rate: MatrixRate?) -> JSON {
    let sum = point.devices.first ?? DeviceInterval()
    return [
      "at": .moment(point.at), "lengthSeconds": .double(Double(point.length) / 1000),
      "measuredDeviceSeconds": .double(Double(sum.milliseconds) / 1000), "busy": .share(sum.busy),
      "tensor": .share(sum[.tensor]), "dram": .share(sum[.dram]), "power": .watts(sum[.power]),
      "mfu": .share(sum.mfu(part, rate)),
      "states": sum.statesJSON,
    ]
  }

  private var byDevice: [JSON] {
    let byNode = Dictionary(grouping: members, by: \.node)
    return (devices?.devices ?? []).map { device in
      let member = byNode[device.node]?.first { ($0.devices ?? .max) >> UInt64(device.device) & 1 == 1 }
      return [
        "rank": rank(device, member), "member": member.map { JSON($0.index) } ?? .null,
        "node": JSON(member?.nodeName), "device": JSON(device.device), "state": .string(device.state.rawValue),
        "busy": .share(mean(device.busy, device.measured)), "tensor": .share(mean(device.tensor, device.lit)),
        "idleSeconds": .double(Double(idle(device)) / 1000),
      ]
    }
  }

  /// Where each of a member's ranks has a device of its own, they are taken in order.
  private func rank(_ device: JobDevices.Device, _ member: Member?) -> JSON {
    guard let member, let mask = member.devices, mask.nonzeroBitCount == member.ranks.count else { return .null }
    let before = (mask & ((1 << UInt64(device.device)) - 1)).nonzeroBitCount
    return JSON(member.ranks.lowerBound + Int32(before))
  }

  private func mean(_ sum: Double, _ milliseconds: Int64) -> Double? {
    milliseconds > 0 ? sum / Double(milliseconds) : nil
  }

  /// Since something ran there last.
  private func idle(_ device: JobDevices.Device) -> Int64 {
    device.activeAt > 0 ? max(0, device.seenAt - device.activeAt) : device.measured
  }

  private var byNode: [JSON] {
    var rows: [JSON] = []
    let members = Dictionary(members.map { ($0.node, $0) }, uniquingKeysWith: { a, _ in a })
    var left = (devices?.devices ?? [])[...]
    while let node = left.first?.node {
      let own = left.prefix { $0.node == node }
      left = left.dropFirst(own.count)
      let measured = own.reduce(0) { $0 + $1.measured }
      let counts = DeviceState.allCases.map { state in own.count { $0.state == state } }
      let most = counts.indices.max { (counts[$0], -$0) < (counts[$1], -$1) } ?? 0
      rows.append([
        "member": members[node].map { JSON($0.index) } ?? .null, "node": JSON(members[node]?.nodeName),
        "devices": JSON(own.count), "state": .string(DeviceState.allCases[most].rawValue),
        "busy": .share(mean(own.reduce(0) { $0 + $1.busy }, measured)),
        "tensor": .share(mean(own.reduce(0) { $0 + $1.tensor }, own.reduce(0) { $0 + $1.lit })),
        "idleSeconds": .double(Double(own.map(idle).min() ?? 0) / 1000),
      ])
    }
    return rows
  }
}
