/// Where a gang is held: counts, not names. `NodeChoice` names nodes when it starts.
public enum HeldPlace: Hashable, Sendable {
  /// Whole nodes, by leaf in rising order.
  case whole([LeafNodes])
  /// Part of a node. A lane below the number of the view's shared nodes is that shared node if the gang starts now; gangs
  /// that start now with the same other lane share a node of the leaf that is free now.
  case part(leaf: Int32, lane: Int32, devices: Int32)
  /// Member by member in rank order, for a gang that starts now.
  case mixed([MemberPlace])
}

/// The planner's answer for one gang.
public enum PlanAnswer: Hashable, Sendable {
  case startsNow(deviceType: Int32, HeldPlace)
  /// Starts there when these attempts have ended, and nobody else takes it meanwhile.
  case preempts(deviceType: Int32, HeldPlace, victims: [AttemptID])
  /// Held from then on; no gang behind it in the order can move it.
  case startsAt(Instant, deviceType: Int32, HeldPlace)
  /// No start within `TimeGrid.horizon`, or none that can be foreseen.
  case beyondHorizon
  /// Does not start now, and no place is held for it: too many are before it (`PlanningMode`).
  case behind
  /// Not on this fleet, whatever ends and returns: for each type that it allows, why not.
  case never([NeverReason])
}

/// Why a gang can never run, judged against every node known, whatever its state.
public enum NeverReason: Hashable, Sendable {
  case deviceTypeMissing(deviceType: Int32)
  case tooFewDevicesPerNode(deviceType: Int32, needed: Int32, has: Int32)
  case segmentTooLarge(deviceType: Int32, segment: Int32, largestLeaf: Int32)
  case fleetTooSmall(deviceType: Int32, nodes: Int32, capable: Int32)
  /// No domain of the level that it must lie in holds it: the largest takes `largest` nodes in its segments.
  case scopeTooSmall(deviceType: Int32, nodes: Int32, level: Int, largest: Int32)
  /// In what `row` of `QuotaRules` counts.
  case quotaTooSmall(deviceType: Int32, needed: Int32, limit: Int32, row: Int32)
  /// Nodes with the labels that it asks for, less those that it leaves out, in the shape that it asks for.
  case tooFewMatch(nodes: Int32, matching: Int32)
  /// Each of the gangs of a job could have a place, in so many of them, and never all at once.
  case rolesTogether(roles: Int32, places: [Int32])
  /// `nodes` must be a multiple of `segment`.
  case segmentDoesNotDivide(nodes: Int32, segment: Int32)

  /// In words; names come from the topology.
  public func message(_ topology: Topology) -> String {
    func name(_ type: Int32) -> String {
      topology.deviceTypes.indices.contains(Int(type)) ? topology.deviceTypes[Int(type)].name : "#\(type)"
    }
    func with(_ type: Int32) -> String { name(type).isEmpty ? "" : " with \(name(type))" }
    return switch self {
    case .deviceTypeMissing(let type): "no node with devices of type \(name(type)) ever joined"
    case .tooFewDevicesPerNode(let type, let needed, let has):
      "needs \(counted(needed, "device")) a node; nodes\(with(type)) have \(has)"
    case .segmentTooLarge(let type, let segment, let largest):
      "needs segments of \(counted(segment, "node")); the largest \(topology.levels[topology.levels.count - 1])\(with(type)) has \(largest)"
    case .fleetTooSmall(let type, let nodes, let capable):
      "needs \(counted(nodes, "node")); the fleet has \(counted(capable, "such node"))\(with(type)), busy or not"
    case .scopeTooSmall(let type, let nodes, let level, let largest):
      "needs \(counted(nodes, "node")) within one \(topology.levels[level]); the largest has room for \(counted(largest, "such node"))\(with(type))"
    case .quotaTooSmall(_, let needed, let limit, _):
      "needs \(counted(needed, "device")); the project's limit is \(limit)"
    case .tooFewMatch(let nodes, let matching):
      "needs \(counted(nodes, "node")) in that shape; of all nodes \(matching == 0 ? "none matches" : matching == 1 ? "1 matches" : "\(matching) match") what it asks for"
    case .rolesTogether(_, let places):
      "its roles fit one by one (in \(places.map { "\($0)" }.joined(separator: ", ")) places), and never all at once, busy or not"
    case .segmentDoesNotDivide(let nodes, let segment):
      "\(counted(nodes, "node")) cannot be divided into segments of \(segment)"
    }
  }
}

