/// What a round is made from: a copy that the writer need not wait for.
public struct PlanningInput: Sendable {
  var map: FleetMap
  var mapVersion: Int
  var view: PlanningView
  var jobs: [Plan.Job] = []
  var gangs: [PendingGang] = []
  /// More are ready than a round looks at.
  var isCut = false
  /// Beside the rows of `view.quotas`.
  var labels: [QuotaBook.Label] = []
  /// Nodes with devices that do not serve, the first of them by number.
  var away: [Int32] = []
  /// Of `away`: more are not told by name.
  static let mostAway = 256
  var attempts: [RunningAttempt] = []
  /// Rounds that the controller has taken, this one included.
  var number = 0

  /// Nothing that runs or waits has an end or a beginning.
  var isTimeless: Bool {
    view.maintenance.isEmpty && gangs.allSatisfy { $0.walltime == nil && $0.begin <= view.now }
      && view.running.allSatisfy { $0.end == .never || $0.end <= view.now }
  }
}

/// An attempt's entries in the view of a round.
struct RunningAttempt: Sendable {
  var id: AttemptID
  var entries: Range<Int>
}

/// A round's answers as they come back to the writer.
public struct Plan: Sendable {
  struct Job: Hashable, Sendable {
    var id: JobID
    /// Number of its latest attempt when the view was taken.
    var attempt: Int32
    /// In `JobSpec.roles`: whose gang it is.
    var role: Int32 = 0
  }

  /// What the answers' numbers of types and levels mean.
  var map: FleetMap
  var mapVersion: Int
  var view: PlanningView
  var jobs: [Job]
  var gangs: [PendingGang]
  var isCut: Bool
  /// Beside the rows of the view's quotas.
  var labels: [QuotaBook.Label]
  /// As in the input.
  var away: [Int32]
  /// nil: no node with devices is known.
  var round: PlanningRound?
  /// By job: its place in the round; of one with several roles the first of them.
  var entries: [JobID: Int]
  /// One of its answers is "never".
  var hasNever: Bool
  var attempts: [RunningAttempt]
  /// As `PlanningInput.number`.
  var number: Int
}

/// Plans rounds. Used by one thread at a time; what it allocates it uses again.
public struct Scheduler: ~Copyable {
  var planner: QuickPlanner?
  /// For rounds in which nothing has an end: there is no time to plan.
  private var timeless: Planner?
  private(set) var mapVersion = -1
  /// The number of `planner`'s last round.
  private(set) var lastRound = -1
  let grid: TimeGrid

  public init(grid: TimeGrid = .standard) { self.grid = grid }

  public mutating func plan(_ input: consuming PlanningInput) -> Plan {
    var entries: [JobID: Int] = [:]
    entries.reserveCapacity(input.jobs.count)
    for (i, job) in input.jobs.enumerated() where !input.gangs[i].joins { entries[job.id] = i }
    if input.mapVersion != mapVersion {
      planner = nil
      timeless = nil
      mapVersion = input.mapVersion
    }
    let round = round(input)
    return Plan(
      map: input.map, mapVersion: input.mapVersion, view: input.view, jobs: input.jobs, gangs: input.gangs,
      isCut: input.isCut, labels: input.labels, away: input.away, round: round, entries: entries,
      hasNever: round?.entries.contains { $0.kind == .never } ?? false, attempts: input.attempts, number: input.number)
  }

  private mutating func round(_ input: borrowing PlanningInput) -> PlanningRound? {
    guard let topology = input.map.topology else { return nil }
    if input.isTimeless {
      timeless =
        timeless.take() ?? Planner(topology: topology, grid: TimeGrid(zones: [TimeGrid.Zone(step: 1, buckets: 8)]))
      return timeless?.plan(input.view, input.gangs)
    }
    planner = planner.take() ?? QuickPlanner(topology: topology, grid: grid)
    lastRound = input.number
    return planner?.plan(input.view, input.gangs)
  }
}

extension Controller {
  /// When time alone may let a job start, or something is to be told: a host that does not tick all the time sends a `tick` then.
  public var nextStart: Instant { min(nextLook, keptDue) }

  /// Whether a round would say something new.
  public var wantsPlan: Bool { (isPlanOld || rotation.left > 0) && !isQuiet }

