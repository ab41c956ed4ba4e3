/// What has happened since the last round's view was taken, as far as it decides whether anybody may start before the next one:
/// if jobs ended and nothing else has changed, what they leave is offered at once (`Planner.startQuickly`).
struct SinceRound: Sendable {
  /// Their jobs may go on all the same.
  var ended: [AttemptID] = []
  /// They have begun to, and the round did not know: a whole one may count on what they leave sooner.
  var ending: Set<AttemptID> = []
  /// Something else: only a whole round says who starts.
  var isMore = true
  /// The round's starts are not all where, or over when, it has them.
  var hasStrayed = false
  /// What ended has been offered: the next round is a whole one, though more end meanwhile.
  var wasOffered = false
  /// By lane behind the shared nodes of the round's view: the node that its starts opened.
  var opened: [Int32: NodeID] = [:]
  /// Jobs, and arrays by their first, whose end lets others have their turn that the round did not list. Asked, never
  /// iterated.
  var awaited: Set<JobID> = []

  mutating func see(_ event: Fact.Event) {
    switch event {
    case .attemptEnding(let begun): ending.insert(begun.attempt)
    case .attemptEnded(let end):
      ending.remove(end.attempt)
      ended.append(end.attempt)
    // It waited: what was promised to it is nobody's.
    case .jobEnded(let end): if !ended.contains(where: { $0.job == end.job }) { isMore = true }
    case .jobCancelRequested, .gangStarted, .stepsBegan, .attemptWarned, .statusTold, .checkpointCommitted, .faultFound,
      .memberStopped, .keysForgotten, .joinTokenCreated, .joinTokensForgotten, .jobArchived,
      .silenceWithheld, .placesKept:
      break
    case .controllerStarted, .nodeJoined, .nodeReturned, .nodeSuspected, .nodeIsolated, .nodeCleared,
      .nodeDrainRequested, .nodeResumed, .nodeFenced, .nodeRevoked, .nodeLabelled, .jobSubmitted, .jobHeld,
      .jobReleased, .attemptStarted, .attemptPreempted, .policyApplied, .maintenanceAdded, .maintenanceRemoved:
      isMore = true
    }
  }

  /// A job is not listed.
  mutating func leftOut(_ why: Unready) {
    switch why {
    case .dependency(let dependency, _), .dependencyNever(let dependency, _): awaited.insert(dependency.job)
    case .singleton(let other): awaited.insert(other)
    case .arrayLimit(let array, _, _): awaited.insert(array)
    case .held, .notBefore, .jobLimit, .noSuchLevel, .pausing, .quiet: break
    }
  }
}

/// What became free since a round.
public struct QuickInput: Sendable {
  var round: Int
  var mapVersion: Int
  var now: Instant
  var freed: [QuickPlanner.Freed]
}

/// Who starts before the next whole round, as it comes back to the writer.
public struct QuickPlan: Sendable {
  /// The round that it goes on from.
  var round: Int
  var quick: QuickRound
}

/// What a planner is given: between two whole rounds what became free, if that is all that has changed.
public enum RoundInput: Sendable {
  case whole(PlanningInput)
  case quick(QuickInput)
}

extension Scheduler {
  /// - Returns: what the writer is told.
  public mutating func plan(_ input: consuming RoundInput) -> Command {
    switch input {
    case .whole(let input): .commitPlan(plan(input))
    case .quick(let input): .commitQuick(plan(input))
    }
  }

  /// Once after each round, and before the next one.
  public mutating func plan(_ input: QuickInput) -> QuickPlan {
    guard input.round == lastRound, input.mapVersion == mapVersion else {
      return QuickPlan(round: input.round, quick: QuickRound(now: input.now, grid: grid))
    }
    let nobody = QuickRound(now: input.now, grid: grid)
    return QuickPlan(round: input.round, quick: planner?.quick(input.freed, now: input.now) ?? nobody)
  }
}

