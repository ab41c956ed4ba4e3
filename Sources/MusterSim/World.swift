public import MusterCore
import MusterNode
import MusterProtocol

/// A fleet in virtual time on one thread: the real core and the real machines of agents and shims, and around them a
/// pretend host, disk, network, process table and people. Everything from one seed.
public struct World: ~Copyable {
  enum Event {
    case writer(life: Int)
    case synced(life: Int)
    case controllerBoots(life: Int)
    case look
    case atServer(Int, NodeMessage)
    case atClient(Int, ControllerMessage)
    case clientCloses(Int)
    case serverSeesEnd(Int)
    case agent(Int, wake: Int)
    case shim(Int, wake: Int)
    case ranksNext(Int, run: Int)
    case ranksEnd(Int, signal: Int32)
    case agentBoots(Int, life: Int)
    case nodeBoots(Int)
    case thaw(Int)
    case agentResumes(Int)
    case shimResumes(Int)
    case engineSays(Int, boot: Int)
    case request(Int)
    case answer(Int, Controller.Reply)
    case retry(Int)
    case order(Command)
    case planned(life: Int, Command)
    case strike(Int)
    case submit
    case care
  }

  let seed: UInt64
  let shape: Shape
  let options: StormOptions
  let plant: Plant
  /// Virtual nanoseconds since the beginning.
  var now: Int64 = 0
  var timeline = Timeline<Event>()
  var isStorm = true
  /// When the storm ended.
  var calmFrom: Int64 = .max

  // The host of the core.
  var controller: Controller
  var host = SimHost()
  var scheduler: Scheduler
  var disk = SimDisk()
  /// The journal folded beside the writer.
  var follower = Cluster()
  /// Beside the follower.
  var ledger = Ledger()
  public internal(set) var facts: [Fact] = []
  var durableAttempts: Set<AttemptID> = []
  var auditor: Auditor

  // The fleet.
  var nodes: [SimNode] = []
  var shims: [SimShim] = []
  /// Those of whom anything is left.
  var liveShims: [Int] = []
  var connections: [Connection] = []
  var requests: [Request] = []
  var nextJobName: Int64 = 0
  var nextKey = 0
  /// Jobs whose submission was answered, by number: the name that was asked for.
  var acknowledged: [(job: Int64, name: String)] = []

  // A stream of chance for each purpose.
  var network: Chance
  var processes: Chance
  var people: Chance
  var diskChance: Chance
  var timing: Chance
  var wishing: Chance
  var sharing: Chance
  var walltimes: Chance

  public internal(set) var coverage = Coverage()
  public internal(set) var failure: Failure?
  var history = History()

  public init(seed: UInt64, plant: Plant = .none, options: StormOptions = StormOptions()) {
    self.seed = seed
    self.plant = plant
    self.options = options
    shape = Shape(seed: seed)
    scheduler = Scheduler(grid: shape.grid)
    auditor = Auditor(minimumRun: shape.limits.minimumRun)
    network = Chance(seed: seed, purpose: 1)
    processes = Chance(seed: seed, purpose: 2)
    people = Chance(seed: seed, purpose: 3)
    diskChance = Chance(seed: seed, purpose: 5)
    timing = Chance(seed: seed, purpose: 6)
    wishing = Chance(seed: seed, purpose: 9)
    sharing = Chance(seed: seed, purpose: 10)
    walltimes = Chance(seed: seed, purpose: 12)
    controller = Controller(cluster: Cluster(), limits: shape.limits, now: Instant(nanoseconds: 1))
    history.isKept = options.keepsHistory
    var drift = Chance(seed: seed, purpose: 7)
    for i in 0..<shape.nodes {
      nodes.append(SimNode(number: i, drift: drift.hits(700) ? drift.between(-10_000, 10_000) : 0))
      if nodes[i].drift != 0 { coverage.did(.clockDrifted) }
    }
  }

  public var virtualSeconds: Double { Double(now) / 1e9 }

  /// Work and faults for a while, then everything heals and must come to rest.
  public mutating func run() {
    bootController()
    for i in nodes.indices { timeline.put(.agentBoots(i, life: 0), at: processes.between(0, 500) * 1_000_000) }
    timeline.put(.look, at: 0)
    timeline.put(.submit, at: 1_000_000_000)
    timeline.put(.strike(0), at: 3_000_000_000)
    timeline.put(.care, at: 4_000_000_000)
    let longest = max(1_800, options.seconds * 4) * 1_000_000_000
    while failure == nil {
      guard let (at, event) = timeline.take() else { break }
      now = max(now, at)
      happen(event)
      if isStorm, now >= options.seconds * 1_000_000_000,
        facts.count >= options.leastFacts || now >= longest
      {
        endStorm()
      }
      if !isStorm, isAtRest { break }
    }
    if failure == nil { checkEnd() }
  }

  /// The first thing that broke is the one that is told.
  mutating func violated(_ broken: Failure) {
    guard failure == nil else { return }
    failure = broken
    history.add(at: now, "BROKEN: \(broken)", job: broken.job, node: broken.node)
  }

  /// Whether this kind of fault is done at all in this run.
  mutating func inject(_ kind: Injected, _ text: String, job: Int64? = nil, node: Int? = nil) -> Bool {
    guard !options.without.contains(kind) else { return false }
    coverage.did(kind)
    if history.isKept { history.add(at: now, "injected \(kind): \(text)", job: job, node: node.map { Int32($0) }) }
    return true
  }

  private mutating func happen(_ event: Event) {
    switch event {
    case .writer(let life): writerWakes(life: life)
    case .synced(let life): synced(life: life)
    case .controllerBoots(let life): if host.life == life, !host.isUp { bootController() }
    case .look: look()
    case .atServer(let connection, let message): atServer(connection, message)
    case .atClient(let connection, let message): atClient(connection, message)
    case .clientCloses(let connection): clientCloses(connection)
    case .serverSeesEnd(let connection): serverSeesEnd(connection)
    case .agent(let node, let wake): if nodes[node].wake == wake { runAgent(node) }
    case .shim(let shim, let wake): if shims[shim].wake == wake { runShim(shim) }
    case .ranksNext(let shim, let run): if shims[shim].run == run { ranksNext(shim) }
    case .ranksEnd(let shim, let signal): ranksEnd(shim, signal: signal)
    case .agentBoots(let node, let life): bootAgent(node, life: life)
    case .nodeBoots(let node): bootNode(node)
    case .thaw(let node): thaw(node)
    case .agentResumes(let node): resumeAgent(node)
    case .shimResumes(let shim): resumeShim(shim)
    case .engineSays(let node, let boot): engineSays(node, boot: boot)
    case .request(let request): requestArrives(request)
    case .answer(let request, let reply): answered(request, reply)
    case .retry(let request): retry(request)
    case .order(let command): orderArrives(command)
    case .planned(let life, let plan): planned(life: life, plan)
    case .strike(let number): strike(number)
    case .submit: submit()
    case .care: care()
    }
  }
}
