/// One thing that a gang could ask for instead, and start at once.
public enum StartChange: Hashable, Sendable {
  /// A smaller segment.
  case segment(Int32)
  /// Its level only preferred.
  case withinPreferred(level: Int)
  /// Another type of devices.
  case deviceType(Int32)
  /// Over sooner.
  case walltime(Span)
  /// Fewer nodes.
  case nodes(Int32)
}

/// What a gang that waits could change, looked for while the profile is as the gangs before it left it. The changes are tried
/// as any other gang is, and nothing is held for them.
extension Planner {
  /// Gangs of a round for which changes are looked for, the first that wait: each change costs a search.
  static let mostChanges = 64

  mutating func noteChanges(_ gang: borrowing PendingGang, _ view: borrowing PlanningView, _ round: inout PlanningRound)
  {
    guard round.changes.count < Self.mostChanges, gang.begin <= view.now, mix(gang) != .only else { return }
    var found: [StartChange] = []
    if gang.segment > 1, let size = firstSegment(gang, &round) { found.append(.segment(size)) }
    if let within = gang.within, within.isRequired {
      var other = copy gang
      other.within = PendingGang.Scope(level: within.level, isRequired: false)
      if startsNow(other, &round) { found.append(.withinPreferred(level: within.level)) }
    }
    if !gang.deviceTypes.isEmpty {
      for type in topology.deviceTypes.indices where !gang.deviceTypes.contains(Int32(type)) {
        var other = copy gang
        other.deviceTypes = [Int32(type)]
        guard startsNow(other, &round) else { continue }
        found.append(.deviceType(Int32(type)))
        break
      }
    }
    for hours in [24, 12, 4, 1] as [Int64] where found.allSatisfy({ !$0.isWalltime }) {
      let shorter = Span.seconds(hours * 3600)
      guard shorter < gang.walltime ?? grid.horizon else { continue }
      var other = copy gang
      other.walltime = shorter
      if startsNow(other, &round) { found.append(.walltime(shorter)) }
    }
    if let nodes = mostNodes(gang, &round) { found.append(.nodes(nodes)) }
    round.changes[round.entries.count] = found
  }

  /// What it waits on with other types than the one that its answer is about.
  mutating func noteOthers(
    _ gang: borrowing PendingGang, besides type: Int32, of first: Ask, _ round: inout PlanningRound
  ) {
    guard topology.deviceTypes.count > 1, gang.deviceTypes.count != 1, round.others.count < Self.mostChanges else {
      return
    }
    let reasons = round.reasons.count
    defer { round.reasons.removeSubrange(reasons...) }
    var others: [(type: Int32, wait: PlanningRound.WaitNumbers)] = []
    for other in types(gang)
    where topology.deviceTypes.indices.contains(Int(other))
      && topology.deviceTypes[Int(other)].name != topology.deviceTypes[Int(type)].name
    {
      guard let ask = possible(gang, other, now: round.now, &round.reasons), ask.partDevices == first.partDevices else {
        continue
      }
      others.append((other, waitNumbers(ask)))
    }
    if !others.isEmpty { round.others[round.entries.count] = others }
  }

  /// The largest that divides its own.
  private mutating func firstSegment(_ gang: borrowing PendingGang, _ round: inout PlanningRound) -> Int32? {
    for size in stride(from: gang.segment / 2, through: 1, by: -1) where gang.segment % size == 0 {
      var other = copy gang
      other.segment = size
      if startsNow(other, &round) { return size }
    }
    return nil
  }

  /// The most of its segments that start now, in nodes: where fewer start, more of them do not.
  private mutating func mostNodes(_ gang: borrowing PendingGang, _ round: inout PlanningRound) -> Int32? {
    var (starts, waits): (Int32, Int32) = (0, gang.nodes / gang.segment)
    // From below: most that wait are far too large for what is free.
    var next: Int32 = 1
    while starts + 1 < waits {
      let segments = min(next, waits - 1)
      var other = copy gang
      other.nodes = segments * gang.segment
      if startsNow(other, &round) { starts = segments } else { waits = segments }
      next = waits <= next * 2 ? (starts + waits) / 2 : next * 2
      next = max(next, starts + 1)
    }
    return starts > 0 ? starts * gang.segment : nil
  }

  private mutating func startsNow(_ gang: borrowing PendingGang, _ round: inout PlanningRound) -> Bool {
    let firstReason = round.reasons.count
    defer { round.reasons.removeSubrange(firstReason...) }
    for type in types(gang) {
      guard let ask = possible(gang, type, now: round.now, &round.reasons) else { continue }
      if earliest(ask, before: 1) != nil { return true }
    }
    return false
  }
}

extension StartChange {
  fileprivate var isWalltime: Bool { if case .walltime = self { true } else { false } }
}