extension Controller {
  /// For a round that starts now, one at a time; nil if nothing has changed since the last one was taken. After a quick one the
  /// whole round follows.
  public mutating func takeRound() -> RoundInput? {
    if let input = takeQuickInput() { return .quick(input) }
    return takePlanningInput().map { .whole($0) }
  }

  /// What became free since the last round, if that is all that has changed; nil: the next whole round says who starts.
  public mutating func takeQuickInput() -> QuickInput? {
    guard isPlanOld, !isQuiet, !since.isMore, !since.hasStrayed, !since.wasOffered, !since.ended.isEmpty,
      since.ending.isEmpty, claims.isEmpty, !isMapOld,
      limits.planning.promisesAll, let plan = lastPlan, plan.number == roundsTaken, plan.mapVersion == mapVersion,
      plan.round != nil
    else { return nil }
    let ended = since.ended
    since.ended = []
    var freed: [QuickPlanner.Freed] = []
    for attempt in ended {
      guard let slot = cluster.attemptSlot(attempt), isOver(slot) else { return nil }
      // Without devices it is in no round.
      guard cluster.attemptPlaces[Int(slot)].contains(where: { $0.devices != 0 }) else { continue }
      guard let item = freedPlace(attempt, plan) else { return nil }
      freed.append(item)
    }
    guard !freed.isEmpty else { return nil }
    since.wasOffered = true
    return QuickInput(round: plan.number, mapVersion: mapVersion, now: now, freed: freed)
  }

  /// All of its place is free, its job does not go on, and nobody was kept from his turn by it.
  private func isOver(_ attempt: Int32) -> Bool {
    let slot = cluster.attempts[attempt].jobSlot
    let id = cluster.jobs[slot].id
    guard cluster.jobs[slot].state.isFinal, !since.awaited.contains(id) else { return false }
    if let array = cluster.specs[Int(slot)].wishes.array, since.awaited.contains(array.array(of: id)) { return false }
    return cluster.attemptPlaces[Int(attempt)].allSatisfy { $0.devices & ~(free($0.node) ?? 0) == 0 }
  }

  /// Where the round has it; nil: not alone, or nowhere.
  private func freedPlace(_ attempt: AttemptID, _ plan: Plan) -> QuickPlanner.Freed? {
    if let entries = plan.attempts.first(where: { $0.id == attempt })?.entries { return .running(entries) }
    guard let i = plan.entries[attempt.job], plan.jobs[i].attempt + 1 == attempt.number, plan.round?.bucket(i) == 0,
      i + 1 == plan.gangs.count || !plan.gangs[i + 1].joins
    else { return nil }
    return .started(i)
  }

  /// Starts whom the planner let start, if still nothing but ends has happened; the whole round looks at all others.
  mutating func commitQuick(_ plan: consuming QuickPlan) {
    guard !since.isMore, claims.isEmpty, !isMapOld, let topology = fleetMap.topology, let last = lastPlan,
      last.number == plan.round, last.mapVersion == mapVersion
    else { return }
    var choice = NodeChoice(
      topology: topology, index: fleetMap.index, nodeCount: cluster.nodes.count, opened: since.opened)
    var quotas = plan.quick.gangs.isEmpty ? nil : quotaCount()
    for (answer, i) in plan.quick.gangs.enumerated() {
      guard case .startsNow(_, let place) = plan.quick.round.answer(answer) else { continue }
      let start = Starting(job: last.jobs[i], gangs: [(last.jobs[i].role, place)], mayReturn: false, isTooLate: false)
      // Those behind may have what was promised to it: if it does not start, nor do they.
      guard !plan.quick.round.isTooLate(last.gangs[i].walltime, at: now),
        startPlanned(start, last.view.sharedNodes, &choice, &quotas), hasStarted(start.job)
      else { return }
    }
  }

  private func hasStarted(_ job: Plan.Job) -> Bool {
    cluster.slot(of: job.id).map { cluster.jobs[$0].attempt > job.attempt } ?? false
  }
}
