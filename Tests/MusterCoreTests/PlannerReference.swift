@testable import MusterCore

/// The planner's rule in its plainest form: every bucket, every leaf, no shortcut. It takes the planner's own earlier
/// holds as given and says when the next gang may start at the earliest.
final class PlannerReference {
  let topology: Topology
  let view: PlanningView
  let grid: TimeGrid
  let buckets: Int
  /// `[leaf][bucket]`
  var free: [[Int]]
  var closed: [[Bool]]
  var lanes: [(leaf: Int, used: [Int])] = []
  /// `[account][type][bucket]`, and behind the types the number of jobs.
  var held: [[[Int]]]
  /// Rows that pass on to one, and the accounts that are counted in one first.
  var below: [Int32: Set<Int32>] = [:]
  var direct: [Int32: [(account: Int, counts: QuotaRules.Chain.Counts)]] = [:]
  /// Holds of whole nodes, the running ones first: leaf, nodes, buckets.
  var holds: [(leaf: Int, nodes: Int, from: Int, through: Int)] = []
  var broken: [String] = []

  init(_ topology: Topology, _ view: PlanningView, _ grid: TimeGrid) {
    (self.topology, self.view, self.grid, buckets) = (topology, view, grid, grid.bucketCount)
    free = view.nodesInService.map { Array(repeating: Int($0), count: grid.bucketCount) }
    closed = free.map { $0.map { _ in false } }
    let zeros = Array(repeating: Array(repeating: 0, count: grid.bucketCount), count: topology.deviceTypes.count + 1)
    held = view.quotas.accounts.map { _ in zeros }
    for (account, chain) in view.quotas.accounts.enumerated().flatMap({ entry in
      entry.element.map { (entry.offset, $0) }
    }) {
      direct[chain.rows[0], default: []].append((account, chain.counts))
      for (row, above) in zip(chain.rows, chain.rows.dropFirst()) { below[above, default: []].insert(row) }
    }
    lanes = view.sharedNodes.map { (Int($0.leaf), Array(repeating: 0, count: buckets)) }
    for window in view.maintenance {
      for bucket in 0..<buckets {
        let (start, end) = (view.now + grid.start(ofBucket: bucket), view.now + grid.start(ofBucket: bucket + 1))
        guard start < window.to, window.from < end else { continue }
        for leaf in window.leaves { closed[Int(leaf)][bucket] = true }
      }
    }
    for gang in view.running {
      let last = gang.end == .never ? buckets - 1 : lastBucket(0, gang.end - view.now)
      switch gang.place {
      case .whole(let places): takeWhole(places, 0, last, gang.project, isRunning: true)
      case .away: break
      case .part(let lane, let devices): takePart(Int(lane), Int(devices), 0, last, gang.project, isRunning: true)
      }
      if gang.isCounted { countJob(gang.project, 0, last) }
    }
  }

  /// The last bucket that begins before the hold ends.
  func lastBucket(_ from: Int, _ walltime: Span?) -> Int {
    guard let walltime else { return buckets - 1 }
    let end = grid.start(ofBucket: from) + walltime
    var last = from
    while last + 1 < buckets, grid.start(ofBucket: last + 1) < end { last += 1 }
    return last
  }

  func devices(_ type: Int32) -> Int { Int(topology.deviceTypes[Int(type)].devicesPerNode) }
  func isPart(_ gang: PendingGang, _ type: Int32) -> Bool {
    gang.nodes == 1 && Int(gang.devicesPerNode) < devices(type)
  }

  // MARK: What may run

  func types(_ gang: PendingGang) -> [Int32] {
    (gang.deviceTypes.isEmpty ? Array(0..<Int32(topology.deviceTypes.count)) : gang.deviceTypes).filter { type in
      Int(type) < topology.deviceTypes.count && canRun(gang, type)
    }
  }

  func canRun(_ gang: PendingGang, _ type: Int32) -> Bool {
    guard gang.nodes % gang.segment == 0, Int(gang.devicesPerNode) <= devices(type) else { return false }
    let charge = Int(gang.nodes * gang.devicesPerNode)
    if !quotaAllows(gang.project, type, charge, nil) { return false }
    return level(gang, type) { Int(self.topology.leaves[$0].nodes) } != nil
  }

