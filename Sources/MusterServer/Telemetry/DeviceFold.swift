import MusterDevices

/// The devices of a fleet, folded from its nodes' rollups: a value that is told the time.
struct DeviceFold: Sendable {
  private(set) var nodes: [NodeFold?] = []
  /// Beside `nodes`: what a look at the whole fleet needs of each. Those are large, and whoever asks for something else
  /// waits for a walk through them.
  private(set) var briefs: [NodeBrief] = []
  private(set) var jobs: [Int64: JobFold] = [:]
  /// Since the start, beside `RollupResult.allCases`.
  private(set) var counts = [Int64](repeating: 0, count: RollupResult.allCases.count)
  var rows = FoldedRows()

  /// By node, each one's in the order in which they came: what is new to a job then comes in its devices' order.
  static func byNode(_ parcels: [RollupInbox.Parcel]) -> [RollupInbox.Parcel] {
    parcels.enumerated().sorted { ($0.element.node, $0.offset) < ($1.element.node, $1.offset) }.map(\.element)
  }

  /// - Parameters:
  ///   - parcels: by node. All of them are decoded at once: of a whole fleet's burst that would be hundreds of megabytes.
  ///   - held: who holds the devices of the nodes that the parcels come from.
  ///   - now: milliseconds since 1970.
  mutating func take(_ parcels: [RollupInbox.Parcel], _ held: HeldDevices, now: Int64) {
    var parts: [JobKey: [JobDevices.Part]] = [:]
    for parcel in parcels {
      guard let rollup = keep(parcel, isHeld: held.nodes[parcel.node] != nil, now: now) else { continue }
      for holder in held.nodes[parcel.node] ?? [] where holder.since <= rollup.start {
        let key = JobKey(job: holder.job, attempt: holder.attempt)
        parts[key, default: []].append(JobDevices.Part(node: parcel.node, devices: holder.devices, rollup: rollup))
      }
    }
    for (key, parts) in parts {
      let type = held.deviceTypes[key.job] ?? ""
      jobs[key.job, default: JobFold(JobDevices(deviceType: type), now: now)]
        .add(parts, attempt: key.attempt, type: type, now: now)
    }
  }

  private struct JobKey: Hashable {
    var job: Int64
    var attempt: Int32
  }

  /// Nil: it was not kept, and is counted.
  private mutating func keep(_ parcel: RollupInbox.Parcel, isHeld: Bool, now: Int64) -> NodeRollup? {
    let rollup: NodeRollup
    do throws(PackedFault) {
      rollup = try NodeRollup(packed: parcel.bytes)
    } catch {
      counts[RollupResult.damaged.index] += 1
      return nil
    }
    var result = RollupResult.check(rollup, devices: parcel.devices, now: now)
    let i = Int(parcel.node)
    if result == .kept {
      if nodes.count <= i {
        nodes.append(contentsOf: repeatElement(nil, count: i + 1 - nodes.count))
        briefs.append(contentsOf: repeatElement(NodeBrief(), count: i + 1 - briefs.count))
      }
      if nodes[i] == nil {
        nodes[i] = NodeFold(rollup, parcel.bytes, now: now, into: &rows, node: Int64(i))
      } else if nodes[i]?.add(rollup, parcel.bytes, now: now, into: &rows, node: Int64(i)) == false {
        result = .repeated
      }
    }
    counts[result.index] += 1
    guard result == .kept else { return nil }
    briefs[i] = nodes[i]?.brief ?? NodeBrief()
    if isHeld { rows[.sent].append(RollupRow(key: Int64(i), at: rollup.start, bytes: parcel.bytes)) }
    return rollup
  }

  /// What was kept of a job before; nothing happens if there is newer.
  mutating func restore(_ job: Int64, _ devices: JobDevices, now: Int64) {
    if jobs[job] == nil { jobs[job] = JobFold(devices, now: now) }
  }

  /// Closes what is over.
  /// - Parameter quiet: milliseconds after which a job of which nothing comes is put away.
  /// - Returns: jobs of which nothing came for a while: they are no longer in the fold.
  mutating func close(now: Int64, quiet time: Int64 = JobFold.quiet) -> [Int64: JobDevices] {
    for i in nodes.indices { nodes[i]?.closeOld(now: now, into: &rows, node: Int64(i)) }
    var quiet: [Int64: JobDevices] = [:]
    for job in Array(jobs.keys) {
      jobs[job]?.close(job, now: now, into: &rows)
      guard let fold = jobs[job], now - fold.heardAt > time, fold.minutes.isEmpty else { continue }
      quiet[job] = fold.devices
      jobs[job] = nil
    }
    return quiet
  }

  /// Before the process ends: what is open is closed early, and adds to what comes after the next start.
  mutating func closeAll(now: Int64) {
    for i in nodes.indices { nodes[i]?.closeAll(into: &rows, node: Int64(i)) }
    for job in Array(jobs.keys) { jobs[job]?.close(job, now: now, all: true, into: &rows) }
  }
}
