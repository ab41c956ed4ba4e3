import MusterCore
import MusterProtocol

@testable import MusterSim

/// A core, a planner and a pretend fleet, hosted as the server hosts them, in virtual time: a second a step.
struct PretendWorld: ~Copyable {
  var controller: Controller
  private var scheduler = Scheduler()
  var fleet: PretendFleet
  var now = Instant(nanoseconds: 1_700_000_000_000_000_000)
  private(set) var facts: [Fact] = []
  /// Each as text: they are compared.
  private(set) var commands: [String] = []
  private(set) var refusals: [Refusal] = []

  init(_ settings: PretendSettings) throws {
    var limits = Limits()
    limits.pretend(nodes: Int(settings.fleet.nodes))
    limits.expectedNodes = Int(settings.fleet.nodes)
    controller = Controller(cluster: Cluster(), limits: limits, now: now)
    fleet = PretendFleet(settings)
    _ = controller.handle(.start, now: now)
    try fleet.open(controller.cluster, now: now)
    show()
  }

  /// The process ends, and another one takes up its journal.
  mutating func reopen(_ settings: PretendSettings) throws {
    let limits = controller.limits
    controller = Controller(
      cluster: try Cluster(snapshot: controller.cluster.encodeSnapshot()), limits: limits, now: now)
    fleet = PretendFleet(settings)
    _ = controller.handle(.start, now: now)
    try fleet.open(controller.cluster, now: now)
    show()
  }

  mutating func tell(_ command: Command) -> Controller.Reply {
    let reply = controller.handle(command, now: now)
    show()
    return reply
  }

  mutating func run(seconds: Int64) {
    for _ in 0..<seconds {
      now = now + .seconds(1)
      for command in fleet.due(now) {
        commands.append("\(command)")
        if case .refused(let refusal) = controller.handle(command, now: now) { refusals.append(refusal) }
      }
      _ = controller.handle(.tick, now: now)
      show()
      // A host plans once a batch.
      guard let input = controller.takePlanningInput() else { continue }
      _ = controller.handle(.commitPlan(scheduler.plan(input)), now: now)
      show()
    }
  }

  private mutating func show() {
    let fresh = controller.takeFresh()
    for fact in fresh { fleet.see(fact, controller.cluster) }
    facts += fresh
    _ = controller.takeDirty()
  }

  mutating func submit(_ command: [String], nodes: Int32 = 1, devices: Int32 = 8, checkpointEvery: Int64 = 0) throws
    -> JobID
  {
    let role = RoleSpec(nodes: nodes, devicesPerNode: devices, command: command, workingDirectory: "/")
    let spec = JobSpec(name: "test", user: "user", role: role, checkpointEvery: checkpointEvery)
    guard case .jobs(let ids) = tell(.submit([spec], key: "", requestHash: 0)), let id = ids.first else {
      throw Refused()
    }
    return id
  }
  struct Refused: Error {}

  func job(_ id: JobID) throws -> Job {
    guard let slot = controller.cluster.slot(of: id) else { throw Refused() }
    return controller.cluster.job(slot)
  }

  /// The facts of a job in order, but for what its members do.
  func kinds(of id: JobID) -> [String] {
    facts.compactMap { fact in
      switch fact.event {
      case .jobSubmitted(let submitted) where submitted.job == id: "submitted"
      case .attemptStarted(let started) where started.attempt.job == id: "started from \(started.resumeStep)"
      case .gangStarted(let attempt) where attempt.job == id: "runs"
      case .stepsBegan(let attempt, _) where attempt.job == id: "steps"
      case .checkpointCommitted(let attempt, let step) where attempt.job == id: "checkpoint \(step)"
      case .attemptEnding(let ending) where ending.attempt.job == id: "\(ending.outcome)"
      case .attemptEnded(let ended) where ended.attempt.job == id: "ended"
      case .jobEnded(let ended) where ended.job == id: "\(ended.state)"
      default: nil
      }
    }
  }

  func firstTime(_ matches: (Fact.Event) -> Bool) -> Instant? { facts.first { matches($0.event) }?.at }

  static func settings(_ nodes: Int32, devices: Int32 = 8) -> PretendSettings {
    var settings = PretendSettings(fleet: SimFleet(nodes: nodes, devicesPerNode: devices))
    settings.workload = .none
    return settings
  }

  /// Each node breaks once in half an hour on the average, for ten minutes.
  static func breaking(_ nodes: Int32, takesOut: Bool = true) -> PretendSettings {
    var settings = settings(nodes)
    let kind = FaultModel.Kind(
      cause: "board", scope: .node, count: 48, days: 1, takesOut: takesOut, repair: takesOut ? [600_000] : [])
    settings.faults = FaultModel(name: "m", source: "", kinds: [kind])
    return settings
  }
}
