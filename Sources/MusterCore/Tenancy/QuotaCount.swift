/// What is used of each row of `QuotaRules` at this moment, by all that has started and has not ended: also what gives way,
/// and what runs on nodes that take no more work. A round sees the fleet as it was, and counts on what is still being
/// stopped; this is what a start is held to in the end.
struct QuotaCount: Sendable {
  private var book: QuotaBook
  private var used: [Int32] = []

  /// `leaving` do not count any more.
  init(_ cluster: borrowing Cluster, _ map: FleetMap, _ book: QuotaBook, leaving: [Int32]) {
    self.book = book
    let leaving = Set(leaving)
    for slot in cluster.active where !leaving.contains(slot) {
      let job = Int(cluster.attempts[slot].jobSlot)
      let account = account(project: cluster.specs[job].project, user: cluster.specs[job].user)
      _ = change(account, Self.devices(cluster.attemptPlaces[Int(slot)], cluster, map), isForced: true)
    }
  }

  /// Takes what a gang needs, if all of it is within what is left.
  mutating func take(_ spec: JobSpec, _ places: [Place], _ cluster: borrowing Cluster, _ map: FleetMap) -> Bool {
    change(account(project: spec.project, user: spec.user), Self.devices(places, cluster, map), isForced: false)
  }

  /// What is kept for a gang counts before it starts.
  mutating func add(_ spec: JobSpec, _ places: [Place], _ cluster: borrowing Cluster, _ map: FleetMap) {
    _ = change(account(project: spec.project, user: spec.user), Self.devices(places, cluster, map), isForced: true)
  }

  private mutating func account(project: String, user: String) -> Int32 {
    let account = book.account(project: project, user: user)
    while used.count < book.rules.rows.count { used.append(0) }
    return account
  }

  /// By type of the topology. A device that the node came back without is nobody's.
  private static func devices(
    _ places: [Place], _ cluster: borrowing Cluster, _ map: FleetMap
  ) -> [(type: Int32, devices: Int32)] {
    var sums: [(type: Int32, devices: Int32)] = []
    for place in places {
      let held = place.devices & Cluster.mask(cluster.nodes[Int(place.node.index)].devices)
      guard held != 0 else { continue }
      let type = map.type(of: place.node)
      if let i = sums.firstIndex(where: { $0.type == type }) {
        sums[i].devices += Int32(held.nonzeroBitCount)
      } else {
        sums.append((type, Int32(held.nonzeroBitCount)))
      }
    }
    return sums
  }

  /// Something limits both together.
  mutating func sharesRows(_ a: JobSpec, _ b: JobSpec) -> Bool {
    let (x, y) = (account(project: a.project, user: a.user), account(project: b.project, user: b.user))
    return book.rules.shareRows(x, y)
  }

  private mutating func change(
    _ account: Int32, _ devices: [(type: Int32, devices: Int32)], isForced: Bool
  ) -> Bool {
    let before = used
    for chain in book.rules.chains(account) {
      let sum =
        chain.counts == .jobs ? 1 : devices.reduce(0) { $0 + chain.amount($1.type, $1.devices) }
      var amount = sum
      for row in chain.rows where amount > 0 {
        let (rule, had) = (book.rules.rows[Int(row)], used[Int(row)])
        guard isForced || amount <= rule.most &- had else {
          used = before
          return false
        }
        used[Int(row)] = had &+ amount
        amount = max(0, had &+ amount &- rule.kept) &- max(0, had &- rule.kept)
      }
    }
    return true
  }
}

extension Controller {
  /// nil: no project is declared, so that nothing is limited.
  func quotaCount(leaving: [Int32] = []) -> QuotaCount? {
    guard !cluster.policy.projects.isEmpty, let topology = fleetMap.topology else { return nil }
    var count = QuotaCount(cluster, fleetMap, quotaBook(topology), leaving: leaving)
    for claim in claims {
      guard let slot = cluster.slot(of: claim.job) else { continue }
      count.add(cluster.specs[Int(slot)], claim.places, cluster, fleetMap)
    }
    return count
  }

  func quotaBook(_ topology: Topology) -> QuotaBook {
    QuotaBook(cluster.policy, topology, capacity: topology.capacity, slack: planted == .quotaExceededByOne ? 1 : 0)
  }
}

extension Topology {
  /// Devices by type.
  var capacity: [Int32] {
    var devices = [Int32](repeating: 0, count: deviceTypes.count)
    for leaf in leaves {
      devices[Int(leaf.deviceType)] &+= leaf.nodes * deviceTypes[Int(leaf.deviceType)].devicesPerNode
    }
    return devices
  }
}
