/// What a job waits for, without its words: the kind of the first cause that `why` names. Closed, so that whatever counts
/// by it stays small: a job's own texts, names and numbers never get in here.
public enum WaitKind: String, CaseIterable, Hashable, Sendable {
  case held, dependency, dependencyNever, begin, arrayLimit, quota, topology, pausing, stopping, preempting
  case nodesBusy, priority, constraint, maintenance, health, deviceType, fleetTooSmall
  /// The scheduler looks at it in its next round.
  case planning
  /// It asks for no devices and no round plans it: nodes that take it are not there now.
  case noDevices
  /// So many are before it that it was not looked at for this count.
  case notCounted
}

extension Unready {
  var kind: WaitKind {
    switch self {
    case .held: .held
    case .dependency, .singleton: .dependency
    case .dependencyNever: .dependencyNever
    case .notBefore: .begin
    case .arrayLimit: .arrayLimit
    case .jobLimit: .quota
    case .noSuchLevel: .topology
    case .pausing: .pausing
    case .quiet: .stopping
    }
  }
}

extension NeverReason {
  var waitKind: WaitKind {
    switch self {
    case .deviceTypeMissing: .deviceType
    case .tooFewDevicesPerNode, .fleetTooSmall: .fleetTooSmall
    case .segmentTooLarge, .scopeTooSmall, .segmentDoesNotDivide, .rolesTogether: .topology
    case .quotaTooSmall: .quota
    case .tooFewMatch: .constraint
    }
  }
}

extension WaitCause {
  var waitKind: WaitKind {
    switch self {
    case .nodesBusy, .devicesBusy: .nodesBusy
    case .topology: .topology
    case .quota: .quota
    case .heldAhead: .priority
    case .filter: .constraint
    case .maintenance: .maintenance
    case .outOfService: .health
    case .notBefore: .begin
    }
  }
}

extension Controller {
  /// What a pending job waits for, cheaply enough for thousands of them at once: what the last round found of it, and no
  /// sentence is made. What has changed since that round shows after the next one.
  public func waitKind(_ slot: Int32) -> WaitKind {
    let job = cluster.jobs[slot]
    if isQuiet { return .stopping }
    if job.isHeld { return .held }
    if let plan = lastPlan, let place = plan.entries[job.id], plan.jobs[place].attempt == job.attempt {
      return claims.contains { $0.job == job.id } ? .preempting : kind(of: place, in: plan)
    }
    // A singleton that no round has looked at waits for its namesake; to look for that one would be a walk along the queue.
    let isSingleton = cluster.specs[Int(slot)].wishes.dependsOn.contains { $0.kind == .singleton }
    if isSingleton, job.attempt == 0 { return .dependency }
    if let why = unready(slot) { return why.kind }
    if claims.contains(where: { $0.job == job.id }) { return .preempting }
    if job.devicesPerNode == 0 { return .noDevices }
    if !cluster.nodes.contains(where: { $0.devices > 0 }) { return .fleetTooSmall }
    if arrayRoom(slot) != nil { return .arrayLimit }
    return lastPlan?.isCut == true ? .priority : .planning
  }

  private func kind(of first: Int, in plan: borrowing Plan) -> WaitKind {
    guard let round = plan.round else { return .planning }
    let entry = round.entries[first]
    switch entry.kind {
    case .now, .preempting: return .planning
    case .behind: return .priority
    case .never: return entry.count > 0 ? round.reasons[Int(entry.first)].waitKind : .planning
    case .later, .beyondHorizon: break
    }
    let end = plan.gangs[(first + 1)...].prefix { $0.joins }.endIndex
    let causes = (first..<end).flatMap { round.causes($0, plan.gangs[$0]) }
    // Of several roles the one that lacks something: that its place is not held long enough is so because of the others.
    let first = end > first + 1 ? causes.first { if case .heldAhead = $0 { false } else { true } } : causes.first
    return first?.waitKind ?? .priority
  }
}
