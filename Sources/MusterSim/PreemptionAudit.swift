import MusterCore

/// Whether those who had to give way had to, judged from the facts alone.
///
/// No fact says for whom an attempt is stopped: judged are all jobs that wait at that moment and may take its place. What is
/// not held against a start or a missing one: a controller's restart, a new policy, anything that happens to a node or to an
/// agent's connection meanwhile (each takes a kept place away), and a job that is cancelled or held.
struct PreemptionAudit: Sendable {
  struct Stop: Sendable {
    var attempt: AttemptID
    var places: [Place]
    /// Who may take its place.
    var candidates: Set<Int64>
    var disturbances: Int
    var hasEnded = false
    /// One of them has started since.
    var served = false
    var isExcused = false
  }

  let minimumRun: Span
  var stops: [Stop] = []
  /// Attempts that are being stopped: a place may wait for them, too, whoever stopped them.
  var ending: Set<AttemptID> = []
  /// Jobs that wait for a place that others are leaving. The core's memory, not a fact.
  var kept: Set<Int64> = []
  /// Counts what may take a kept place away.
  var disturbances = 0
  /// By job: its last start after a preemption.
  var restartedAt: [Int64: Instant] = [:]
  var wasPreempted: Set<Int64> = []
  /// Those that were stopped in one instant: how many devices of which project.
  var groupAt: Instant = .zero
  var group: [(project: String, devices: Int)] = []
  /// Preemptions since anything but a preemption and its starts happened.
  var inARow = 0
  var lastAt: Instant = .zero

  init(minimumRun: Span) { self.minimumRun = minimumRun }
}

extension SharingAudit {
  /// An agent's connection came or went: no fact says so, and a place on its node is lost.
  mutating func connectionChanged() { preemptions.disturbances += 1 }

  /// Before or after the command at hand: what is kept for a project counts as its use.
  mutating func placesKept(for jobs: Set<Int64>) { preemptions.kept = jobs }

  // MARK: When it is stopped

  mutating func preempted(_ attempt: AttemptID, at: Instant) -> Failure? {
    guard let victim = live[attempt] else { return nil }
    func broken(_ invariant: Invariant, _ text: String) -> Failure {
      Failure(invariant: invariant, detail: "\(attempt) \(text)", job: victim.job)
    }
    if let since = preemptions.restartedAt[victim.job], at - since < preemptions.minimumRun {
      return broken(
        .preemptionIsDue, "is stopped \((at - since).milliseconds) ms after it came back from being stopped for another"
      )
    }
    if preemptions.groupAt != at {
      preemptions.groupAt = at
      preemptions.group = []
    }
    let devices = victim.places.reduce(0) { $0 + $1.devices.nonzeroBitCount }
    preemptions.group.append((victim.project, devices))
    let candidates = waiting.filter { mayTakePlace($0, of: victim, at: at) }
    guard !candidates.isEmpty else {
      return broken(.preemptionIsDue, "is stopped, and nobody who waits may take its place")
    }
    preemptions.inARow += 1
    // Each of those that run may have to go for one of those that wait, once; a place that is lost makes another round of it.
    let most = 2 * (waiting.count + live.count)
    guard preemptions.inARow <= most else {
      return broken(.noPreemptionCycle, "is stopped as number \(preemptions.inARow), and nothing else has happened")
    }
    preemptions.wasPreempted.insert(victim.job)
    preemptions.stops.append(
      PreemptionAudit.Stop(
        attempt: attempt, places: victim.places, candidates: candidates, disturbances: preemptions.disturbances))
    return nil
  }

  private func mayTakePlace(_ job: Int64, of victim: Live, at: Instant) -> Bool {
    guard let spec = specs[job], !held.contains(job), asked(spec) > 0,
      spec.wishes.begin <= at
    else {
      return false
    }
    // A node that it may not have is of no use to it; what the other uses of a quota may be.
    let mayUse = ([spec.wishes] + spec.further.map(\.wishes)).contains { wishes in
      victim.places.contains { mayHave(wishes, $0.node) }
    }
    guard mayUse || mayShareQuota(job, victim.job) else { return false }
    let preempts = policy.priorities.first { $0.name == spec.wishes.priorityClass }?.preempts ?? true
    let isHigher = preempts && spec.priority > victim.priority
    if spec.project == victim.project { return isHigher }
    let (own, other) = branches(spec.project, victim.project)
    if let other, !isOver(other) { return false }
    guard let own, guaranteed(own) > 0 else { return isHigher }
    let asked = asked(spec)
    return isHigher || use(own) + asked <= guaranteed(own)
  }

  /// Devices of roles that ask for some. Alone on its nodes a gang has all of theirs: those of the smallest nodes that hold
  /// it, or at the most of the largest.
  private func asked(_ spec: JobSpec, most: Bool = false) -> Int {
    ([(spec.role, spec.wishes)] + spec.further.map { ($0.role, $0.wishes) }).reduce(0) { sum, gang in
      let (nodes, each) = (Int(gang.0.nodes), Int(gang.0.devicesPerNode))
      guard each > 0, gang.1.isExclusive else { return sum + nodes * each }
      let sizes = devicesOfNode.filter { $0 >= each }
      return sum + nodes * ((most ? sizes.max() : sizes.min()) ?? each)
    }
  }

