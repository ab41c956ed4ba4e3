extension Controller {
  /// Why no fleet of these nodes could ever run a job, whatever ends and returns; nil if it could, or if that cannot be
  /// said yet: before any node has joined, or fewer than the host said there would be.
  mutating func impossible(_ spec: JobSpec) -> String? {
    guard !cluster.nodes.isEmpty, cluster.nodes.count >= limits.expectedNodes else { return nil }
    refreshMap()
    if spec.role.devicesPerNode == 0 { return impossiblePlain(spec) }
    guard let topology = fleetMap.topology else {
      return "needs nodes with \(spec.role.devicesPerNode) devices; no node with devices ever joined"
    }
    let gang = shape(spec)
    if let why = overQuota(spec, gang, topology) { return why }
    var filter: [Int32]?
    let wishes = spec.wishes
    if !wishes.constraint.isEmpty || !wishes.exclude.isEmpty {
      filter = knownMatching(wishes, leaves: topology.leaves.count)
    } else if feasible.version == mapVersion, let known = feasible.answers[gang] {
      return known
    }
    let offers = MemberOffers(topology: topology)
    let why =
      offers.choose(gang, offers.known(gang, filter: filter)) != nil
      ? nil : whyImpossible(gang, spec, topology, filter)
    // A type that nobody has is no type in the shape: the next job means another one.
    if filter == nil, gang.deviceTypes != [-1] {
      if feasible.version != mapVersion { feasible = Feasible(version: mapVersion) }
      feasible.answers[gang] = .some(why)
    }
    return why
  }

  /// More than its project, or its user, may ever use: of every type that it allows.
  private mutating func overQuota(_ spec: JobSpec, _ gang: PendingGang, _ topology: Topology) -> String? {
    guard !cluster.policy.projects.isEmpty else { return nil }
    if feasible.version != mapVersion { feasible = Feasible(version: mapVersion) }
    var book =
      feasible.book.take()
      ?? QuotaBook(cluster.policy, topology, capacity: ViewBuilder(map: fleetMap, cluster: cluster).capacity)
    let account = book.account(spec)
    defer { feasible.book = book }
    var why: String?
    for type in gang.deviceTypes.isEmpty ? topology.deviceTypes.indices.map({ Int32($0) }) : gang.deviceTypes {
      guard topology.deviceTypes.indices.contains(Int(type)) else { continue }
      let devices = gang.nodes &* gang.devicesPerNode
      guard let small = book.rules.tooSmall(account, type, devices) else { return nil }
      why = book.labels[Int(small.row)].never(needed: devices, most: small.most)
    }
    return why
  }

  /// Answers by shape, as long as the fleet's map stays what it is.
  struct Feasible: Sendable {
    var version = -1
    var answers: [PendingGang: String?] = [:]
    var book: QuotaBook?
  }

  private func knownMatching(_ wishes: Wishes, leaves: Int) -> [Int32] {
    var known = [Int32](repeating: 0, count: leaves)
    let excluded = numbers(of: wishes.exclude)
    for i in cluster.nodes.indices {
      let leaf = fleetMap.index.leaf(NodeID(Int32(i)))
      if leaf >= 0, !excluded.contains(Int32(i)), fleetMap.isPart(i), matches(NodeID(Int32(i)), wishes.constraint) {
        known[Int(leaf)] += 1
      }
    }
    return known
  }

  private func impossiblePlain(_ spec: JobSpec) -> String? {
    let wishes = spec.wishes
    let excluded = numbers(of: wishes.exclude)
    let able = cluster.nodes.indices.filter {
      !excluded.contains(Int32($0)) && matches(NodeID(Int32($0)), wishes.constraint)
    }
    if able.count < Int(spec.role.nodes) {
      let what =
        wishes.constraint.isEmpty && wishes.exclude.isEmpty ? "the fleet has" : "those that match what it asks for are"
      return "needs \(spec.role.nodes) nodes; \(what) \(able.count)"
    }
    guard wishes.segment > 1 || wishes.within?.isRequired == true || wishes.spread != nil else { return nil }
    return holdsPlain(able.map { NodeID(Int32($0)) }, spec.role.nodes, wishes)
      ? nil : "needs \(spec.role.nodes) nodes\(Self.shapeText(wishes)); no place of the fleet has them, busy or not"
  }

  static func shapeText(_ wishes: Wishes) -> String {
    var text = wishes.segment > 1 ? " in segments of \(wishes.segment)" : ""
    if let within = wishes.within, within.isRequired { text += " within one \(within.level)" }
    if let spread = wishes.spread { text += ", at most \(spread.atMost) in each \(spread.level)" }
    return text
  }

  private func whyImpossible(
    _ gang: PendingGang, _ spec: JobSpec, _ topology: Topology, _ filter: [Int32]?
  ) -> String {
    let offers = MemberOffers(topology: topology)
    var (any, needed) = (gang, "\(gang.nodes) nodes of \(gang.devicesPerNode) devices")
    any.deviceTypes = []
    if !spec.wishes.deviceTypes.isEmpty { needed += " of type \(spec.wishes.deviceTypes.joined(separator: " or "))" }
    let fitting = offers.known(gang, filter: filter).reduce(0) { $0 + $1.count }
    if fitting < gang.nodes {
      let all = offers.known(gang).reduce(0) { $0 + $1.count }
      let most = topology.deviceTypes.map(\.devicesPerNode).max() ?? 0
      var text = "needs \(needed); the fleet has \(fitting) such nodes, busy or not"
      if filter != nil { text += " that match what it asks for (\(all) if it asked for no labels and left none out)" }
      if gang.devicesPerNode > most { text += " (the most devices that a node has is \(most))" }
      return text
    }
    let largest = offers.known(gang, filter: filter).map(\.count).max() ?? 0
    if gang.segment > largest {
      return
        "needs segments of \(gang.segment) nodes; the largest \(fleetMap.levels.last ?? "rack") has \(largest) such nodes"
    }
    return
      "needs \(needed)\(Self.shapeText(spec.wishes)); the fleet has \(fitting) such nodes, but nowhere in that shape"
  }
}
