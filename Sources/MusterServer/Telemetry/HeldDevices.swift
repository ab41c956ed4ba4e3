import MusterCore
import MusterDevices

/// Who holds the devices of some nodes.
struct HeldDevices: Sendable {
  struct Holder: Sendable {
    var job: Int64
    var attempt: Int32
    /// When the attempt began, milliseconds since 1970.
    var since: Int64
    /// Bit i: device i of the node.
    var devices: UInt64
  }

  /// By node; only those of which a job holds a device.
  var nodes: [Int32: [Holder]] = [:]
  /// By job, of its nodes here; of several types as `DevicePart.together` calls them.
  var deviceTypes: [Int64: String] = [:]
  var jobs: [Int64] { Set(nodes.values.joined().lazy.map(\.job)).sorted() }

  init() {}

  init(_ cluster: borrowing Cluster, on wanted: some Sequence<Int32>) {
    for node in wanted where Int(node) < cluster.nodes.count {
      var member = cluster.nodes[Int(node)].firstMember
      var holders: [Holder] = []
      while member >= 0 {
        let held = cluster.member(member)
        member = held.nextOnNode
        guard !held.stopped, held.devices != 0 else { continue }
        let attempt = cluster.attempt(held.attemptSlot)
        let job = cluster.job(attempt.jobSlot).id.number
        holders.append(
          Holder(
            job: job, attempt: attempt.number, since: attempt.startedAt.nanoseconds / 1_000_000, devices: held.devices))
        let type = cluster.nodeDetails[Int(node)].joined.deviceType
        if deviceTypes[job, default: type] != type {
          deviceTypes[job] = DevicePart.together([deviceTypes[job] ?? "", type])
        } else {
          deviceTypes[job] = type
        }
      }
      if !holders.isEmpty { nodes[node] = holders }
    }
  }
}