/// What a gang that does not start now waits on: the numbers of the first bucket when its turn came, after the gangs
/// before it.
public enum WaitCause: Hashable, Sendable {
  /// In nodes of the first type that it can run on.
  case nodesBusy(deviceType: Int32, needed: Int32, free: Int32)
  /// For a part of a node: the most devices that one node has free.
  case devicesBusy(deviceType: Int32, needed: Int32, free: Int32)
  /// Enough nodes are free, not in the shape: the best domain has `free` of `needed` segments free.
  case topology(deviceType: Int32, segment: Int32, needed: Int32, free: Int32)
  /// In what `row` of `QuotaRules` counts; `left` is below 0 where more runs than it allows.
  /// - isLater: at some time before it would end, not now.
  case quota(deviceType: Int32, needed: Int32, left: Int32, limit: Int32, row: Int32, isLater: Bool = false)
  /// Places are free now, but not for its whole time: gangs before it hold them, or maintenance does.
  case heldAhead(deviceType: Int32)
  /// Enough nodes are free, too few of them are such as it asks for.
  case filter(deviceType: Int32, needed: Int32, matching: Int32)
  /// A window takes nodes of its type before it would end.
  case maintenance(deviceType: Int32, from: Instant)
  /// Nodes of its type, such as it may have, that are known and not in service, while too few are free.
  case outOfService(deviceType: Int32, nodes: Int32)
  case notBefore(Instant)
}

/// The answers of one round, in the order of the gangs. Places lie in one array, so that a round of 100,000 gangs makes a
/// handful of allocations.
public struct PlanningRound: Sendable {
  enum Kind: UInt8 {
    case now
    case preempting
    case later
    case beyondHorizon
    case behind
    case never
  }

  struct Entry {
    var kind: Kind
    var type: Int16
    var bucket: UInt16 = 0
    /// -1: whole nodes; -2: member by member.
    var lane: Int32 = -1
    var devices: Int32 = 0
    /// Range in `places`, or in `reasons` for `never`.
    var first: Int32 = 0
    var count: Int32 = 0
    var wait = WaitNumbers()
    /// Range in `victims`.
    var firstVictim: Int32 = 0
    var victimCount: Int32 = 0
  }

  /// What `causes` makes sentences of.
  struct WaitNumbers {
    var free: Int32 = 0
    /// Segments free in the best domain, of those needed, and their size; 0 needed for a part.
    var segments: Int32 = 0
    var neededSegments: Int32 = 0
    var segment: Int32 = 0
    var quotaLeft: Int32 = 0
    var quotaLimit: Int32 = 0
    var charge: Int32 = 0
    /// Of `QuotaRules`; -1: nothing limits it.
    var quotaRow: Int32 = -1
    var outOfService: Int32 = 0
    /// Index in the view's windows; -1 is none.
    var maintenance: Int32 = -1
    /// `free` counts nodes that the gang's filter lets it have.
    var isFiltered = false
    /// The quota's numbers are of a time after now and before it would end.
    var isQuotaLater = false
    /// Enough nodes are free now and not at every time before it would end.
    var isShortLater = false

    mutating func setQuota(_ least: (row: Int32, left: Int32, amount: Int32), _ rules: QuotaRules) {
      (quotaRow, quotaLeft, charge) = least
      quotaLimit = rules.rows[Int(least.row)].most
    }
  }

  var entries: [Entry] = []
  var places: [LeafNodes] = []
  var reasons: [NeverReason] = []
  var members: [MemberPlace] = []
  var victims: [AttemptID] = []
  /// Gangs that others are stopped for.
  var preemptions = 0
  /// Idle devices that are kept for gangs that wait, by type of the topology. See `Planner.keptDevices`.
  var kept: [Int32] = []
  /// By gang, of the first that wait: what would start it at once.
  var changes: [Int: [StartChange]] = [:]
  /// By gang, of the first that wait: what it waits on with the other types that it could have.
  var others: [Int: [(type: Int32, wait: WaitNumbers)]] = [:]
  let now: Instant
  let grid: TimeGrid
  let maintenance: [MaintenanceWindow]

  public var count: Int { entries.count }

  /// nil: it never starts, or behind the horizon. `now` for those that start now.
  public func start(_ gang: Int) -> Instant? {
    let entry = entries[gang]
    return switch entry.kind {
    case .now, .preempting, .later: now + grid.start(ofBucket: Int(entry.bucket))
    case .beyondHorizon, .behind, .never: nil
    }
  }

