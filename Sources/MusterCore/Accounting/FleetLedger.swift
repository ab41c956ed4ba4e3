/// What nobody's devices are for, and the capacity: levels by device type, added up over time.
struct FleetLedger: Sendable {
  /// What the ledger keeps of a node.
  struct NodeEntry: Hashable, Sendable {
    /// In `Ledger.types`; -1: it has not joined.
    var type: Int32 = -1
    var devices: Int32 = 0
    var state = NodeState.joining
    var isRevoked = false
    var isInMaintenance = false
    /// Bit i: an attempt that has not ended has device i.
    var held: UInt64 = 0
    /// Members of attempts that have ended may still run there.
    var leaving: UInt64 = 0
    /// Free, and kept for a gang that others gave way to.
    var kept: UInt64 = 0

    /// A device that an attempt has still got counts, also when its node came back without it.
    var capacity: UInt64 { (isRevoked ? 0 : Cluster.mask(devices)) | held | leaving }
  }

  var nodes: [NodeEntry] = []
  /// By type.
  var series: [FleetSeries] = []
  /// Devices that are kept for a job, by its number.
  var claims: [Int64: [Place]] = [:]
  /// Maintenance windows, with the nodes that each takes.
  var windows: [(from: Int64, to: Int64, nodes: [Bool])] = []
  /// When the next window begins or ends. Milliseconds.
  var nextEdge: Int64 = .max
  /// Nodes have joined since the windows were laid over them.
  private(set) var windowsAreOld = false

  // MARK: Time

  mutating func advance(from: Int64, to: Int64) {
    var at = from
    while nextEdge < to {
      let edge = max(at, nextEdge)
      pass(from: at, to: edge)
      at = edge
      placeWindows(at: edge)
    }
    pass(from: at, to: to)
  }

  private mutating func pass(from: Int64, to: Int64) {
    guard from < to else { return }
    for i in series.indices { series[i].add(from: from, to: to) }
  }

  // MARK: Nodes

  /// A node joined, or came back: perhaps as another type.
  mutating func set(_ node: NodeID, type: Int32, _ cluster: borrowing Cluster) {
    let i = Int(node.index)
    while nodes.count <= i { nodes.append(NodeEntry()) }
    while series.count <= Int(type) { series.append(FleetSeries()) }
    // What comes back as another type is charged to the new one from now on, also what an attempt still has.
    change(i) { $0.type = type }
    if !cluster.maintenance.isEmpty { windowsAreOld = true }
    set(node, cluster)
  }

  /// Its state, as the fold has it.
  mutating func set(_ node: NodeID, _ cluster: borrowing Cluster) {
    let now = cluster.nodes[Int(node.index)]
    change(Int(node.index)) {
      $0.devices = now.devices
      $0.state = now.state
    }
  }

  mutating func revoke(_ node: NodeID) { change(Int(node.index)) { $0.isRevoked = true } }

  /// - Returns: the type of the node.
  mutating func hold(_ place: Place) -> Int32 {
    let i = Int(place.node.index)
    change(i) {
      $0.held |= place.devices
      $0.kept &= ~place.devices
    }
    return nodes[i].type
  }

  /// An attempt has ended: its devices are given back, but for members that may still run.
  mutating func release(_ attempt: Int32, claimedBy job: Int64, _ cluster: borrowing Cluster) {
    let running = cluster.memberSlots(ofAttempt: attempt).map { $0 >= 0 && !cluster.member($0).stopped }
    // Its claim may have ended before it stopped.
    let isKept = job > 0 && cluster.slot(of: JobID(job)).map { cluster.job($0).state == .pending } == true
    for (index, place) in cluster.attemptPlaces[Int(attempt)].enumerated() where place.devices != 0 {
      let isLeaving = running.indices.contains(index) && running[index]
      change(Int(place.node.index)) {
        $0.held &= ~place.devices
        if isLeaving { $0.leaving |= place.devices } else if isKept { $0.kept |= place.devices }
      }
      if isKept, !isLeaving { claims[job, default: []].append(place) }
    }
  }

  /// Nothing of a member runs any more. While its attempt has not ended its devices stay with it.
  mutating func stopped(_ member: MemberID, _ cluster: borrowing Cluster) {
    guard let slot = cluster.attemptSlot(member.attempt),
      cluster.attemptPlaces[Int(slot)].indices.contains(Int(member.index))
    else { return }
    let place = cluster.attemptPlaces[Int(slot)][Int(member.index)]
    change(Int(place.node.index)) { $0.leaving &= ~place.devices }
    // The last one of a node that is drained.
    set(place.node, cluster)
  }

  /// Who waits for a place that others left has it, or wants it no more.
  mutating func forgetClaim(of job: Int64) {
    for place in claims.removeValue(forKey: job) ?? [] {
      change(Int(place.node.index)) { $0.kept &= ~place.devices }
    }
  }

  /// What is free of these types and devices is kept for gangs that wait, and nothing else is.
  mutating func keep(_ kept: [(devices: Int32, type: Int32)]) {
    for i in series.indices { series[i].kept = 0 }
    for entry in kept where series.indices.contains(Int(entry.type)) {
      series[Int(entry.type)].kept += Int64(entry.devices)
    }
  }

  // MARK: Maintenance

  mutating func windowsChanged(_ cluster: borrowing Cluster, at now: Int64) {
    guard !cluster.maintenance.isEmpty || !windows.isEmpty else { return }
    windowsAreOld = false
    windows = FleetMap(cluster).windows.map { ($0.from.milliseconds, $0.to.milliseconds, $0.nodes) }
    placeWindows(at: now)
  }

  private mutating func placeWindows(at now: Int64) {
    let open = windows.filter { $0.from <= now && $0.to > now }
    for i in nodes.indices {
      let isIn = open.contains { i < $0.nodes.count && $0.nodes[i] }
      if isIn != nodes[i].isInMaintenance { change(i) { $0.isInMaintenance = isIn } }
    }
    nextEdge = windows.flatMap { [$0.from, $0.to] }.filter { $0 > now }.min() ?? .max
  }

  // MARK: Levels

  /// Keeps the levels of its type right around a change of a node.
  private mutating func change(_ i: Int, _ body: (inout NodeEntry) -> Void) {
    count(nodes[i], -1)
    body(&nodes[i])
    count(nodes[i], 1)
  }

  mutating func count(_ node: NodeEntry, _ by: Int64) {
    guard node.type >= 0 else { return }
    let type = Int(node.type)
    let capacity = node.capacity
    series[type].level.capacity += by * Int64(capacity.nonzeroBitCount)
    let idle = capacity & ~node.held
    let kept = idle & node.kept & ~node.leaving
    let leaving = idle & node.leaving
    let rest = idle & ~kept & ~leaving
    series[type].level[node.account] += by * Int64(rest.nonzeroBitCount)
    series[type].level[node.account == .free ? .heldForGang : node.account] += by * Int64(kept.nonzeroBitCount)
    series[type].level[node.account == .free ? .draining : node.account] += by * Int64(leaving.nonzeroBitCount)
  }
}

extension FleetLedger.NodeEntry {
  /// Of its devices that no attempt has.
  var account: Account {
    switch state {
    case .suspect, .isolated: .broken
    case .joining, .verifying: .verifying
    case .drained: .maintenance
    case .draining: isInMaintenance ? .maintenance : .draining
    case .ready: isInMaintenance ? .maintenance : .free
    }
  }
}
