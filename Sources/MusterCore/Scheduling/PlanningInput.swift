/// What a round is made from: a copy that the writer need not wait for.
public struct PlanningInput: Sendable {
  var map: FleetMap
  var mapVersion: Int
  var view: PlanningView
  var jobs: [Plan.Job] = []
  var gangs: [PendingGang] = []

  /// Nothing that runs or waits has an end or a beginning.
  var isTimeless: Bool {
    view.maintenance.isEmpty && gangs.allSatisfy { $0.walltime == nil && $0.begin <= view.now }
      && view.running.allSatisfy { $0.end == .never || $0.end <= view.now }
  }
}

/// A round's answers as they come back to the writer.
public struct Plan: Sendable {
  struct Job: Hashable, Sendable {
    var id: JobID
    /// Number of its latest attempt when the view was taken.
    var attempt: Int32
  }

  var mapVersion: Int
  var view: PlanningView
  var jobs: [Job]
  var gangs: [PendingGang]
  /// nil: no node with devices is known.
  var round: PlanningRound?
  /// By job: its place in the round.
  var entries: [JobID: Int]
}

/// Plans rounds. Used by one thread at a time; what it allocates it uses again.
public struct Scheduler: ~Copyable {
  private var planner: Planner?
  /// For rounds in which nothing has an end: there is no time to plan.
  private var timeless: Planner?
  private var mapVersion = -1
  private let grid: TimeGrid

  public init(grid: TimeGrid = .standard) { self.grid = grid }

  public mutating func plan(_ input: consuming PlanningInput) -> Plan {
    var entries: [JobID: Int] = [:]
    entries.reserveCapacity(input.jobs.count)
    for (i, job) in input.jobs.enumerated() { entries[job.id] = i }
    if input.mapVersion != mapVersion {
      planner = nil
      timeless = nil
      mapVersion = input.mapVersion
    }
    let round = round(input)
    return Plan(
      mapVersion: input.mapVersion, view: input.view, jobs: input.jobs, gangs: input.gangs, round: round,
      entries: entries)
  }

  private mutating func round(_ input: borrowing PlanningInput) -> PlanningRound? {
    guard let topology = input.map.topology else { return nil }
    if input.isTimeless {
      timeless =
        timeless.take() ?? Planner(topology: topology, grid: TimeGrid(zones: [TimeGrid.Zone(step: 1, buckets: 8)]))
      return timeless?.plan(input.view, input.gangs)
    }
    planner = planner.take() ?? Planner(topology: topology, grid: grid)
    return planner?.plan(input.view, input.gangs)
  }
}

extension Controller {
  /// When time alone may let a job start: a host that does not tick all the time sends a `tick` then.
  public var nextStart: Instant { nextLook }

  /// Whether a round would say something new.
  public var wantsPlan: Bool { isPlanOld && !isQuiet }

  /// For a round that starts now; nil if nothing has changed since the last one was taken.
  public mutating func takePlanningInput() -> PlanningInput? {
    guard wantsPlan else { return nil }
    isPlanOld = false
    // Nobody waits for a place. (A fleet of tens of thousands may be joining: its map is made when it is needed.)
    guard cluster.pending.contains(where: { cluster.jobs[$0].devicesPerNode > 0 }) else { return nil }
    refreshMap()
    // No node with devices is known: there is nothing to plan.
    guard fleetMap.topology != nil else { return nil }
    var builder = ViewBuilder(map: fleetMap, cluster: cluster)
    for i in cluster.nodes.indices where free(NodeID(Int32(i))) != nil { builder.serve(i, cluster) }
    for slot in cluster.active { builder.run(slot, cluster, end: plannedEnd(slot)) }
    builder.finish(cluster, now: now)
    var input = PlanningInput(
      map: fleetMap, mapVersion: mapVersion, view: PlanningView(now: now, nodesInService: builder.nodesInService))
    input.view.running = builder.running
    input.view.sharedNodes = builder.shared
    input.view.maintenance = maintenanceWindows(builder)
    // Finer than the buckets of a round.
    for window in fleetMap.windows where window.to > now { nextLook = min(nextLook, window.to) }
    input.view.mode = limits.planning
    var filters = FilterTable()
    for slot in cluster.pending {
      guard input.jobs.count < limits.planning.depth else { break }
      guard cluster.jobs[slot].devicesPerNode > 0 else { continue }
      if let why = unready(slot) {
        nextLook = min(nextLook, why.until)
        continue
      }
      let job = cluster.jobs[slot]
      input.jobs.append(Plan.Job(id: job.id, attempt: job.attempt))
      input.gangs.append(gang(slot, &filters))
    }
    input.view.filters = filters.keys.map { nodeFilter($0, builder) }
    return input
  }

