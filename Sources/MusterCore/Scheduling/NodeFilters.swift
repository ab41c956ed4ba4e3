/// Distinct wishes about single nodes among the jobs of a round, and what they come to.
struct NodeFilters {
  struct Key: Hashable {
    var constraint: [LabelRule]
    var exclude: [String]
    var isExclusive: Bool
    /// No node that maintenance takes before then; `.zero` asks for nothing.
    var until: Instant
  }

  /// Looks at nodes that a round may take on the writer: in a fleet of 62,500 nodes 32 different wishes, in one of 1,000 as
  /// many as there are jobs.
  static let mostLooks = 2_000_000

  private(set) var rows: [NodeFilter] = []
  private var numbers: [Key: Int32] = [:]
  private var looks = 0
  private let nodes: Int

  init(nodes: Int) { self.nodes = nodes }

  var isFull: Bool { looks >= Self.mostLooks }
  func row(_ key: Key) -> Int32? { numbers[key] }

  mutating func add(_ key: Key, _ filter: NodeFilter) -> Int32 {
    looks += max(1, nodes)
    rows.append(filter)
    numbers[key] = Int32(rows.count - 1)
    return Int32(rows.count - 1)
  }
}

extension Controller {
  /// The row of the filter for these wishes, -1 for none; nil: the round has looked at enough of them.
  func filter(
    _ wishes: Wishes, until: Instant, _ filters: inout NodeFilters, _ builder: borrowing ViewBuilder
  ) -> Int32? {
    guard wishes.isExclusive || !wishes.constraint.isEmpty || !wishes.exclude.isEmpty || until > .zero else {
      return -1
    }
    let key = NodeFilters.Key(
      constraint: wishes.constraint, exclude: wishes.exclude, isExclusive: wishes.isExclusive, until: until)
    if let row = filters.row(key) { return row }
    return filters.isFull ? nil : filters.add(key, nodeFilter(key, builder))
  }

  private func nodeFilter(_ key: NodeFilters.Key, _ builder: borrowing ViewBuilder) -> NodeFilter {
    let leaves = fleetMap.topology?.leaves.count ?? 0
    var filter = NodeFilter(
      free: Array(repeating: 0, count: leaves), known: Array(repeating: 0, count: leaves),
      shared: Array(repeating: false, count: builder.shared.count))
    filter.ofVictims = Array(repeating: [], count: builder.victims)
    filter.away = filter.free
    // Also of a job that looks no further: what maintenance has now is not free.
    let until = max(key.until, now + Span(nanoseconds: 1))
    let excluded = numbers(of: key.exclude)
    for i in cluster.nodes.indices {
      let node = NodeID(Int32(i))
      let leaf = fleetMap.index.leaf(node)
      guard leaf >= 0, !excluded.contains(Int32(i)), matches(node, key.constraint), fleetMap.isPart(i) else { continue }
      filter.known[Int(leaf)] += 1
      let hot = cluster.nodes[i]
      guard builder.isServing[i] else {
        filter.away[Int(leaf)] += 1
        continue
      }
      guard !key.isExclusive || isEmptyOnceFree(node) else { continue }
      if !fleetMap.windows.isEmpty, fleetMap.isTaken(node, from: now, to: until) { continue }
      // What is kept for a claim is nobody else's, now or when others have left.
      let isKept = claimed[Int32(i)] != nil
      if hot.freeDeviceCount == hot.devices, !isKept, !key.isExclusive || hot.members == 0 {
        filter.free[Int(leaf)] += 1
      }
      let number = builder.sharedOfNode[i]
      if number >= 0 { filter.shared[Int(number)] = true }
      if !isKept, !builder.victimOfNode.isEmpty, builder.victimOfNode[i] >= 0 {
        filter.ofVictims[Int(builder.victimOfNode[i])].append(LeafNodes(leaf: leaf, nodes: 1))
      }
    }
    // Any of a leaf may be its spares: no more than the rest of them serve at a time.
    for (leaf, own) in (fleetMap.topology?.leaves ?? []).enumerated() {
      filter.known[leaf] = min(filter.known[leaf], own.nodes)
    }
    return filter
  }