  /// The innermost level (the last is the leaves', -1 the fleet) at which a domain holds the gang.
  func level(_ gang: PendingGang, _ type: Int32, nodes: (Int) -> Int) -> Int? {
    let scope = gang.within.flatMap { $0.isRequired ? $0.level : nil } ?? -1
    for level in stride(from: topology.levels.count - 1, through: scope, by: -1) {
      var segments: [Int32: Int] = [:]
      for leaf in topology.leaves.indices where topology.leaves[leaf].deviceType == type {
        let domain = level < 0 ? 0 : topology.domain(ofLeaf: leaf, level: level)
        segments[domain, default: 0] += nodes(leaf) / Int(gang.segment)
        if segments[domain, default: 0] >= Int(gang.nodes / gang.segment) { return level }
      }
    }
    return nil
  }

  /// First bucket, type, and the innermost level that holds it then.
  func earliest(_ gang: PendingGang) -> (bucket: Int, type: Int32, level: Int)? {
    var best: (bucket: Int, type: Int32, level: Int)?
    for type in types(gang) {
      for bucket in 0..<(best?.bucket ?? buckets) {
        if view.now + grid.start(ofBucket: bucket) < gang.begin { continue }
        if let level = holds(gang, type, bucket) {
          best = (bucket, type, level)
          break
        }
      }
    }
    return best
  }

  func holds(_ gang: PendingGang, _ type: Int32, _ from: Int) -> Int? {
    let last = lastBucket(from, gang.walltime)
    let part = isPart(gang, type)
    let charge = Int(gang.nodes * gang.devicesPerNode)
    for bucket in from...last where !quotaAllows(gang.project, type, charge, bucket) { return nil }
    var least = [Int](repeating: -1, count: free.count)
    func window(_ leaf: Int) -> Int {
      if least[leaf] >= 0 { return least[leaf] }
      var value = Int.max
      for bucket in from...last { value = min(value, closed[leaf][bucket] ? 0 : free[leaf][bucket]) }
      least[leaf] = value
      return value
    }
    if !part { return level(gang, type, nodes: window) }
    for lane in lanes where topology.leaves[lane.leaf].deviceType == type {
      let fits = (from...last).allSatisfy { bucket in
        let used = lane.used[bucket]
        return !closed[lane.leaf][bucket]
          && (used > 0 ? devices(type) - used >= Int(gang.devicesPerNode) : free[lane.leaf][bucket] > 0)
      }
      if fits { return topology.levels.count - 1 }
    }
    return level(gang, type, nodes: window)
  }

  // MARK: What is held

  func take(_ gang: PendingGang, _ type: Int32, _ place: HeldPlace, _ from: Int, isMember: Bool = false) {
    let last = lastBucket(from, gang.walltime)
    if !isMember { countJob(gang.project, from, last) }
    switch place {
    case .whole(let places):
      takeWhole(places, from, last, gang.project, isRunning: false, charged: Int(gang.devicesPerNode))
    case .mixed(let members):
      for member in members {
        if member.lane < 0 {
          takeWhole(
            [LeafNodes(leaf: member.leaf, nodes: 1)], from, last, gang.project, isRunning: false,
            charged: Int(member.devices))
        } else {
          take(gang, type, .part(leaf: member.leaf, lane: member.lane, devices: member.devices), from, isMember: true)
        }
      }
    case .part(let leaf, let lane, let devices):
      while lanes.count <= Int(lane) { lanes.append((Int(leaf), Array(repeating: 0, count: buckets))) }
      if lanes[Int(lane)].used.allSatisfy({ $0 == 0 }) { lanes[Int(lane)].leaf = Int(leaf) }
      if lanes[Int(lane)].leaf != Int(leaf) { broken.append("lane \(lane) is in two leaves") }
      takePart(Int(lane), Int(devices), from, last, gang.project, isRunning: false)
    }
  }

