import MusterCore
import MusterDevices

/// What devices did in one stretch of time.
struct DevicePoint: Hashable, Sendable {
  /// Milliseconds since 1970, and how long.
  var at: Int64
  var length: Int64
  /// By number; of a job one for all.
  var devices: [DeviceInterval]

  /// By time; stretches that begin together are added: a node that was silent for a while, or a controller that was
  /// started anew, leaves several.
  static func merged(_ rollups: [NodeRollup], in range: Range<Int64>) -> [DevicePoint] {
    var points: [DevicePoint] = []
    for rollup in rollups.sorted(by: { $0.start < $1.start }) where range.contains(rollup.start) {
      guard let last = points.last, last.at == rollup.start else {
        points.append(DevicePoint(at: rollup.start, length: rollup.length, devices: rollup.devices))
        continue
      }
      points[points.count - 1].add(rollup.devices)
    }
    return points
  }

  private mutating func add(_ more: [DeviceInterval]) {
    for (i, interval) in more.enumerated() {
      if i < devices.count { devices[i] += interval } else { devices.append(interval) }
    }
  }

  /// At most so many: neighbours are added.
  static func thinned(_ points: [DevicePoint], to most: Int) -> [DevicePoint] {
    guard points.count > most else { return points }
    let each = (points.count + most - 1) / most
    return stride(from: 0, to: points.count, by: each).map { first in
      var sum = points[first]
      let last = points[min(points.count, first + each) - 1]
      for point in points[first..<min(points.count, first + each)].dropFirst() { sum.add(point.devices) }
      sum.length = last.at + last.length - sum.at
      return sum
    }
  }
}

extension Telemetry {
  /// A node's points of that level that begin in the range, what is still open and unwritten among them.
  func points(_ level: RollupLevel, ofNode node: Int32, in range: Range<Int64>) async -> [DevicePoint] {
    var rollups = await store.rows(level, of: Int64(node), in: range)
    rollups += unwritten(level, Int64(node))
    if let open = self.node(node)?.open(level) { rollups.append(open) }
    return DevicePoint.merged(rollups, in: range)
  }

  /// A job's minutes that begin in the range, all its devices together.
  func minutes(ofJob job: JobID, in range: Range<Int64>) async -> [DevicePoint] {
    var rollups = await store.rows(.jobs, of: job.number, in: range)
    rollups += unwritten(.jobs, job.number)
    for minute in fold.jobs[job.number]?.minutes ?? [] {
      rollups.append(
        NodeRollup(start: minute.at, length: RollupLevel.jobs.step, source: .nvml, devices: [minute.sum]))
    }
    return DevicePoint.merged(rollups, in: range)
  }

  /// All devices of a job over the minutes that lie for the most part in the range; nil: none does.
  func total(ofJob job: JobID, in range: Range<Int64>) async -> DeviceInterval? {
    let half = RollupLevel.jobs.step / 2
    let minutes = await minutes(ofJob: job, in: range.lowerBound - half..<range.upperBound - half)
    guard !minutes.isEmpty else { return nil }
    return minutes.reduce(into: DeviceInterval()) { total, minute in
      for interval in minute.devices { total += interval }
    }
  }

  func node(_ node: Int32) -> NodeFold? { Int(node) < fold.nodes.count ? fold.nodes[Int(node)] : nil }

  private func unwritten(_ level: RollupLevel, _ key: Int64) -> [NodeRollup] {
    // What was packed here can be read here.
    fold.rows[level].lazy.filter { $0.key == key }.compactMap { try? NodeRollup(packed: $0.bytes) }
  }
}

/// The devices of a fleet, counted.
struct FleetDevices: Sendable {
  /// Devices by what they did most of their newest interval, beside `DeviceState.allCases`.
  var states = [Int64](repeating: 0, count: DeviceState.allCases.count)
  /// Nodes by where they have their counters from, beside `DeviceSource.allCases`.
  var sources = [Int64](repeating: 0, count: DeviceSource.allCases.count)
  var watts = 0.0
  var measuredPower: Int64 = 0
  /// Devices of each job's running attempt, in the order of `DeviceState.allCases`.
  var jobs: [Int64: SIMD8<Int64>] = [:]
}

/// What `/metrics` tells of telemetry.
struct TelemetryFigures: Sendable {
  var states: [Int64]
  /// Beside `RollupResult.allCases`.
  var results: [Int64]
  var bytes: Int64
}

extension Telemetry {
  func fleet() -> FleetDevices {
    let since = now - fresh
    var fleet = FleetDevices()
    var states = SIMD8<Int64>()
    for node in fold.briefs where node.heardAt >= since {
      states &+= SIMD8(truncatingIfNeeded: node.states)
      if let source = node.source.flatMap({ DeviceSource.allCases.firstIndex(of: $0) }) { fleet.sources[source] += 1 }
      fleet.watts += Double(node.watts)
      fleet.measuredPower += Int64(node.measuredPower)
    }
    for i in fleet.states.indices { fleet.states[i] = states[i] }
    fleet.jobs.reserveCapacity(fold.jobs.count)
    for (job, fold) in fold.jobs where fold.heardAt >= since {
      var states = SIMD8<Int64>()
      for device in fold.devices.devices where device.seenAt >= since { states[device.state.index] += 1 }
      fleet.jobs[job] = states
    }
    return fleet
  }

  func figures() async -> TelemetryFigures {
    var results = fold.counts
    results[RollupResult.full.index] += inbox.refused
    let states = fleet().states
    return TelemetryFigures(states: states, results: results, bytes: await store.bytes)
  }
}