  /// Derived anew when nodes or declarations have changed.
  mutating func refreshMap() {
    guard isMapOld else { return }
    isMapOld = false
    fleetMap = FleetMap(cluster)
    // Another one in each life of the controller: a round of an earlier one is not taken for this one's.
    mapVersion = max(mapVersion, Int(cluster.epoch) << 24) + 1
  }

  private func plannedEnd(_ slot: Int32) -> Instant {
    let attempt = cluster.attempts[slot]
    if attempt.phase == .stopping { return now }
    return plannedEnd(ofJob: attempt.jobSlot)
  }

  private func gang(_ slot: Int32, _ filters: inout FilterTable) -> PendingGang {
    let (job, spec) = (cluster.jobs[slot], cluster.specs[Int(slot)])
    let left = spec.walltime.map { walltime in
      job.startedAt == .zero ? walltime : max(.seconds(1), job.startedAt + walltime - now)
    }
    var gang = shape(spec)
    gang.walltime = left
    gang.filter = filters.row(of: spec.wishes)
    return gang
  }

  /// What a job asks for, of any time and project.
  func shape(_ spec: JobSpec) -> PendingGang {
    var gang = PendingGang(nodes: spec.role.nodes, devicesPerNode: spec.role.devicesPerNode, walltime: nil)
    gang.mayMix = true
    let wishes = spec.wishes
    guard !wishes.isEmpty else { return gang }
    gang.segment = wishes.segment
    gang.within = wishes.within.flatMap { within in
      fleetMap.level(named: within.level).map { PendingGang.Scope(level: $0, isRequired: within.isRequired) }
    }
    gang.spread = wishes.spread.flatMap { spread in
      fleetMap.level(named: spread.level).map { PendingGang.SpreadLimit(level: $0, atMost: spread.atMost) }
    }
    if !wishes.deviceTypes.isEmpty { gang.deviceTypes = deviceTypes(wishes.deviceTypes) }
    gang.isExclusive = wishes.isExclusive
    return gang
  }

  /// In the order of the wishes; -1 if there are none.
  private func deviceTypes(_ wishes: [String]) -> [Int32] {
    var found: [Int32] = []
    let types = fleetMap.topology?.deviceTypes ?? []
    for wish in wishes {
      for (i, type) in types.enumerated() where FleetMap.isNamed(type.name, wish) && !found.contains(Int32(i)) {
        found.append(Int32(i))
      }
    }
    return found.isEmpty ? [-1] : found
  }

  private func nodeFilter(_ key: FilterTable.Key, _ builder: borrowing ViewBuilder) -> NodeFilter {
    let leaves = fleetMap.topology?.leaves.count ?? 0
    var filter = NodeFilter(
      free: Array(repeating: 0, count: leaves), known: Array(repeating: 0, count: leaves),
      shared: Array(repeating: false, count: builder.shared.count))
    for i in cluster.nodes.indices {
      let node = NodeID(Int32(i))
      let leaf = fleetMap.index.leaf(node)
      guard leaf >= 0, matches(node, constraint: key.constraint, exclude: key.exclude) else { continue }
      filter.known[Int(leaf)] += 1
      let hot = cluster.nodes[i]
      guard builder.isServing[i], !key.isExclusive || hot.members == 0 else { continue }
      if hot.freeDeviceCount == hot.devices { filter.free[Int(leaf)] += 1 }
      let number = builder.sharedOfNode[i]
      if number >= 0 { filter.shared[Int(number)] = true }
    }
    return filter
  }