  /// `charged`: devices of each node; nil is all of them.
  private func takeWhole(
    _ places: [LeafNodes], _ from: Int, _ last: Int, _ project: Int32, isRunning: Bool, charged: Int? = nil
  ) {
    for place in places {
      let leaf = Int(place.leaf)
      holds.append((leaf, Int(place.nodes), from, last))
      for bucket in from...last {
        free[leaf][bucket] -= Int(place.nodes)
        if free[leaf][bucket] < 0 { broken.append("leaf \(leaf) holds too much in bucket \(bucket)") }
        if !isRunning, closed[leaf][bucket] { broken.append("leaf \(leaf) is held in maintenance") }
      }
      charge(
        project, topology.leaves[leaf].deviceType,
        Int(place.nodes) * (charged ?? devices(topology.leaves[leaf].deviceType)), from,
        last, isRunning)
    }
  }

  private func takePart(_ lane: Int, _ count: Int, _ from: Int, _ last: Int, _ project: Int32, isRunning: Bool) {
    let leaf = lanes[lane].leaf
    for bucket in from...last {
      if lanes[lane].used[bucket] == 0 {
        free[leaf][bucket] -= 1
        if free[leaf][bucket] < 0 { broken.append("leaf \(leaf) holds too much in bucket \(bucket)") }
      }
      lanes[lane].used[bucket] += count
      if lanes[lane].used[bucket] > devices(topology.leaves[leaf].deviceType) {
        broken.append("a device of lane \(lane) is held twice in bucket \(bucket)")
      }
      if !isRunning, closed[leaf][bucket] { broken.append("leaf \(leaf) is held in maintenance") }
    }
    charge(project, topology.leaves[leaf].deviceType, count, from, last, isRunning)
  }

  private func charge(_ project: Int32, _ type: Int32, _ count: Int, _ from: Int, _ last: Int, _ isRunning: Bool) {
    guard project >= 0, Int(project) < held.count else { return }
    for bucket in from...last { held[Int(project)][Int(type)][bucket] += count }
  }

  private func countJob(_ project: Int32, _ from: Int, _ last: Int) {
    guard project >= 0, Int(project) < held.count else { return }
    for bucket in from...last { held[Int(project)][topology.deviceTypes.count][bucket] += 1 }
  }

  /// What a row counts in a bucket (nil: of nothing that runs), with one more gang.
  private func use(_ row: Int32, _ bucket: Int?, _ more: (account: Int32, type: Int32, devices: Int)?) -> Int {
    var used = 0
    for (account, counts) in direct[row] ?? [] {
      let isMore = more.map { Int($0.account) == account } ?? false
      switch counts {
      case .jobs: used += (bucket.map { held[account][topology.deviceTypes.count][$0] } ?? 0) + (isMore ? 1 : 0)
      case .devices(let types):
        for type in topology.deviceTypes.indices where types.isEmpty || types.contains(Int32(type)) {
          used += bucket.map { held[account][type][$0] } ?? 0
          if isMore, let more, Int(more.type) == type { used += more.devices }
        }
      }
    }
    for below in below[row] ?? [] { used += max(0, use(below, bucket, more) - Int(view.quotas.rows[Int(below)].kept)) }
    return used
  }

  private func quotaAllows(_ account: Int32, _ type: Int32, _ devices: Int, _ bucket: Int?) -> Bool {
    guard account >= 0, Int(account) < held.count else { return true }
    for chain in view.quotas.accounts[Int(account)] {
      for row in chain.rows {
        let (before, after) = (use(row, bucket, nil), use(row, bucket, (account, type, devices)))
        if after > before, after > Int(view.quotas.rows[Int(row)].most) { return false }
      }
    }
    return true
  }

  /// Gives every hold named nodes in the order of their starts; false if one finds none.
  func realisable() -> Bool {
    var intervals = holds
    for lane in lanes {
      var start: Int?
      for bucket in 0...buckets {
        let isUsed = bucket < buckets && lane.used[bucket] > 0
        if isUsed, start == nil { start = bucket }
        if !isUsed, let first = start {
          intervals.append((lane.leaf, 1, first, bucket - 1))
          start = nil
        }
      }
    }
    intervals.sort { ($0.from, $0.leaf) < ($1.from, $1.leaf) }
    var freeFrom = view.nodesInService.map { [Int](repeating: 0, count: Int($0)) }
    for interval in intervals {
      for _ in 0..<interval.nodes {
        guard let node = freeFrom[interval.leaf].firstIndex(where: { $0 <= interval.from }) else { return false }
        freeFrom[interval.leaf][node] = interval.through + 1
      }
    }
    return true
  }
}
