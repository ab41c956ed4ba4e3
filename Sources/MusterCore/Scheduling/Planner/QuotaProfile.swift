/// What is left of each project's devices over time, by device type. The planner asks three things of it, which a tree
/// with borrowing can answer as well: the first start that the quota allows, what is left now, and to take a hold.
struct QuotaProfile: ~Copyable {
  private let grid: TimeGrid
  private let shortcuts: PlannerShortcuts
  private let types: Int
  private var projects = 0
  private var capacity = 0
  /// `[project][type][bucket]`.
  private var memory: UnsafeMutablePointer<Int32>
  private(set) var limits = QuotaLimits()

  init(grid: TimeGrid, types: Int, shortcuts: PlannerShortcuts) {
    self.grid = grid
    self.types = types
    self.shortcuts = shortcuts
    memory = .allocate(capacity: 1)
  }

  deinit { memory.deallocate() }

  var bytes: Int { capacity * 4 }

  /// `ends` says the last bucket of a running gang.
  mutating func build(_ view: borrowing PlanningView, _ topology: borrowing Topology, ends: (Int) -> Int) {
    limits = view.quotas
    projects = limits.projects
    let needed = projects * types * grid.bucketCount
    if needed > capacity {
      memory.deallocate()
      memory = .allocate(capacity: needed)
      capacity = needed
    }
    for project in 0..<projects {
      for type in 0..<types {
        row(Int32(project), Int32(type)).initialize(
          repeating: limits[project: Int32(project), type: Int32(type)], count: grid.bucketCount)
      }
    }
    for (i, gang) in view.running.enumerated() {
      guard isLimited(gang.project) else { continue }
      switch gang.place {
      case .whole(let places):
        for place in places {
          let type = topology.leaves[Int(place.leaf)].deviceType
          let devices = place.nodes * topology.deviceTypes[Int(type)].devicesPerNode
          take(gang.project, type, devices, from: 0, through: ends(i))
        }
      case .part(let node, let devices):
        let type = topology.leaves[Int(view.sharedNodes[Int(node)].leaf)].deviceType
        take(gang.project, type, devices, from: 0, through: ends(i))
      }
    }
  }

  private func isLimited(_ project: Int32) -> Bool { project >= 0 && Int(project) < projects }

  private func row(_ project: Int32, _ type: Int32) -> UnsafeMutablePointer<Int32> {
    memory + (Int(project) &* types &+ Int(type)) &* grid.bucketCount
  }

  /// Devices left in the first bucket.
  func leftNow(_ project: Int32, _ type: Int32) -> Int32 {
    isLimited(project) ? row(project, type)[0] : QuotaLimits.unlimited
  }

  /// The first bucket from `from` on in which `devices` more are within the limit for the whole time; any bucket from
  /// `before` on if there is none before it.
  func firstStart(_ project: Int32, _ type: Int32, _ devices: Int32, units: Int32, from: Int, before: Int) -> Int {
    guard isLimited(project) else { return from }
    let row = row(project, type)
    var bucket = from
    while bucket < before {
      let last = grid.lastBucket(from: bucket, units: units)
      let low = WindowSearch.lastBelow(row, devices, from: bucket, through: last)
      if low < 0 { return bucket }
      bucket = shortcuts.contains(.jumps) ? low &+ 1 : bucket &+ 1
    }
    return bucket
  }

  func take(_ project: Int32, _ type: Int32, _ devices: Int32, from: Int, through: Int) {
    guard isLimited(project) else { return }
    let row = row(project, type)
    for bucket in from...through where row[bucket] != QuotaLimits.unlimited { row[bucket] &-= devices }
  }
}
