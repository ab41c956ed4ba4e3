/// The gangs of one job's roles: each is placed like any other gang, and all start in the same bucket or none does.
///
/// Whether two roles fit together is only known when the first one has its place, so they are tried on the profile itself;
/// if the last one does not fit, the profile is put back as it was. In the same way they take others' places: role after
/// role, each in what those before it and their victims have left.
extension Planner {
  private struct Before: ~Copyable {
    var nodes: NodeProfile
    var shared: SharedLanes
    var quotas: QuotaProfile
    var victims: VictimTable
    var isVictim: [Bool]
    var round: Lengths
  }

  /// How much a round has said.
  private struct Lengths {
    var (entries, places, members, victims, preemptions): (Int, Int, Int, Int, Int)

    init(_ round: borrowing PlanningRound) {
      (entries, places, members) = (round.entries.count, round.places.count, round.members.count)
      (victims, preemptions) = (round.victims.count, round.preemptions)
    }
  }

  private enum Trial {
    case held
    /// A role does not start before this bucket.
    case notBefore(Int)
    case unforeseen
  }

  /// Buckets that are tried one after the other where each role fits alone and not all do. After so many the next one is
  /// where the last role fits beside the others' place: a start that holds, and perhaps not the first.
  private static var mostTrials: Int { 48 }
  /// Jobs of a round, the first that wait: each may take milliseconds.
  private static var mostFitTests: Int { 16 }

  mutating func answerTogether(
    _ pending: borrowing [PendingGang], _ range: Range<Int>, _ view: borrowing PlanningView, mayHold: Bool,
    _ round: inout PlanningRound
  ) {
    if neverTogether(pending, range, view, &round) { return }
    let reasons = round.reasons.count
    var waits: [(type: Int32, part: Int32, numbers: PlanningRound.WaitNumbers)] = []
    for i in range {
      let asks = types(pending[i]).compactMap { possible(pending[i], $0, now: round.now, &round.reasons) }
      waits.append(asks.first.map { ($0.type, $0.partDevices, waitNumbers($0)) } ?? (0, 0, .init()))
    }
    round.reasons.removeSubrange(reasons...)
    var (bucket, conflicts) = (0, 0)
    while bucket < grid.bucketCount {
      let before = asItIs(round)
      // What is learned of a profile that may be put back is not true of it afterwards.
      ignoresBounds = true
      let trial = tryTogether(pending, range, view, bucket, &round)
      ignoresBounds = false
      if case .held = trial {
        capacity.bumpVersion()
        for (i, wait) in zip(range, waits) where bucket > 0 { round.entries[i].wait = wait.numbers }
        return
      }
      putBack(before, &round)
      if bucket == 0, preemptTogether(pending, range, view, &round) { return }
      guard mayHold, case .notBefore(let later) = trial, let alone = aloneStart(pending, range, view, bucket, &round)
      else {
        break
      }
      if alone > bucket {
        bucket = alone
      } else {
        conflicts += 1
        bucket = conflicts < Self.mostTrials ? bucket + 1 : max(bucket + 1, later)
      }
    }
    if neverInShape(pending, range, view, &round) { return }
    for wait in waits {
      round.entries.append(
        PlanningRound.Entry(
          kind: mayHold ? .beyondHorizon : .behind, type: Int16(wait.type), devices: wait.part, wait: wait.numbers))
    }
    if mayHold, pending[range.lowerBound].isOverdue { gatherTogether(pending, range, view, &round) }
  }

  private func asItIs(_ round: borrowing PlanningRound) -> Before {
    Before(
      nodes: nodes.copy(), shared: shared.copy(topology), quotas: quotas.copy(), victims: victims, isVictim: isVictim,
      round: Lengths(round))
  }

  private mutating func putBack(_ before: consuming Before, _ round: inout PlanningRound) {
    round.entries.removeSubrange(before.round.entries...)
    round.places.removeSubrange(before.round.places...)
    round.members.removeSubrange(before.round.members...)
    round.victims.removeSubrange(before.round.victims...)
    round.preemptions = before.round.preemptions
    (victims, isVictim) = (before.victims, before.isVictim)
    nodes = before.nodes
    shared = before.shared
    quotas = before.quotas
    capacity.bumpVersion()
  }

  private mutating func tryTogether(
    _ pending: borrowing [PendingGang], _ range: Range<Int>, _ view: borrowing PlanningView, _ bucket: Int,
    _ round: inout PlanningRound
  ) -> Trial {
    for i in range {
      let mix = mix(pending[i])
      let isStarted =
        bucket == 0
        && ((mix == .none && startWhole(pending[i], &round))
          || (mix != .none && startMixed(pending[i], view, &round)))
      if !isStarted {
        // What may only start node by node and does not now: nothing is known of when it will.
        guard let found = earliestStart(pending[i], view, from: bucket, &round) else { return .unforeseen }
        guard found.bucket == bucket else { return .notBefore(found.bucket) }
        switch found {
        case .whole(let ask, _, let level): hold(ask, bucket, level, PlanningRound.WaitNumbers(), &round)
        case .byMember(let start): holdByMember(pending[i], start, &round)
        }
      }
      if i + 1 < range.upperBound { countOnce(pending[i], bucket) }
    }
    return .held
  }

