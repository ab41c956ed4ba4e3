public import MusterCore

/// What is simulated, and how.
public struct SimSettings: Sendable {
  public var fleet: SimFleet
  public var trace: Trace
  public var policy: SimPolicy
  /// Projects and priorities; where nodes stand is the fleet's to say.
  public var declared = Policy()
  public var faults: FaultModel?
  /// Milliseconds of work between two checkpoints, whole seconds; 0: none, who is stopped starts over.
  public var checkpointMilliseconds: Int64 = 0
  /// Milliseconds from the start of every attempt but a job's first until its work goes on.
  public var restartMilliseconds: Int64 = 0
  public var seed: UInt64 = 1
  /// The host takes the facts with `takeFacts`, and writes them down.
  public var keepsFacts = false

  public init(fleet: SimFleet, trace: Trace, policy: SimPolicy) {
    self.fleet = fleet
    self.trace = trace
    self.policy = policy
  }
}

/// The production core in virtual time over a trace: every node, shim and rank is pretended, every decision is real.
///
/// Nothing happens between two events: no beats, no ticks by the clock, no checkpoints one by one. The host calls
/// `advance` until it answers false.
public struct Simulation: ~Copyable {
  let settings: SimSettings
  let jobs: [TraceJob]
  var controller: Controller
  private var scheduler: Scheduler
  /// The next tick that was asked for.
  private var tickAt: Int64 = 0
  /// By milliseconds since 1970.
  var events = Timeline<SimEvent>()
  var chores = Chores()
  var faults: FaultStream?
  var runs: [JobRun]
  /// Where each job's attempt runs, in rank order.
  var places: [[Place]]
  var nodes: [NodeRun]

  /// Milliseconds since 1970.
  var now: Int64
  public let begin: Int64
  /// Later than this nothing is looked at: a job that never gets through would run for ever.
  let limit: Int64
  /// The next job to submit.
  var next = 0
  /// By number of a job in the core, from 1: its place in the trace.
  private var indexOfJob: [Int32] = []
  /// What the core refused as impossible.
  private(set) var refused: [RejectedRow] = []
  var unended = 0
  public private(set) var isDone = false

  // Levels, kept from fact to fact.
  var level: UseOverTime.Piece
  public internal(set) var accounts = Accounts()
  /// What the ledger should find in the facts: the simulator knows it without them. Rounded-up devices count as the
  /// job's, and what is kept for a gang as free.
  public internal(set) var truth = AccountTotals()
  public internal(set) var use: UseOverTime
  /// Of `redone` and `starting`: through preemption.
  var lostToPreemption: Int64 = 0
  var faultCounts: [Int]
  private var facts: [Fact] = []

  /// Whether jobs say each checkpoint when they have it: what a preemption would cost depends on it. Else they say it when
  /// something ends their attempt.
  let tellsCheckpoints: Bool

  public init(_ settings: SimSettings) {
    self.settings = settings
    jobs = settings.trace.jobs
    tellsCheckpoints =
      settings.checkpointMilliseconds > 0 && settings.policy.planning.preemptions > 0
      && (settings.policy.planning.turns != nil || Self.hasPriorities(settings.trace.jobs)
        || !settings.declared.projects.isEmpty)
    begin = settings.trace.beginMilliseconds
    now = begin
    runs = [JobRun](repeating: JobRun(), count: jobs.count)
    places = [[Place]](repeating: [], count: jobs.count)
    nodes = settings.fleet.groups.flatMap { [begin] group in
      [NodeRun](repeating: NodeRun(devices: group.devicesPerNode, since: begin), count: Int(group.nodes))
    }
    faults = settings.faults.map { FaultStream($0, fleet: settings.fleet, seed: settings.seed) }
    faultCounts = [Int](repeating: 0, count: settings.faults?.kinds.count ?? 0)
    level = UseOverTime.Piece(free: settings.fleet.devices)
    use = UseOverTime(begin: begin)
    // Where no job says how long it takes at most, nothing is known of any later time: the first bucket says it all.
    let knowsEnds = jobs.contains { $0.walltimeMilliseconds > 0 }
    scheduler = Scheduler(
      grid: knowsEnds ? settings.policy.grid : TimeGrid(zones: [TimeGrid.Zone(step: 1, buckets: 8)]))
    limit = Self.limit(jobs, settings.fleet, begin: begin)
    var cluster = Cluster()
    cluster.reserve(nodes: nodes.count, jobs: jobs.count, members: nodes.count)
    controller = Controller(
      cluster: cluster, limits: Self.limits(nodes: nodes.count, jobs: jobs.count, settings.policy),
      now: Self.instant(begin))
    openFleet()
  }

