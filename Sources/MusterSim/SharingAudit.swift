import MusterCore

/// Who uses what, recounted from the facts alone, and what the policy in force lets whom use. The rules are written a
/// second time here, by names and sums instead of rows and chains.
///
/// What it does not hold against a start: a restart at once after a fault, which had its place; devices that a job without
/// devices gets because it asked to be alone.
struct SharingAudit: Sendable {
  struct Live: Sendable {
    var job: Int64
    var project: String
    var user: String
    var priority: Int32
    var places: [Place]
    /// It gives way to another: its place is that one's already.
    var givesWay = false
  }

  private(set) var specs: [Int64: JobSpec] = [:]
  /// Started and not ended.
  var live: [AttemptID: Live] = [:]
  /// Jobs that have neither ended nor an attempt that has not.
  private(set) var waiting: Set<Int64> = []
  private(set) var held: Set<Int64> = []
  private(set) var policy = Policy()
  private var outcomes: [AttemptID: Outcome] = [:]
  /// By job: when its last attempt ended, if by a fault.
  private var faultedAt: [Int64: Instant] = [:]
  private(set) var devicesOfNode: [Int] = []
  private var machines: [String] = []
  private var names: [String] = []
  private var labels: [[Label]] = []
  private var revoked: Set<String> = []
  var preemptions: PreemptionAudit
  var promises = PromiseAudit()

  init(minimumRun: Span) { preemptions = PreemptionAudit(minimumRun: minimumRun) }

  mutating func check(_ fact: Fact) -> Failure? {
    if let broken = settlePreemptions(before: fact) { return broken }
    seePromises(fact)
    switch fact.event {
    case .nodeJoined(let joined):
      devicesOfNode.append(Int(joined.devices))
      machines.append(joined.machine)
      names.append(joined.name)
      labels.append([])
    case .nodeLabelled(let node, let new): labels[Int(node.index)] = new
    case .nodeReturned(let joined):
      devicesOfNode[Int(joined.node.index)] = Int(joined.devices)
      machines[Int(joined.node.index)] = joined.machine
    case .nodeRevoked(_, let machine): revoked.insert(machine)
    case .policyApplied(let new): policy = new
    case .jobSubmitted(let submitted):
      specs[submitted.job.number] = submitted.spec
      waiting.insert(submitted.job.number)
      if submitted.spec.wishes.isHeld { held.insert(submitted.job.number) }
    case .jobHeld(let job): held.insert(job.number)
    case .jobReleased(let job): held.remove(job.number)
    case .jobEnded(let end): waiting.remove(end.job.number)
    case .attemptStarted(let start): return self.start(start, at: fact.at)
    case .attemptEnding(let ending):
      let isFirst = outcomes.updateValue(ending.outcome, forKey: ending.attempt) == nil
      guard ending.outcome == .preempted, isFirst else { break }
      let broken = preempted(ending.attempt, at: fact.at)
      live[ending.attempt]?.givesWay = true
      return broken
    case .attemptEnded(let end):
      let job = end.attempt.job.number
      let outcome = outcomes[end.attempt]
      faultedAt[job] = outcome == .jobFault || outcome == .nodeFault ? fact.at : nil
      live[end.attempt] = nil
      waiting.insert(job)
    default: break
    }
    return nil
  }

  private mutating func start(_ start: AttemptStarted, at: Instant) -> Failure? {
    let job = start.attempt.job.number
    guard let spec = specs[job] else { return nil }
    let isRestart = faultedAt[job] == at
    let why = isRestart ? nil : quotaBroken(by: spec, devices(start.places))
    let unneeded = startedAfterPreemption(start, at: at)
    let promise = promiseAtStake(job, isRestart: isRestart)
    // What one takes of a quota may be what another was to have.
    if !policy.projects.isEmpty { connectionChanged() }
    waiting.remove(job)
    live[start.attempt] = Live(
      job: job, project: spec.project, user: spec.user, priority: spec.priority, places: start.places)
    if let why { return Failure(invariant: .quotaHolds, detail: "\(start.attempt) \(why)", job: job) }
    return unneeded ?? promise.flatMap { promiseBroken($0, by: start.attempt, at: at) }
  }

  /// What a job asks for lets it have the node.
  func mayHave(_ wishes: Wishes, _ node: NodeID) -> Bool {
    let i = Int(node.index)
    return !wishes.exclude.contains(names[i])
      && wishes.constraint.allSatisfy { rule in labels[i].first { $0.key == rule.key }?.value == rule.value }
  }

  // MARK: Quotas

  private func devices(_ places: [Place]) -> Int {
    places.reduce(0) { sum, place in
      // A device that the node came back without is nobody's.
      let there = devicesOfNode[Int(place.node.index)]
      let mask = there >= 64 ? UInt64.max : (1 << UInt64(there)) - 1
      return sum + (place.devices & mask).nonzeroBitCount
    }
  }