  /// Whether a job with these wishes may have the node.
  func matches(_ node: NodeID, constraint: [LabelRule], exclude: [String]) -> Bool {
    let i = Int(node.index)
    if !exclude.isEmpty, exclude.contains(cluster.nodeDetails[i].joined.name) { return false }
    return constraint.allSatisfy { rule in
      guard let level = fleetMap.level(named: rule.key), i < fleetMap.domainOfNode[level].count else {
        return rule.holds(for: cluster.nodeDetails[i].labels)
      }
      let domain = fleetMap.domains[level][Int(fleetMap.domainOfNode[level][i])]
      return rule.holds(for: [Label(key: rule.key, value: domain.name)])
    }
  }

  /// Leaf by leaf: what lies wholly within a window is closed, of others so many nodes are taken.
  private func maintenanceWindows(_ builder: borrowing ViewBuilder) -> [MaintenanceWindow] {
    var found: [MaintenanceWindow] = []
    for window in fleetMap.windows where window.to > now {
      var taken = [Int32](repeating: 0, count: builder.nodesInService.count)
      for i in window.nodes.indices where window.nodes[i] {
        let leaf = fleetMap.index.leaf(NodeID(Int32(i)))
        if leaf >= 0 { taken[Int(leaf)] += 1 }
      }
      for (leaf, count) in taken.enumerated() where count > 0 {
        let isWhole = Int(count) == fleetMap.index.nodes(Int32(leaf)).count
        let shared = builder.shared.indices.filter { number in
          builder.shared[number].leaf == Int32(leaf) && window.nodes[Int(builder.shared[number].node.index)]
        }
        found.append(
          MaintenanceWindow(
            leaves: Int32(leaf)..<Int32(leaf) + 1, from: window.from, to: window.to, nodes: isWhole ? nil : count,
            sharedNodes: shared.map { Int32($0) }))
      }
    }
    return found
  }

  /// Whether a job that starts now may have the node for all of its time.
  func mayHave(_ node: NodeID, _ slot: Int32) -> Bool {
    let spec = cluster.specs[Int(slot)]
    if !fleetMap.windows.isEmpty {
      let end = plannedEnd(ofJob: slot)
      if fleetMap.isTaken(node, from: now, to: end) { return false }
    }
    return spec.wishes.isEmpty || mayHave(node, spec.wishes)
  }

  private func plannedEnd(ofJob slot: Int32) -> Instant {
    guard let walltime = cluster.specs[Int(slot)].walltime else { return .never }
    let job = cluster.jobs[slot]
    return (job.startedAt == .zero ? now : job.startedAt) + walltime
  }

  func mayHave(_ node: NodeID, _ wishes: Wishes) -> Bool {
    if wishes.isExclusive, cluster.nodes[Int(node.index)].members > 0 { return false }
    return matches(node, constraint: wishes.constraint, exclude: wishes.exclude)
  }
}

/// Distinct wishes about single nodes among the jobs of a round.
private struct FilterTable {
  struct Key: Hashable {
    var constraint: [LabelRule]
    var exclude: [String]
    var isExclusive: Bool
  }

  private(set) var keys: [Key] = []
  private var rows: [Key: Int32] = [:]

  mutating func row(of wishes: Wishes) -> Int32 {
    guard wishes.isExclusive || !wishes.constraint.isEmpty || !wishes.exclude.isEmpty else { return -1 }
    let key = Key(constraint: wishes.constraint, exclude: wishes.exclude, isExclusive: wishes.isExclusive)
    if let row = rows[key] { return row }
    keys.append(key)
    rows[key] = Int32(keys.count - 1)
    return Int32(keys.count - 1)
  }
}

/// What runs where, in the planner's terms.
private struct ViewBuilder {
  let map: FleetMap
  var nodesInService: [Int32]
  var isServing: [Bool]
  /// By node: its place in `shared`; -1 is none.
  var sharedOfNode: [Int32]
  var shared: [SharedNode] = []
  var running: [RunningGang] = []
  /// By node: devices of gangs that are in `running`.
  private var seen: [UInt64]
  /// By leaf: nodes of which something is used.
  private var used: [Int32]