  /// For a round that starts now; nil if nothing has changed since the last one was taken.
  public mutating func takePlanningInput() -> PlanningInput? {
    guard wantsPlan else { return nil }
    let isNew = isPlanOld
    isPlanOld = false
    since = SinceRound()
    // Nobody waits for a place. (A fleet of tens of thousands may be joining: its map is made when it is needed.)
    guard cluster.pending.contains(where: { cluster.jobs[$0].devicesPerNode > 0 }) else {
      rotation.end()
      kept.now = []
      return nil
    }
    refreshMap()
    // No node with devices is known: there is nothing to plan.
    guard let topology = fleetMap.topology else {
      rotation.end()
      return nil
    }
    var builder = ViewBuilder(map: fleetMap, cluster: cluster)
    for i in cluster.nodes.indices where free(NodeID(Int32(i))) != nil { builder.serve(i, cluster) }
    var book = quotaBook(topology)
    for claim in claims where planted != .keptPlaceGivenAway {
      guard let slot = cluster.slot(of: claim.job) else { continue }
      let account = account(slot, &book)
      builder.run(claim.places, cluster, end: walltimeEnd(slot), account: account)
    }
    for slot in cluster.active {
      let account = account(cluster.attempts[slot].jobSlot, &book)
      let first = builder.running.count
      builder.run(cluster.attemptPlaces[Int(slot)], cluster, end: plannedEnd(slot), account: account)
      builder.entries.append((slot, first..<builder.running.count))
    }
    builder.finish(cluster, now: now)
    since.isMore = false
    roundsTaken += 1
    var input = PlanningInput(
      map: fleetMap, mapVersion: mapVersion, view: PlanningView(now: now, nodesInService: builder.nodesInService))
    for i in builder.isServing.indices where !builder.isServing[i] && fleetMap.isPart(i) {
      if input.away.count < PlanningInput.mostAway { input.away.append(Int32(i)) }
    }
    input.number = roundsTaken
    input.attempts = builder.entries.map { RunningAttempt(id: cluster.attemptID($0.attempt), entries: $0.running) }
    input.view.running = builder.running
    input.view.sharedNodes = builder.shared
    input.view.maintenance = maintenanceWindows(builder)
    // Finer than the buckets of a round.
    for window in fleetMap.windows where window.to > now { nextLook = min(nextLook, window.to) }
    input.view.mode = limits.planning
    input.view.victims = victims(builder, book.tree)
    builder.note(input.view.victims, cluster)
    addJobs(to: &input, builder, &book, isNew: isNew)
    input.view.quotas = book.rules
    input.labels = book.labels
    return input
  }

  /// What the last round said of the fleet as it still is.
  func wasNever(_ job: JobID) -> Bool {
    // Asked for every job of every round: mostly nothing has to be looked up, and the plan is not copied.
    guard lastPlan?.hasNever == true, lastPlan?.mapVersion == mapVersion, let i = lastPlan?.entries[job] else {
      return false
    }
    return lastPlan?.round?.isNever(i) ?? false
  }

  /// The last round found no start for it.
  func hadNoPlace(_ job: JobID) -> Bool {
    guard lastPlan?.mapVersion == mapVersion, let i = lastPlan?.entries[job], lastPlan?.round != nil else {
      return false
    }
    return lastPlan?.round?.start(i) == nil
  }

  /// Derived anew when nodes or declarations have changed.
  mutating func refreshMap() {
    guard isMapOld else { return }
    isMapOld = false
    fleetMap = FleetMap(cluster)
    // Another one in each life of the controller: a round of an earlier one is not taken for this one's.
    mapVersion = max(mapVersion, Int(cluster.epoch) << 24) + 1
  }

  func plannedEnd(_ slot: Int32) -> Instant {
    let attempt = cluster.attempts[slot]
    if attempt.phase == .stopping { return stoppedBy(slot) }
    return walltimeEnd(attempt.jobSlot)
  }

  /// When the last of an attempt that is being stopped is surely gone.
  func stoppedBy(_ slot: Int32) -> Instant {
    let attempt = cluster.attempts[slot]
    guard attempt.phase == .stopping else { return now }
    let spec = cluster.specs[Int(attempt.jobSlot)]
    return max(now, attempt.endingAt + stopOrder(attempt.outcome, spec).grace)
  }

  /// What a job asks for, of any time and project.
  func shape(_ spec: JobSpec) -> PendingGang {
    var gang = PendingGang(nodes: spec.role.nodes, devicesPerNode: spec.role.devicesPerNode, walltime: nil)
    gang.mayMix = true
    let wishes = spec.wishes
    guard !wishes.isEmpty else { return gang }
    gang.segment = planted == .segmentSplit ? 1 : wishes.segment
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
}