  /// From a project to its root; empty for one that nobody declared.
  func wayUp(_ name: String) -> [ProjectPolicy] {
    var way: [ProjectPolicy] = []
    var next = name
    while let project = policy.projects.first(where: { $0.name == next }) {
      way.append(project)
      next = project.parent
    }
    return way
  }

  func isBelow(_ name: String, _ project: String) -> Bool { wayUp(name).contains { $0.name == project } }

  /// Why a job may not start now, wherever it is placed; nil if its quotas let it. One that is alone on its nodes has at
  /// least the devices of the smallest ones that it may have.
  func neverAllowed(_ job: Int64) -> String? {
    guard let spec = specs[job] else { return nil }
    let sizes = devicesOfNode.indices.filter { !revoked.contains(machines[$0]) }.map { devicesOfNode[$0] }.sorted()
    let gangs = [(spec.role, spec.wishes)] + spec.further.map { ($0.role, $0.wishes) }
    let devices = gangs.reduce(0) { sum, gang in
      let (nodes, each) = (Int(gang.0.nodes), Int(gang.0.devicesPerNode))
      return sum + (gang.1.isExclusive ? sizes.filter { $0 >= each }.prefix(nodes).reduce(0, +) : nodes * each)
    }
    return quotaBroken(by: spec, devices)
  }

  private func quotaBroken(by spec: JobSpec, _ devices: Int) -> String? {
    guard !policy.projects.isEmpty else { return nil }
    for project in wayUp(spec.project) {
      for (limits, user) in [(project.limits, nil), (project.userLimits, spec.user)] {
        let others = live.values.filter { isBelow($0.project, project.name) && (user == nil || $0.user == user) }
        let who = user.map { "user \($0) of \(project.name)" } ?? "project \(project.name)"
        if let most = limits.runningJobs, others.count + 1 > Int(most) {
          return "starts while \(others.count) jobs of \(who) run, and \(most) may"
        }
        let used = others.reduce(0) { $0 + self.devices($1.places) }
        if let most = limits.devices, devices > 0, used + devices > Int(most) {
          return "takes \(devices) devices, \(who) has \(used), and may have \(most)"
        }
      }
    }
    return devices > 0 ? borrowBroken(by: spec, devices) : nil
  }

  /// Guarantees, what may be borrowed, what others do not lend.
  private func borrowBroken(by spec: JobSpec, _ devices: Int) -> String? {
    for project in wayUp(spec.project) {
      guard let quota = quota(project), let borrow = quota.borrowLimit else { continue }
      let (before, after) = (counted(project.name), counted(project.name, spec.project, devices))
      let most = Int(quota.guaranteed) + Int(borrow)
      if after > before, after > most {
        return "lets project \(project.name) use \(after) with what is kept in it; it may \(most)"
      }
    }
    guard policy.projects.contains(where: { quota($0)?.lendLimit != nil }) else { return nil }
    let capacity = devicesOfNode.indices.reduce(0) { $0 + (revoked.contains(machines[$1]) ? 0 : devicesOfNode[$1]) }
    let (before, after) = (counted(""), counted("", spec.project, devices))
    return after > before && after > capacity
      ? "uses what others do not lend: \(after) with what is kept, of \(capacity)" : nil
  }

  private func quota(_ project: ProjectPolicy) -> DeviceQuota? { project.quotas.first { $0.deviceType.isEmpty } }

  private func kept(_ project: ProjectPolicy) -> Int {
    guard let quota = quota(project), let lend = quota.lendLimit else { return 0 }
    return max(0, Int(quota.guaranteed - lend))
  }

  /// What a project uses, where each of its children counts for what it does not lend at least; "" is the root, with all
  /// that nobody declared. `more` devices of `of` on top.
  private func counted(_ name: String, _ of: String = "", _ more: Int = 0) -> Int {
    func isOwn(_ project: String) -> Bool {
      name.isEmpty ? !policy.projects.contains { $0.name == project } : project == name
    }
    var sum = live.values.reduce(0) { $0 + (isOwn($1.project) ? devices($1.places) : 0) }
    if more > 0, isOwn(of) { sum += more }
    for child in policy.projects where child.parent == name { sum += max(counted(child.name, of, more), kept(child)) }
    return sum
  }

  /// What is guaranteed to a project: as stated, else what its children have.
  func guaranteed(_ project: ProjectPolicy) -> Int {
    if let quota = quota(project) { return Int(quota.guaranteed) }
    return policy.projects.filter { $0.parent == project.name }.reduce(0) { $0 + guaranteed($1) }
  }

  /// Devices of what runs in a project and does not give way.
  func use(_ project: ProjectPolicy) -> Int {
    live.values.reduce(0) { sum, one in
      one.givesWay || !isBelow(one.project, project.name)
        ? sum : sum + one.places.reduce(0) { $0 + $1.devices.nonzeroBitCount }
    }
  }
}