  init(map: FleetMap, cluster: borrowing Cluster) {
    self.map = map
    nodesInService = Array(repeating: 0, count: map.topology?.leaves.count ?? 0)
    isServing = Array(repeating: false, count: cluster.nodes.count)
    sharedOfNode = Array(repeating: -1, count: cluster.nodes.count)
    seen = Array(repeating: 0, count: cluster.nodes.count)
    used = nodesInService
  }

  mutating func serve(_ node: Int, _ cluster: borrowing Cluster) {
    let leaf = map.index.leaf(NodeID(Int32(node)))
    guard leaf >= 0 else { return }
    isServing[node] = true
    nodesInService[Int(leaf)] += 1
  }

  mutating func run(_ slot: Int32, _ cluster: borrowing Cluster, end: Instant) {
    var whole: [LeafNodes] = []
    for place in cluster.attemptPlaces[Int(slot)] {
      let i = Int(place.node.index)
      guard place.devices != 0, i < isServing.count, isServing[i] else { continue }
      add(i, place.devices, end, cluster, &whole)
    }
    if !whole.isEmpty { running.append(RunningGang(project: -1, place: .whole(whole), end: end)) }
  }

  private mutating func add(
    _ i: Int, _ devices: UInt64, _ end: Instant, _ cluster: borrowing Cluster, _ whole: inout [LeafNodes]
  ) {
    let node = NodeID(Int32(i))
    let leaf = map.index.leaf(node)
    // A device that the node came back without is nobody's.
    let held = devices & Cluster.mask(cluster.nodes[i].devices) & ~seen[i]
    guard held != 0 else { return }
    if seen[i] == 0 { used[Int(leaf)] += 1 }
    seen[i] |= held
    if held == Cluster.mask(cluster.nodes[i].devices) {
      if let last = whole.last, last.leaf == leaf {
        whole[whole.count - 1].nodes += 1
      } else {
        whole.append(LeafNodes(leaf: leaf, nodes: 1))
      }
      return
    }
    if sharedOfNode[i] < 0 {
      sharedOfNode[i] = Int32(shared.count)
      shared.append(SharedNode(leaf: leaf, node: node))
    }
    running.append(
      RunningGang(
        project: -1, place: .part(sharedNode: sharedOfNode[i], devices: Int32(held.nonzeroBitCount)), end: end))
  }

  /// What is neither free nor a running gang's (a member of an ended attempt of which nothing is known yet) is taken for
  /// now; and spares are left out, as far as they are not in use.
  mutating func finish(_ cluster: borrowing Cluster, now: Instant) {
    for i in isServing.indices where isServing[i] {
      let left = Cluster.mask(cluster.nodes[i].devices) & ~cluster.nodes[i].freeDevices & ~seen[i]
      guard left != 0 else { continue }
      var whole: [LeafNodes] = []
      add(i, left, now, cluster, &whole)
      if !whole.isEmpty { running.append(RunningGang(project: -1, place: .whole(whole), end: now)) }
    }
    sortShared()
    for (leaf, spares) in map.spares.enumerated() where spares > 0 {
      let usable = map.topology?.leaves[leaf].nodes ?? 0
      nodesInService[leaf] = max(used[leaf], min(nodesInService[leaf], usable))
    }
  }

  /// By number: of equally good nodes the first one is taken, whatever runs there was started when.
  private mutating func sortShared() {
    var numbers = [Int32](repeating: 0, count: shared.count)
    var sorted: [SharedNode] = []
    sorted.reserveCapacity(shared.count)
    for i in sharedOfNode.indices where sharedOfNode[i] >= 0 {
      numbers[Int(sharedOfNode[i])] = Int32(sorted.count)
      sorted.append(shared[Int(sharedOfNode[i])])
      sharedOfNode[i] = Int32(sorted.count - 1)
    }
    shared = sorted
    for i in running.indices {
      guard case .part(let number, let devices) = running[i].place else { continue }
      running[i].place = .part(sharedNode: numbers[Int(number)], devices: devices)
    }
  }
}
