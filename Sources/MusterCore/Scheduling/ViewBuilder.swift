/// What runs where, in the planner's terms.
struct ViewBuilder {
  let map: FleetMap
  var nodesInService: [Int32]
  var isServing: [Bool]
  /// By node: its place in `shared`; -1 is none.
  var sharedOfNode: [Int32]
  var shared: [SharedNode] = []
  var running: [RunningGang] = []
  /// By node: the candidate of the round's victims that has all of it; -1: none. Empty: nobody may be stopped.
  var victimOfNode: [Int32] = []
  /// Candidates of `victimOfNode`.
  var victims = 0
  /// By attempt: its entries in `running`.
  var entries: [(attempt: Int32, running: Range<Int>)] = []
  /// By node: devices of gangs that are in `running`.
  private var seen: [UInt64]
  /// By node: when the last of what runs there ends.
  private(set) var busyUntil: [Instant]
  /// By leaf: nodes of which something is used.
  private var used: [Int32]

  init(map: FleetMap, cluster: borrowing Cluster) {
    self.map = map
    nodesInService = Array(repeating: 0, count: map.topology?.leaves.count ?? 0)
    isServing = Array(repeating: false, count: cluster.nodes.count)
    sharedOfNode = Array(repeating: -1, count: cluster.nodes.count)
    seen = Array(repeating: 0, count: cluster.nodes.count)
    used = nodesInService
    busyUntil = Array(repeating: .zero, count: cluster.nodes.count)
  }

  mutating func serve(_ node: Int, _ cluster: borrowing Cluster) {
    let leaf = map.index.leaf(NodeID(Int32(node)))
    guard leaf >= 0 else { return }
    isServing[node] = true
    nodesInService[Int(leaf)] += 1
  }

  /// `account`: of `QuotaRules`.
  mutating func run(_ places: [Place], _ cluster: borrowing Cluster, end: Instant, account: Int32) {
    var whole: [LeafNodes] = []
    let first = running.count
    for place in places {
      let i = Int(place.node.index)
      guard place.devices != 0, i < isServing.count else { continue }
      if isServing[i] {
        add(i, place.devices, end, cluster, &whole)
      } else if account >= 0 {
        let held = place.devices & Cluster.mask(cluster.nodes[i].devices)
        let type = map.type(of: place.node)
        guard held != 0, type >= 0 else { continue }
        running.append(
          RunningGang(
            project: -1, place: .away(deviceType: type, devices: Int32(held.nonzeroBitCount)), end: end))
      }
    }
    // Also one of which nothing is on nodes in service, or that has no devices: it is a job of its account.
    if !whole.isEmpty || (account >= 0 && running.count == first) {
      running.append(RunningGang(project: -1, place: .whole(whole), end: end))
    }
    for i in first..<running.count {
      running[i].project = account
      running[i].isCounted = i == first
    }
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
    busyUntil[i] = max(busyUntil[i], end)
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

  /// Whose whole nodes others may get.
  mutating func note(_ table: borrowing VictimTable, _ cluster: borrowing Cluster) {
    guard !table.isEmpty else { return }
    victims = table.candidates.count
    victimOfNode = Array(repeating: -1, count: isServing.count)
    for (number, candidate) in table.candidates.enumerated() {
      guard let slot = cluster.attemptSlot(candidate.attempt) else { continue }
      for place in cluster.attemptPlaces[Int(slot)] {
        let i = Int(place.node.index)
        if place.devices != 0, i < isServing.count, isServing[i], sharedOfNode[i] < 0 {
          victimOfNode[i] = Int32(number)
        }
      }
    }
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
