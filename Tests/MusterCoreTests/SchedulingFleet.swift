@testable import MusterCore

/// A fleet of two blocks with two racks of four nodes each, and what people ask of it.
struct Fleet: ~Copyable {
  var controller: Controller
  var scheduler = Scheduler()
  /// Starts before a whole round.
  var quickStarts = 0
  var now = Instant(nanoseconds: 1_700_000_000_000_000_000)

  /// - Parameter types: of the devices of each rack's nodes; none: nobody has named them.
  init(devices: Int32 = 8, mode: PlanningMode = .all, refuses: Bool = true, types: [String] = []) {
    var limits = Limits()
    // Nobody beats here.
    (limits.silence, limits.firstWord, limits.lease) = (.seconds(1 << 30), .seconds(1 << 30), .seconds(1 << 30))
    limits.agentSilence = .seconds(1 << 20)
    limits.planning = mode
    limits.refusesImpossible = refuses
    controller = Controller(cluster: Cluster(), limits: limits, now: now)
    say(.start)
    var policy = Policy()
    policy.topology.levels = ["block", "rack"]
    say(.applyPolicy(policy))
    for i in 0..<16 {
      let labels = [
        Label(key: "block", value: "b\(i / 8)"), Label(key: "new", value: i % 2 == 0 ? "yes" : "no"),
        Label(key: "rack", value: "r\(i / 4)"),
      ]
      let joined = NodeJoined(
        node: NodeID(Int32(i)), name: "n\(i)", machine: "m\(i)", boot: "b", devices: devices,
        deviceType: types.isEmpty ? "" : types[i / 4])
      say(.agentHello(joined, labels: labels, pid: 1))
      say(.agentReport(node: NodeID(Int32(i)), []))
    }
  }

  /// Declares projects without quotas, and changes the first of them.
  mutating func declare(_ projects: String..., change: (inout ProjectPolicy) -> Void) {
    var policy = controller.cluster.policy
    policy.projects = projects.map { ProjectPolicy(name: $0) }
    change(&policy.projects[0])
    say(.applyPolicy(policy))
  }

  @discardableResult
  mutating func say(_ command: Command) -> Controller.Reply {
    let reply = controller.handle(command, now: now)
    plan()
    return reply
  }

  mutating func plan() {
    while let input = controller.takeRound() {
      let before = controller.cluster.active.count
      _ = controller.handle(scheduler.plan(input), now: now)
      if case .quick = input { quickStarts += controller.cluster.active.count - before }
    }
  }

  mutating func pass(_ span: Span) {
    now = now + span
    say(.tick)
  }

  static func spec(
    nodes: Int32 = 1, devices: Int32 = 8, walltime: Span? = nil, priority: Int32 = 0,
    _ change: (inout Wishes) -> Void = { _ in }
  ) -> JobSpec {
    let role = RoleSpec(nodes: nodes, devicesPerNode: devices, ranksPerNode: 1, command: ["x"], workingDirectory: "/")
    var spec = JobSpec(name: "j", user: "u", priority: priority, role: role, walltime: walltime)
    change(&spec.wishes)
    return spec
  }

  mutating func submit(_ spec: JobSpec) -> JobID { submit([spec])[0] }

  mutating func submit(_ specs: [JobSpec]) -> [JobID] {
    guard case .jobs(let ids) = say(.submit(specs, key: "", requestHash: 0)) else { return specs.map { _ in JobID(0) } }
    return ids
  }

  func state(_ id: JobID) -> JobState? { controller.cluster.slot(of: id).map { controller.cluster.jobs[$0].state } }

  /// It needs some nodes and not others.
  func isParticular(_ id: JobID) -> Bool {
    guard let slot = controller.cluster.slot(of: id) else { return false }
    let wishes = controller.cluster.specs[Int(slot)].wishes
    return !wishes.constraint.isEmpty || !wishes.exclude.isEmpty
  }

  func nodes(_ id: JobID) -> [Int32] {
    guard let slot = controller.cluster.slot(of: id), controller.cluster.jobs[slot].latestAttempt >= 0 else {
      return []
    }
    return controller.cluster.attemptPlaces[Int(controller.cluster.jobs[slot].latestAttempt)].map(\.node.index)
  }

  func waiting(_ id: JobID) -> Waiting {
    controller.cluster.slot(of: id).map { controller.waiting(for: $0) } ?? Waiting(causes: [])
  }

  func kinds(_ id: JobID) -> [String] { waiting(id).causes.map(\.kind) }

  /// Every ten minutes another job of one node comes and the oldest of those that run ends, until a job starts.
  /// - Returns: how many of those that came started before it.
  mutating func overtaken(_ job: JobID, by jobs: [JobID], at most: Int) -> Int {
    var (running, overtaken) = (jobs, 0)
    for _ in 0..<most where state(job) == .pending && !running.isEmpty {
      pass(.seconds(600))
      let small = submit(Fleet.spec())
      end(running.removeFirst())
      guard state(small) == .starting else { continue }
      running.append(small)
      overtaken += 1
    }
    return overtaken
  }

  /// All its members say that they run, or have ended.
  mutating func tell(_ id: JobID, _ state: ShimReport.State) {
    guard let slot = controller.cluster.slot(of: id) else { return }
    let number = controller.cluster.jobs[slot].attempt
    for i in 0..<controller.cluster.jobs[slot].nodes {
      let member = MemberID(attempt: AttemptID(job: id, number: number), index: i)
      say(.shimReport(member, ShimReport(state: state, port: 1, ranks: [])))
    }
  }

  mutating func end(_ id: JobID) {
    for state: ShimReport.State in [.prepared, .running, .stopped] { tell(id, state) }
  }
}