  /// Where the ways up of two projects have parted.
  private func branches(_ a: String, _ b: String) -> (ProjectPolicy?, ProjectPolicy?) {
    let (x, y) = (wayUp(a), wayUp(b))
    return (
      x.last { step in !y.contains { $0.name == step.name } }, y.last { step in !x.contains { $0.name == step.name } }
    )
  }

  /// More than its guarantee, whichever of those that stop in this instant goes last; with what is kept for jobs of its own
  /// for which others have been stopped.
  private func isOver(_ project: ProjectPolicy) -> Bool {
    let guaranteed = guaranteed(project)
    guard guaranteed > 0 else { return true }
    let mine = preemptions.group.filter { isBelow($0.project, project.name) }.map(\.devices)
    // `use` has the one at hand still in it, and those before it in this instant not.
    let before = use(project) + mine.reduce(0, +) - (mine.last ?? 0)
    let kept = Set(preemptions.stops.flatMap(\.candidates)).union(preemptions.kept).reduce(0) { sum, job in
      guard let spec = specs[job], waiting.contains(job), isBelow(spec.project, project.name) else { return sum }
      return sum + asked(spec, most: true)
    }
    return before - mine.reduce(0, +) + (mine.max() ?? 0) + kept > guaranteed
  }

  // MARK: What comes of it

  /// Looks at what earlier instants left, and counts what may take places away.
  mutating func settlePreemptions(before fact: Fact) -> Failure? {
    var broken: Failure?
    if fact.at > preemptions.lastAt {
      broken = unserved()
      preemptions.lastAt = fact.at
    }
    switch fact.event {
    case .controllerStarted, .nodeJoined, .nodeReturned, .nodeSuspected, .nodeIsolated, .nodeCleared,
      .nodeDrainRequested, .nodeResumed, .nodeFenced, .nodeRevoked, .nodeLabelled, .policyApplied, .maintenanceAdded,
      .maintenanceRemoved, .placesKept:
      preemptions.disturbances += 1
      preemptions.inARow = 0
    case .jobSubmitted, .faultFound, .jobReleased: preemptions.inARow = 0
    case .jobHeld(let job), .jobCancelRequested(let job): excuse(job.number)
    case .jobEnded(let end):
      preemptions.inARow = 0
      excuse(end.job.number)
    case .attemptEnding(let ending): preemptions.ending.insert(ending.attempt)
    case .attemptEnded(let end):
      preemptions.ending.remove(end.attempt)
      for i in preemptions.stops.indices where preemptions.stops[i].attempt == end.attempt {
        preemptions.stops[i].hasEnded = true
      }
    default: break
    }
    return broken
  }

  private mutating func excuse(_ job: Int64) {
    for i in preemptions.stops.indices where preemptions.stops[i].candidates.contains(job) {
      preemptions.stops[i].isExcused = true
    }
  }

  /// When all that were stopped have ended, somebody for whom they may have been stopped has started.
  private mutating func unserved() -> Failure? {
    let now = preemptions.disturbances
    preemptions.stops.removeAll { $0.hasEnded && ($0.isExcused || $0.served || $0.disturbances != now) }
    guard preemptions.ending.isEmpty else { return nil }
    guard let first = preemptions.stops.first, preemptions.stops.allSatisfy(\.hasEnded) else { return nil }
    return Failure(
      invariant: .preemptionServes,
      detail:
        "\(first.attempt) was stopped, and nobody who may take its place has started: \(first.candidates.sorted())",
      job: first.attempt.job.number)
  }

  mutating func startedAfterPreemption(_ start: AttemptStarted, at: Instant) -> Failure? {
    let job = start.attempt.job.number
    if preemptions.wasPreempted.remove(job) != nil { preemptions.restartedAt[job] = at }
    var unneeded: AttemptID?
    for i in preemptions.stops.indices where preemptions.stops[i].candidates.contains(job) {
      let stop = preemptions.stops[i]
      preemptions.stops[i].served = true
      // If others might have been meant, nobody can say whose place it was.
      guard stop.candidates.count == 1, !stop.isExcused, stop.disturbances == preemptions.disturbances else { continue }
      if !overlaps(stop.places, start.places), !mayShareQuota(job, stop.attempt.job.number) { unneeded = stop.attempt }
    }
    return unneeded.map {
      Failure(
        invariant: .preemptionServes,
        detail: "\($0) was stopped for \(start.attempt), which takes none of its nodes: \(start.places)",
        job: $0.job.number)
    }
  }

  private func overlaps(_ a: [Place], _ b: [Place]) -> Bool {
    // Also one of a node of which the other needs the rest: gangs of several nodes are made room for by whole nodes.
    a.contains { place in b.contains { $0.node == place.node } }
  }

  /// Something limits both together.
  private func mayShareQuota(_ a: Int64, _ b: Int64) -> Bool {
    guard let x = specs[a], let y = specs[b] else { return false }
    if policy.projects.contains(where: { $0.quotas.contains { $0.lendLimit != nil } }) { return true }
    let common = wayUp(x.project).filter { isBelow(y.project, $0.name) }
    return common.contains { project in
      project.limits != UseLimits() || project.userLimits != UseLimits()
        || project.quotas.contains { $0.borrowLimit != nil }
    }
  }
}