  /// The next gang is of the same job.
  private func countOnce(_ gang: borrowing PendingGang, _ bucket: Int) {
    let units = gang.walltime.map(grid.units) ?? grid.units(grid.horizon)
    quotas.uncountJob(gang.project, from: bucket, through: grid.lastBucket(from: bucket, units: units))
  }

  // MARK: Others' places

  /// True if all have their places now, some of which others leave; else nothing has changed.
  private mutating func preemptTogether(
    _ pending: borrowing [PendingGang], _ range: Range<Int>, _ view: borrowing PlanningView,
    _ round: inout PlanningRound
  ) -> Bool {
    guard round.preemptions < view.mode.preemptions, range.contains(where: { mayPreempt(pending[$0]) }) else {
      return false
    }
    let before = asItIs(round)
    let (entries, preemptions) = (round.entries.count, round.preemptions)
    // What is not found beside the roles before may be found by others.
    let failed = failedTakes
    failedTakes.removeAll()
    ignoresBounds = true
    defer {
      ignoresBounds = false
      victimsOfRoles = []
    }
    // What all of them take counts for the victims of each.
    let charges = range.map { leastCharge(pending[$0], round.now) }
    for charge in charges { victims.count(pending[range.lowerBound].owner, charge.type, charge.devices) }
    for (i, charge) in zip(range, charges) {
      let firstVictim = round.victims.count
      // It is added again when its own rights are worked out, and when it has its place.
      victims.count(pending[i].owner, charge.type, -charge.devices)
      guard startNow(pending[i], view, &round) || (mayPreempt(pending[i]) && preempt(pending[i], view, &round)) else {
        putBack(before, &round)
        failedTakes = failed
        return false
      }
      victimsOfRoles += numbers(of: round.victims[firstVictim...])
      // The job counts as one.
      round.preemptions = preemptions
      if i + 1 < range.upperBound { countOnce(pending[i], 0) }
    }
    // All of them start when the last victim is gone.
    for i in entries..<round.entries.count { round.entries[i].kind = .preempting }
    round.preemptions += 1
    failedTakes.removeAll()
    return true
  }

  /// On the first type that the gang could have: that it finds its place on another one is left to the writer.
  private mutating func leastCharge(_ gang: borrowing PendingGang, _ now: Instant) -> (type: Int32, devices: Int32) {
    var reasons: [NeverReason] = []
    for type in types(gang) {
      if let ask = possible(gang, type, now: now, &reasons) { return (type, ask.charge) }
    }
    return (0, 0)
  }

  /// In what is free, and what the victims of the job's other roles leave.
  private mutating func startNow(
    _ gang: borrowing PendingGang, _ view: borrowing PlanningView, _ round: inout PlanningRound
  ) -> Bool {
    guard gang.begin <= view.now else { return false }
    let mix = mix(gang)
    if mix == .none, startWhole(gang, &round) { return true }
    let freed = freed(by: victimsOfRoles, gang.filter, view)
    if mix != .none, startMixed(gang, view, &round, freed: freed) { return true }
    return mix == .first && startWhole(gang, &round)
  }

  private func numbers(of attempts: ArraySlice<AttemptID>) -> [Int32] {
    let stopped = Set(attempts)
    guard !stopped.isEmpty else { return [] }
    return victims.candidates.indices.filter { stopped.contains(victims.candidates[$0].attempt) }.map { Int32($0) }
  }

  // MARK: Later

  /// The first bucket from which on each of them would start if it were alone.
  private mutating func aloneStart(
    _ pending: borrowing [PendingGang], _ range: Range<Int>, _ view: borrowing PlanningView, _ from: Int,
    _ round: inout PlanningRound
  ) -> Int? {
    var (bucket, agreed, i) = (from, 0, range.lowerBound)
    while agreed < range.count {
      guard let found = earliestStart(pending[i], view, from: bucket, &round) else { return nil }
      agreed = found.bucket == bucket ? agreed + 1 : 1
      bucket = found.bucket
      i = i + 1 < range.upperBound ? i + 1 : range.lowerBound
    }
    return bucket
  }

  private enum Start {
    case whole(Ask, bucket: Int, level: Int)
    case byMember(MemberStart)

    var bucket: Int {
      switch self {
      case .whole(_, let bucket, _): bucket
      case .byMember(let start): start.bucket
      }
    }
  }