  private static func hasPriorities(_ jobs: [TraceJob]) -> Bool {
    guard let first = jobs.first?.priority else { return false }
    return jobs.contains { $0.priority != first }
  }

  /// A year after the last submission, and four times as long as all work and the longest job would take; two hundred
  /// years at most.
  private static func limit(_ jobs: [TraceJob], _ fleet: SimFleet, begin: Int64) -> Int64 {
    var (work, longest): (Int64, Int64) = (0, 0)
    for job in jobs {
      work = min(work + job.durationMilliseconds / 1000 * Int64(job.devices), 1 << 60)
      longest = max(longest, job.durationMilliseconds)
    }
    let last = jobs.last?.submitMilliseconds ?? begin
    let day: Int64 = 86_400_000
    let enough = 365 * day + 4 * (min(work / fleet.devices, 1 << 40) * 1000 + longest)
    return min(last + enough, begin + 200 * 365 * day)
  }

  private static func limits(nodes: Int, jobs: Int, _ policy: SimPolicy) -> Limits {
    var limits = Limits()
    limits.pretend(nodes: nodes)
    limits.planning = policy.planning
    limits.unfinishedJobs = max(limits.unfinishedJobs, jobs)
    limits.membersPerNode = 1_000
    return limits
  }

  static func instant(_ milliseconds: Int64) -> Instant { Instant(nanoseconds: milliseconds * 1_000_000) }

  // MARK: Running

  /// Goes through so many moments at which something happens. False when there is nothing left to happen.
  public mutating func advance(moments: Int) -> Bool {
    var left = moments
    while left > 0, !isDone {
      left -= 1
      guard unended > 0 || next < jobs.count, let at = nextMoment, at <= limit else {
        close()
        return false
      }
      pass(to: at)
      // A checkpoint alone lets nobody start.
      var changes = false
      while let (_, event) = events.take(until: at) {
        if case .checkpoint = event {} else { changes = true }
        handle(event)
        work()
      }
      while next < jobs.count, jobs[next].submitMilliseconds == at {
        submit()
        changes = true
      }
      if changes {
        plan()
        work()
      }
      // The host is to write them down before they are too many.
      if facts.count >= 50_000 { left = 0 }
      // Nobody is there to be told.
      if !controller.dirty.isEmpty { _ = controller.takeDirty() }
    }
    return !isDone
  }

  private var nextMoment: Int64? {
    guard next < jobs.count else { return events.nextAt }
    return min(jobs[next].submitMilliseconds, events.nextAt ?? .max)
  }

  /// A round, once for all that happened at one moment; it takes no time.
  private mutating func plan() {
    // Without preemption a full fleet starts nothing: the round waits until something is free.
    while level.free > 0 || controller.mayGiveWay, let input = controller.takeRound() {
      tell(scheduler.plan(input))
      work()
    }
    // Nothing else may happen until a job may start.
    guard controller.nextStart != .never else { return }
    let due = max(now + 1, (controller.nextStart.nanoseconds + 999_999) / 1_000_000)
    guard due != tickAt || tickAt <= now else { return }
    tickAt = due
    events.put(.tick, at: due)
  }

