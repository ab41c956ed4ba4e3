extension Controller {
  /// Why no fleet of these nodes could ever run a job, whatever ends and returns; nil if it could, or if that cannot be
  /// said: before any node has joined, or fewer than the host said there would be.
  /// - Parameter looks: looks at single nodes that the request has taken so far; of more than a round may take, a job with
  ///   wishes about them is accepted, and the next round says what becomes of it.
  mutating func impossible(_ spec: JobSpec, looks: inout Int) -> String? {
    if let why = mayNotRun(spec) { return why }
    guard spec.hasRoles else { return impossibleAlone(spec, looks: &looks) }
    for (number, role) in spec.roles.enumerated() {
      if let why = impossibleAlone(spec.alone(number), looks: &looks) { return "\(why) (role \(role.name))" }
    }
    return impossibleTogether(spec)
  }

  /// Nobody of its project, or its user in it, may run any job: that holds on every fleet.
  private func mayNotRun(_ spec: JobSpec) -> String? {
    let limits = cluster.policy.limits(ofProject: spec.project, user: spec.user)
    return limits.first { $0.limits.runningJobs == 0 }.map {
      QuotaBook.Label(project: $0.project, user: $0.user, what: .jobs).never(needed: 1, most: 0)
    }
  }

  /// More than all the fleet has, or its project may use, in sum.
  private mutating func impossibleTogether(_ spec: JobSpec) -> String? {
    guard cluster.nodes.count >= limits.expectedNodes, let topology = fleetMap.topology else { return nil }
    let sum = RolesInSum(spec.roles.indices.map { shape(spec.alone($0)) }, topology)
    if let capacity = sum.capacityExceeded(topology) {
      return
        "needs \(counted(sum.devices, "device")) for its \(spec.roles.count) roles together; the fleet has \(capacity), busy or not"
    }
    if let why = overQuota(spec, topology) { return why }
    let numbers = spec.roles.indices.filter { spec.roles[$0].devicesPerNode > 0 }
    let gangs = numbers.map { number in
      let (alone, wishes) = (shape(spec.alone(number)), spec.wishes(ofRole: number))
      let isAny = wishes.constraint.isEmpty && wishes.exclude.isEmpty
      return RolesFit.Gang(alone, known: isAny ? nil : knownMatching(wishes, leaves: topology.leaves.count))
    }
    var fit = RolesFit(gangs, topology)
    guard !fit.mayFit() else { return nil }
    let named = zip(numbers, fit.places).map { number, places in
      let (role, shape) = (spec.roles[number], Self.shapeText(spec.wishes(ofRole: number)))
      return
        "\(role.name) (\(counted(role.nodes, "node")) of \(counted(role.devicesPerNode, "device"))\(shape)) in \(counted(places, "place"))"
    }
    return "its roles fit one by one, and never all at once: \(Self.list(named)), busy or not"
  }

  private mutating func impossibleAlone(_ spec: JobSpec, looks: inout Int) -> String? {
    guard cluster.nodes.count >= limits.expectedNodes, hasNodes else { return nil }
    refreshMap()
    if feasible.version != mapVersion || max(feasible.answers.count, feasible.charges.count) > Feasible.most {
      feasible = Feasible(version: mapVersion)
    }
    let wishes = spec.wishes
    let shape = Feasible.Shape(gang: self.shape(spec), constraint: wishes.constraint, exclude: wishes.exclude)
    if let topology = fleetMap.topology, let why = overQuota(spec, topology) { return why }
    // A type or level that nobody has is none in the shape: the next job means another one.
    let isKept = shape.gang.deviceTypes != [-1]
    if isKept, let known = feasible.answers[shape] { return known }
    let namesNodes = !wishes.constraint.isEmpty || !wishes.exclude.isEmpty
    if namesNodes || spec.role.devicesPerNode == 0 {
      guard looks < NodeFilters.mostLooks else { return nil }
      looks += cluster.nodes.count
    }
    let why = spec.role.devicesPerNode == 0 ? impossiblePlain(spec) : impossibleWithDevices(spec, shape.gang)
    if isKept { feasible.answers[shape] = .some(why) }
    return why
  }

  /// Any that was not revoked.
  private var hasNodes: Bool {
    guard !cluster.admission.revoked.isEmpty else { return !cluster.nodes.isEmpty }
    return cluster.nodes.indices.contains { !isRevoked($0) }
  }

  private func isRevoked(_ node: Int) -> Bool { cluster.admission.isRevoked(cluster.nodeDetails[node].joined.machine) }

  private func impossibleWithDevices(_ spec: JobSpec, _ gang: PendingGang) -> String? {
    guard let topology = fleetMap.topology else {
      return "needs nodes with \(counted(spec.role.devicesPerNode, "device")); no node with devices ever joined"
    }
    let wishes = spec.wishes
    let filter =
      wishes.constraint.isEmpty && wishes.exclude.isEmpty
      ? nil : knownMatching(wishes, leaves: topology.leaves.count)
    let offers = MemberOffers(topology: topology)
    return offers.choose(gang, offers.known(gang, filter: filter)) != nil
      ? nil : whyImpossible(gang, spec, topology, filter)
  }

  private mutating func overQuota(_ spec: JobSpec, _ topology: Topology) -> String? {
    guard !cluster.policy.projects.isEmpty else { return nil }
    var book = feasible.book.take() ?? quotaBook(topology)
    var charges: [PendingGang: [[LeastCharge.Nodes]]] = [:]
    swap(&charges, &feasible.charges)
    defer {
      feasible.book = book
      swap(&charges, &feasible.charges)
    }
    return overQuota(spec, topology, &book, &charges)
  }

  /// Why its project, or its user, may never use what it needs at the least, wherever it is placed.
  /// - Parameter charges: what nodes were found to come to for gangs of the same shape.
  func overQuota(
    _ spec: JobSpec, _ topology: Topology, _ book: inout QuotaBook,
    _ charges: inout [PendingGang: [[LeastCharge.Nodes]]]
  ) -> String? {
    let account = book.account(project: spec.project, user: spec.user)
    guard account >= 0 else { return nil }
    var least = LeastCharge()
    for (number, role) in spec.roles.enumerated() {
      let alone = spec.alone(number)
      if role.devicesPerNode == 0 {
        if alone.wishes.isExclusive { least.add(nodes: role.nodes, nodesAlone(alone)) }
        continue
      }
      let gang = shape(alone)
      let offers = MemberOffers(topology: topology)
      let known = charges[gang] ?? offers.charges(gang, offers.known(gang))
      charges[gang] = known
      least.add(nodes: role.nodes, known)
    }
    let small = least.tooSmall(book.rules, account).map {
      book.labels[Int($0.row)].never(needed: $0.needed, most: $0.most, isAlone: spec.isAnyExclusive)
    }
    return small.isEmpty ? nil : small.prefix(4).joined(separator: "; and with others ")
  }

  /// Nodes that a gang without devices may be alone on, with the devices that it then has, by the domain that it must not
  /// leave.
  private func nodesAlone(_ spec: JobSpec) -> [[LeastCharge.Nodes]] {
    let wishes = spec.wishes
    let excluded = numbers(of: wishes.exclude)
    let level = wishes.within.flatMap { $0.isRequired ? fleetMap.level(named: $0.level) : nil } ?? -1
    var places: [Int32: [LeastCharge.Nodes]] = [:]
    for i in cluster.nodes.indices {
      let node = NodeID(Int32(i))
      guard !excluded.contains(Int32(i)), matches(node, wishes.constraint), !isRevoked(i),
        isOfType(node, wishes.deviceTypes)
      else { continue }
      places[domain(node, level), default: []].append(
        LeastCharge.Nodes(type: fleetMap.type(of: node), count: 1, devices: cluster.nodes[i].devices))
    }
    return places.sorted { $0.key < $1.key }.map(\.value)
  }

  /// Why a job with a role without devices that is alone on its nodes can never run, if it is for its quota: it has all
  /// devices of these nodes, and no round counts them.
  func neverAlone(_ slot: Int32, _ book: inout QuotaBook) -> String? {
    let mayBe = cluster.specs[Int(slot)].hasRoles || cluster.jobs[slot].devicesPerNode == 0
    guard mayBe, !cluster.policy.projects.isEmpty, cluster.specs[Int(slot)].hasUncounted,
      let topology = fleetMap.topology
    else { return nil }
    let spec = cluster.specs[Int(slot)]
    var charges: [PendingGang: [[LeastCharge.Nodes]]] = [:]
    return overQuota(spec, topology, &book, &charges)
  }

  /// Answers by shape, as long as the fleet's map stays what it is.
  struct Feasible: Sendable {
    struct Shape: Hashable, Sendable {
      var gang: PendingGang
      var constraint: [LabelRule]
      var exclude: [String]
    }
    /// Kept at a time.
    static let most = 10_000

    var version = -1
    var answers: [Shape: String?] = [:]
    var book: QuotaBook?
    /// As in `LeastCharge`.
    var charges: [PendingGang: [[LeastCharge.Nodes]]] = [:]
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
    // Any of a leaf may be its spares: no more than the rest of them serve at a time.
    for (leaf, own) in (fleetMap.topology?.leaves ?? []).enumerated() { known[leaf] = min(known[leaf], own.nodes) }
    return known
  }

  private func impossiblePlain(_ spec: JobSpec) -> String? {
    let wishes = spec.wishes
    let excluded = numbers(of: wishes.exclude)
    let able = cluster.nodes.indices.filter {
      !excluded.contains(Int32($0)) && matches(NodeID(Int32($0)), wishes.constraint) && !isRevoked($0)
        && isOfType(NodeID(Int32($0)), wishes.deviceTypes)
    }
    if able.count < Int(spec.role.nodes) {
      let isAny = wishes.constraint.isEmpty && wishes.exclude.isEmpty && wishes.deviceTypes.isEmpty
      let has =
        isAny
        ? "the fleet has \(able.count)"
        : able.count == 0 ? "none is as it asks for" : "\(able.count) \(able.count == 1 ? "is" : "are") as it asks for"
      return "needs \(counted(spec.role.nodes, "node")); \(has)"
    }
    guard wishes.segment > 1 || wishes.within?.isRequired == true || wishes.spread != nil else { return nil }
    return holdsPlain(able.map { NodeID(Int32($0)) }, spec.role.nodes, wishes)
      ? nil
      : "needs \(counted(spec.role.nodes, "node"))\(Self.shapeText(wishes)); no place of the fleet has them, busy or not"
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
    var (any, needed) = (gang, "\(counted(gang.nodes, "node")) of \(counted(gang.devicesPerNode, "device"))")
    any.deviceTypes = []
    if !spec.wishes.deviceTypes.isEmpty { needed += " of type \(spec.wishes.deviceTypes.joined(separator: " or "))" }
    let kinds = offers.kinds(gang)
    let known = offers.known(gang, filter: filter)
    func most(_ offers: [Offer]) -> [Int32] {
      kinds.map { kind in offers.reduce(0) { $0 + (kind.contains($1.type) ? $1.count : 0) } }
    }
    let fitting = most(known).max() ?? 0
    if fitting < gang.nodes, kinds.count > 1 {
      let has = zip(kinds, most(known)).map { "\($1) with \(topology.deviceTypes[Int($0[0])].shownName)" }
      return
        "needs \(needed), all of one type; of such nodes\(filter == nil ? "" : " that match what it asks for") the fleet has \(Self.list(has)), busy or not"
    }
    if fitting < gang.nodes {
      let all = most(offers.known(gang)).max() ?? 0
      let most = topology.deviceTypes.map(\.devicesPerNode).max() ?? 0
      var text = "needs \(needed); the fleet has \(counted(fitting, "such node")), busy or not"
      if filter != nil { text += " that match what it asks for (\(all) if it asked for no labels and left none out)" }
      if gang.devicesPerNode > most { text += " (the most devices that a node has is \(most))" }
      return text
    }
    let largest = known.map(\.count).max() ?? 0
    if gang.segment > largest {
      return
        "needs segments of \(counted(gang.segment, "node")); the largest \(fleetMap.levels.last ?? "rack") has \(counted(largest, "such node"))"
    }
    return
      "needs \(needed)\(Self.shapeText(spec.wishes)); the fleet has \(counted(fitting, "such node")), but nowhere in that shape: "
      + roomText(gang, known, topology)
  }

  /// The most that one place of the gang's shape has for it.
  private func roomText(_ gang: PendingGang, _ offers: [Offer], _ topology: Topology) -> String {
    let rooms = MemberOffers(topology: topology).kinds(gang).map { kind in
      var room = MemberRoom(gang, kind, topology)
      return room.best(room.leaves.map { leaf in offers.first { $0.leaf == leaf }?.count ?? 0 })
    }
    let place = gang.within.flatMap { $0.isRequired ? "the largest \(topology.levels[$0.level])" : nil } ?? "all of it"
    return "\(place) has room for \(rooms.max() ?? 0)" + (gang.segment > 1 ? " in segments of \(gang.segment)" : "")
  }

  /// `a`, `a and b`, `a, b and c`.
  static func list(_ parts: [String]) -> String {
    parts.count < 2 ? parts.joined() : parts.dropLast().joined(separator: ", ") + " and " + (parts.last ?? "")
  }
}

extension DeviceType {
  /// In a sentence.
  var shownName: String { name.isEmpty ? "devices that nobody has named" : name }
}