  /// Nobody is there, or only such as have devices of it: gangs without devices give way to nobody.
  private func isEmptyOnceFree(_ node: NodeID) -> Bool {
    var member = cluster.nodes[Int(node.index)].firstMember
    while member >= 0 {
      guard cluster.members[member].devices != 0 || hasDevices(cluster.members[member].attemptSlot, of: node) else {
        return false
      }
      member = cluster.members[member].nextOnNode
    }
    return true
  }

  private func hasDevices(_ attempt: Int32, of node: NodeID) -> Bool {
    var member = cluster.nodes[Int(node.index)].firstMember
    while member >= 0 {
      if cluster.members[member].attemptSlot == attempt, cluster.members[member].devices != 0 { return true }
      member = cluster.members[member].nextOnNode
    }
    return false
  }

  /// Asked, never iterated.
  func numbers(of names: [String]) -> Set<Int32> { Set(names.compactMap { cluster.nodeByName[$0] }) }

  /// Whether all rules hold for a node; a level of the topology is a label as well.
  func matches(_ node: NodeID, _ constraint: [LabelRule]) -> Bool {
    let i = Int(node.index)
    return constraint.allSatisfy { rule in
      guard let level = fleetMap.level(named: rule.key), i < fleetMap.domainOfNode[level].count else {
        return rule.holds(for: cluster.nodeDetails[i].labels)
      }
      let domain = fleetMap.domains[level][Int(fleetMap.domainOfNode[level][i])]
      return rule.holds(for: [Label(key: rule.key, value: domain.name)])
    }
  }

  /// Which nodes a job may have for all of its time if it starts now.
  struct NodeRule {
    var excluded: Set<Int32>
    var constraint: [LabelRule]
    var isExclusive: Bool
    /// `.zero`: no maintenance is planned.
    var until: Instant
    /// Of a gang without devices; empty: any. (For gangs with devices the planner has chosen the type.)
    var deviceTypes: [String] = []

    var isAny: Bool {
      excluded.isEmpty && constraint.isEmpty && !isExclusive && until == .zero && deviceTypes.isEmpty
    }
  }

  func nodeRule(_ slot: Int32, role: Int = 0) -> NodeRule {
    let wishes = cluster.specs[Int(slot)].wishes(ofRole: role)
    let hasDevices = cluster.specs[Int(slot)].roles[role].devicesPerNode > 0
    return NodeRule(
      excluded: numbers(of: wishes.exclude), constraint: wishes.constraint, isExclusive: wishes.isExclusive,
      until: fleetMap.windows.isEmpty ? .zero : endOfUse(ofJob: slot),
      deviceTypes: hasDevices ? [] : wishes.deviceTypes)
  }

  /// Nobody is there, or only those who leave while a claim's place is named.
  private func isEmpty(_ node: NodeID) -> Bool {
    var member = cluster.nodes[Int(node.index)].firstMember
    while member >= 0, leaving.contains(cluster.members[member].attemptSlot) {
      member = cluster.members[member].nextOnNode
    }
    return member < 0
  }

  func allows(_ rule: NodeRule, _ node: NodeID) -> Bool {
    if rule.isAny { return true }
    if rule.isExclusive, !isEmpty(node) { return false }
    if rule.until > .zero, fleetMap.isTaken(node, from: now, to: rule.until) { return false }
    return !rule.excluded.contains(node.index) && matches(node, rule.constraint) && isOfType(node, rule.deviceTypes)
  }

  /// Whether its devices are of one of these types; none: of any, or it has none.
  func isOfType(_ node: NodeID, _ types: [String]) -> Bool {
    guard !types.isEmpty else { return true }
    let i = Int(node.index)
    return cluster.nodes[i].devices > 0
      && types.contains { FleetMap.isNamed(cluster.nodeDetails[i].joined.deviceType, $0) }
  }
}