  /// nil: none is foreseen; of nodes that a filter lets it have counts say nothing.
  private mutating func earliestStart(
    _ gang: borrowing PendingGang, _ view: borrowing PlanningView, from: Int, _ round: inout PlanningRound
  ) -> Start? {
    guard gang.filter < 0 else { return nil }
    if mix(gang) != .none, isHeldByMember(gang, &round) {
      return earliestByMember(gang, view, from: from).map { .byMember($0) }
    }
    let reasons = round.reasons.count
    var best: (ask: Ask, bucket: Int, level: Int)?
    for type in types(gang) {
      guard var ask = possible(gang, type, now: round.now, &round.reasons) else { continue }
      ask.begin = max(ask.begin, from)
      guard let found = earliest(ask, before: best?.bucket ?? grid.bucketCount) else { continue }
      best = (ask, found.bucket, found.level)
      if found.bucket == from { break }
    }
    round.reasons.removeSubrange(reasons...)
    return best.map { .whole($0.ask, bucket: $0.bucket, level: $0.level) }
  }

  /// Each role alone, then as far as sums can say it: true, and answered, if they can never run.
  private mutating func neverTogether(
    _ pending: borrowing [PendingGang], _ range: Range<Int>, _ view: borrowing PlanningView,
    _ round: inout PlanningRound
  ) -> Bool {
    let first = round.reasons.count
    var isNever = false
    for i in range where !isNever {
      let before = round.reasons.count
      if mix(pending[i]) != .none {
        isNever = neverMixed(pending[i], view, &round) != nil
      } else {
        isNever = types(pending[i]).allSatisfy { possible(pending[i], $0, now: round.now, &round.reasons) == nil }
      }
      if !isNever { round.reasons.removeSubrange(before...) }
    }
    if !isNever, let sum = neverInSum(Array(pending[range]), view) {
      round.reasons.append(sum)
      isNever = true
    }
    guard isNever else { return false }
    for _ in range {
      round.entries.append(
        PlanningRound.Entry(
          kind: .never, type: -1, first: Int32(first), count: Int32(round.reasons.count - first)))
    }
    return true
  }

  /// True, and answered, if each of them could have its place and never all of them.
  private mutating func neverInShape(
    _ pending: borrowing [PendingGang], _ range: Range<Int>, _ view: borrowing PlanningView,
    _ round: inout PlanningRound
  ) -> Bool {
    guard fitTests < Self.mostFitTests else { return false }
    fitTests += 1
    let gangs = range.map { i in
      let filter = pending[i].filter
      return RolesFit.Gang(pending[i], known: filter < 0 ? nil : view.filters[Int(filter)].known)
    }
    var fit = RolesFit(gangs, topology)
    guard !fit.mayFit() else { return false }
    round.reasons.append(.rolesTogether(roles: Int32(range.count), places: fit.places))
    for _ in range {
      round.entries.append(
        PlanningRound.Entry(kind: .never, type: -1, first: Int32(round.reasons.count - 1), count: 1))
    }
    return true
  }

  private func neverInSum(_ gangs: [PendingGang], _ view: borrowing PlanningView) -> NeverReason? {
    let sum = RolesInSum(gangs, topology)
    if let small = quotaTooSmall(gangs.map { ($0, knownOffers($0, view)) }) {
      return .quotaTooSmall(deviceType: max(0, sum.type), needed: small.needed, limit: small.most, row: small.row)
    }
    guard let capacity = sum.capacityExceeded(topology) else { return nil }
    return .fleetTooSmall(
      deviceType: sum.type, nodes: sum.nodes,
      capable: capacity / topology.deviceTypes[Int(sum.type)].devicesPerNode)
  }
}

/// What the gangs of a job need at the same time.
struct RolesInSum {
  var devices: Int32
  var nodes: Int32
  /// The one type that all of them must have; -1: of the sum only what counts all types can be said.
  var type: Int32

  init(_ gangs: [PendingGang], _ topology: borrowing Topology) {
    let gangs = gangs.filter { $0.devicesPerNode > 0 }
    devices = gangs.reduce(0) { $0 &+ $1.nodes &* $1.devicesPerNode }
    nodes = gangs.reduce(0) { $0 &+ $1.nodes }
    let known = topology.deviceTypes.count
    let only: [Int32] = gangs.map { gang in
      if gang.deviceTypes.isEmpty { return known == 1 ? 0 : -1 }
      return gang.deviceTypes.count == 1 && gang.deviceTypes[0] < known ? gang.deviceTypes[0] : -1
    }
    type = Set(only).count == 1 ? only[0] : -1
  }

  /// All devices of the type that the fleet has, where that is too few.
  func capacityExceeded(_ topology: Topology) -> Int32? {
    guard type >= 0, devices > topology.capacity[Int(type)] else { return nil }
    return topology.capacity[Int(type)]
  }
}