  /// Buckets begin at their own moments: what is held the first one behind its begin is looked at again at its begin.
  func start(_ gang: Int, notBefore begin: Instant) -> Instant? {
    guard let start = start(gang), begin > now, entries[gang].bucket > 0 else { return start(gang) }
    return now + grid.start(ofBucket: Int(entries[gang].bucket) - 1) < begin ? begin : start
  }

  public func isNever(_ gang: Int) -> Bool { entries[gang].kind == .never }

  public func answer(_ gang: Int) -> PlanAnswer {
    let entry = entries[gang]
    let range = Int(entry.first)..<Int(entry.first + entry.count)
    switch entry.kind {
    case .beyondHorizon: return .beyondHorizon
    case .behind: return .behind
    case .never: return .never(Array(reasons[range]))
    case .now: return .startsNow(deviceType: Int32(entry.type), place(entry, range))
    case .preempting:
      let victims = victims[Int(entry.firstVictim)..<Int(entry.firstVictim + entry.victimCount)]
      return .preempts(deviceType: Int32(entry.type), place(entry, range), victims: Array(victims))
    case .later:
      let start = now + grid.start(ofBucket: Int(entry.bucket))
      return .startsAt(start, deviceType: Int32(entry.type), place(entry, range))
    }
  }

  private func place(_ entry: Entry, _ range: Range<Int>) -> HeldPlace {
    if entry.lane == -2 { return .mixed(Array(members[range])) }
    return entry.lane >= 0
      ? .part(leaf: places[range.lowerBound].leaf, lane: entry.lane, devices: entry.devices)
      : .whole(Array(places[range]))
  }

  /// A gang before it holds a place on nodes of the type.
  private func isHeldAhead(_ gang: Int, _ type: Int32) -> Bool {
    entries[..<gang].contains { $0.kind == .later && Int32($0.type) == type }
  }

  /// Empty for one that starts now or never; of each type that it could have. `pending` is the gang that was asked for.
  public func causes(_ gang: Int, _ pending: PendingGang) -> [WaitCause] {
    let entry = entries[gang]
    guard entry.kind == .later || entry.kind == .beyondHorizon else { return [] }
    var causes: [WaitCause] = []
    if pending.begin > now { causes.append(.notBefore(pending.begin)) }
    for (type, wait) in [(Int32(entry.type), entry.wait)] + (others[gang] ?? []).map({ ($0.type, $0.wait) }) {
      for cause in self.causes(gang, pending, type, wait) where !causes.contains(cause) { causes.append(cause) }
    }
    return causes
  }

  private func causes(
    _ gang: Int, _ pending: PendingGang, _ type: Int32, _ wait: WaitNumbers
  ) -> [WaitCause] {
    var causes: [WaitCause] = []
    if wait.quotaLeft < wait.charge {
      causes.append(
        .quota(
          deviceType: type, needed: wait.charge, left: wait.quotaLeft, limit: wait.quotaLimit, row: wait.quotaRow,
          isLater: wait.isQuotaLater))
    }
    let isPart = entries[gang].devices > 0
    let needed = isPart ? entries[gang].devices : pending.nodes
    let lacks = wait.free < needed || wait.segments < wait.neededSegments
    if wait.free < needed, wait.isFiltered {
      causes.append(.filter(deviceType: type, needed: needed, matching: wait.free))
    } else if wait.free < needed {
      causes.append(
        isPart
          ? .devicesBusy(deviceType: type, needed: needed, free: wait.free)
          : .nodesBusy(deviceType: type, needed: needed, free: wait.free))
    } else if wait.segments < wait.neededSegments {
      causes.append(
        .topology(deviceType: type, segment: wait.segment, needed: wait.neededSegments, free: wait.segments))
    } else if causes.isEmpty || wait.isShortLater, pending.begin <= now,
      wait.maintenance < 0 || isHeldAhead(gang, type)
    {
      causes.append(.heldAhead(deviceType: type))
    }
    if lacks, wait.outOfService > 0 { causes.append(.outOfService(deviceType: type, nodes: wait.outOfService)) }
    if wait.maintenance >= 0 {
      causes.append(.maintenance(deviceType: type, from: maintenance[Int(wait.maintenance)].from))
    }
    return causes
  }
}