  /// Time passes, and nothing changes in it.
  private mutating func pass(to at: Int64) {
    guard at > now else { return }
    accounts.free += level.free * (at - now)
    truth[.free] += level.free * (at - now)
    use.add(level, from: now, to: at)
    now = at
  }

  // MARK: The core

  /// One command, and what follows from it.
  @discardableResult
  mutating func tell(_ command: Command) -> Controller.Reply {
    let reply = controller.handle(command, now: Self.instant(now))
    if !controller.fresh.isEmpty {
      let new = controller.takeFresh()
      for fact in new { see(fact) }
      if settings.keepsFacts { facts.append(contentsOf: new) }
    }
    return reply
  }

  /// The facts since the last call, if they are kept.
  public mutating func takeFacts() -> [Fact] {
    defer { facts = [] }
    return facts
  }

  private mutating func openFleet() {
    tell(.start)
    var policy = settings.declared
    policy.topology = TopologyPolicy(levels: settings.fleet.levels, places: [])
    tell(.applyPolicy(policy))
    for node in 0..<settings.fleet.nodes { arrive(node) }
    if let first = faults?.untilNext() { events.put(.fault, at: now + first) }
  }

  mutating func arrive(_ node: Int32) {
    let name = settings.fleet.name(node)
    let joined = NodeJoined(
      node: NodeID(node), name: name, machine: name, boot: String(nodes[Int(node)].boot),
      devices: nodes[Int(node)].devices, deviceType: settings.fleet.group(of: node).deviceType)
    tell(.agentHello(joined, labels: settings.fleet.labels(node), pid: 1))
    tell(.agentReport(node: NodeID(node), []))
  }

  private mutating func submit() {
    let (i, job) = (next, jobs[next])
    next += 1
    var spec = settings.trace.spec(
      of: job, command: Self.command, checkpointEvery: settings.checkpointMilliseconds / 1000)
    if settings.policy == .sjf {
      spec.priority = priority(of: job)
      spec.wishes.priorityClass = ""
    }
    runs[i].phase = .waiting
    unended += 1
    level.waiting += 1
    indexOfJob.append(Int32(i))
    guard case .refused(let why) = tell(.submit([spec], key: "", requestHash: 0)) else { return work() }
    indexOfJob.removeLast()
    runs[i].phase = .refused
    unended -= 1
    level.waiting -= 1
    refused.append(RejectedRow(line: Int(job.line), reason: why.message))
  }

  /// What is known of durations is what the order of a queue by them needs.
  private func priority(of job: TraceJob) -> Int32 {
    -Int32(min(1_000_000_000, (job.durationMilliseconds + 999) / 1000))
  }

  /// The place in the trace of a job of the core: nobody else submits.
  func index(_ job: JobID) -> Int { Int(indexOfJob[Int(job.number) - 1]) }

  private static let command = ["work"]

  // MARK: The end

  /// What still runs is charged up to now.
  private mutating func close() {
    isDone = true
    for i in runs.indices where runs[i].phase == .starting || runs[i].phase == .running {
      charge(i, until: now, kept: runs[i].progress(at: now, of: jobs[i].durationMilliseconds))
    }
    checkLevels()
    for i in nodes.indices { endService(Int32(i)) }
    precondition(accounts.sum == capacity, "accounts come to \(accounts.sum) GPU-ms, the fleet has \(capacity)")
  }

  /// The capacity of the fleet from the beginning to now, in GPU-milliseconds.
  public var capacity: Int64 { settings.fleet.devices * (now - begin) }
  public var end: Int64 { now }

  /// For a progress bar.
  public var progress: (ended: Int, jobs: Int, now: Int64) { (next - unended, jobs.count, now) }

  /// The whole durable state at the end, as bytes: its hash is what `muster replay` prints.
  public func snapshot() -> [UInt8] { controller.cluster.encodeSnapshot() }
  public var stateFingerprint: UInt64 { controller.cluster.stateHash }
  public var sequence: Int64 { controller.cluster.sequence }
}
