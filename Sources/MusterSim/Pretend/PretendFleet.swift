public import MusterCore
import MusterProtocol

/// Agents, shims and ranks of a whole fleet, pretended for a core that runs in real time or in a faster one: a value that
/// sees facts and says what is due. No clock, no I/O, and all chance from a seed: the same facts and times give the same
/// commands.
///
/// As in `Simulation` nobody beats and a node's death is told with its proof; `Limits.pretend` is what the core has to
/// live by. Unlike there jobs take time to start and to stop, people may do what they like, and it never ends.
public struct PretendFleet: ~Copyable {
  let settings: PretendSettings
  var events = Timeline<PretendEvent>()
  /// By number of the job; asked, never iterated.
  var runs: [Int64: PretendRun] = [:]
  var nodes: [PretendNode]
  var faults: FaultStream?
  var stops: Chance
  var mix: JobMix?
  var rows: TraceRounds?
  /// What the present call of `due` has come to so far.
  var commands: [Command] = []
  /// Before all nodes have joined nothing else happens.
  private var arrived: Int32 = 0
  /// The next whose agent reports.
  var nextOfRoll: Int32 = 0
  private var policy: Policy?
  private var epoch: Int64 = 0
  /// Milliseconds since 1970.
  var now: Int64 = 0

  /// About so many commands a call: a person's command waits for no more.
  public static let mostCommands = 4_000

  public init(_ settings: PretendSettings) {
    self.settings = settings
    nodes = [PretendNode](repeating: PretendNode(), count: Int(settings.fleet.nodes))
    faults = settings.faults.map { FaultStream($0, fleet: settings.fleet, seed: settings.seed) }
    stops = Chance(seed: settings.seed, purpose: 203)
  }

  /// Takes up what the journal holds. Every machine is booted anew, which ends what an earlier process left running.
  public mutating func open(_ cluster: borrowing Cluster, now at: Instant) throws(PretendMismatch) {
    now = at.nanoseconds / 1_000_000
    epoch = cluster.epoch
    for i in cluster.nodes.indices {
      let known = cluster.nodeDetails[i].joined.name
      let expected = i < nodes.count ? settings.fleet.name(Int32(i)) : nil
      if known != expected { throw PretendMismatch(node: Int32(i), known: known, expected: expected) }
      restore(Int32(i), cluster.nodes[i])
    }
    declare(over: cluster.policy)
    openWorkload(cluster)
    events.put(.rollCall, at: now + rollCallEvery)
    if let first = faults?.untilNext() { events.put(.fault, at: now + first) }
  }

  private mutating func restore(_ node: Int32, _ known: Node) {
    let n = Int(node)
    nodes[n].isDrained = known.state == .draining || known.state == .drained
    guard known.state == .isolated else { return }
    nodes[n].service = .isolated
    events.put(.inspected(node: node), at: now + Self.inspection)
  }

  private mutating func declare(over held: Policy) {
    var policy = settings.declared.merged(into: held)
    if !settings.fleet.levels.isEmpty { policy.topology.levels = settings.fleet.levels }
    if policy != held { self.policy = policy }
  }

  /// When something is due next; long past while nodes still join.
  public var nextDue: Instant {
    if arrived < settings.fleet.nodes { return .zero }
    return events.nextAt.map { Instant(nanoseconds: $0 * 1_000_000) } ?? .never
  }

  /// What is due by then; about `mostCommands` of it, the rest at the next call.
  public mutating func due(_ at: Instant) -> [Command] {
    now = max(now, at.nanoseconds / 1_000_000)
    commands = []
    if let policy { commands.append(.applyPolicy(policy)) }
    policy = nil
    while arrived < settings.fleet.nodes, commands.count < Self.mostCommands {
      arrive(arrived)
      arrived += 1
    }
    guard arrived == settings.fleet.nodes else { return commands }
    while commands.count < Self.mostCommands, let (_, event) = events.take(until: now) { handle(event) }
    return commands
  }

  private mutating func handle(_ event: PretendEvent) {
    switch event {
    case .start(let job, let attempt): startGang(job, attempt)
    case .say(let job, let attempt): say(job, attempt)
    case .finish(let job, let attempt): finish(job, attempt)
    case .confirm(let job, let attempt): confirmStop(job, attempt)
    case .fault: nextFault()
    case .repair(let node): repair(node)
    case .inspected(let node): inspected(node)
    case .rollCall: callRoll()
    case .look: look()
    case .row: submitRows()
    }
  }

  /// A durable fact. `cluster` is the state after it, or later.
  public mutating func see(_ fact: Fact, _ cluster: borrowing Cluster) {
    now = max(now, fact.at.nanoseconds / 1_000_000)
    switch fact.event {
    case .attemptStarted(let started): attemptStarted(started, cluster)
    case .gangStarted(let attempt): gangStarted(attempt)
    case .attemptEnding(let ending): attemptEnding(ending)
    case .attemptEnded(let ended): attemptEnded(ended.attempt)
    case .jobSubmitted(let submitted): mix?.count(submitted.spec, 1)
    case .jobEnded(let ended):
      if let slot = cluster.slot(of: ended.job) { mix?.count(cluster.spec(slot), -1) }
    case .nodeIsolated(let node, _, _): nodeIsolated(node.index)
    case .nodeDrainRequested(let node, _): nodes[Int(node.index)].isDrained = true
    // Its key is not let in again: no repair helps.
    case .nodeRevoked(let node, _): nodes[Int(node.index)].isDrained = true
    case .nodeResumed(let node): nodeResumed(node.index)
    case .policyApplied(let policy): mix?.take(policy)
    case .controllerStarted, .nodeJoined, .nodeReturned, .nodeSuspected, .nodeCleared, .nodeFenced, .joinTokenCreated,
      .joinTokensForgotten, .nodeLabelled, .jobCancelRequested, .jobHeld, .jobReleased, .maintenanceAdded,
      .maintenanceRemoved, .placesKept, .stepsBegan, .checkpointCommitted, .statusTold, .attemptWarned,
      .attemptPreempted,
      .faultFound, .memberStopped, .keysForgotten, .silenceWithheld, .jobArchived:
      break
    }
  }

  /// An agent connects and reports that nothing runs there.
  mutating func arrive(_ node: Int32) {
    let group = settings.fleet.group(of: node)
    let name = settings.fleet.name(node)
    let joined = NodeJoined(
      node: NodeID(node), name: name, machine: name, boot: "\(epoch).\(nodes[Int(node)].boot)",
      devices: group.devicesPerNode, deviceType: group.deviceType)
    commands.append(.agentHello(joined, labels: settings.fleet.labels(node), pid: 1))
    commands.append(.agentReport(node: NodeID(node), []))
  }
}
