import Testing

@testable import MusterCore

/// Whatever is asked for: nobody is sent round in circles, and what is guaranteed is got.
@Suite struct PreemptionPropertyTests {
  static let projects = [
    ProjectPolicy(name: "top", quotas: [DeviceQuota(guaranteed: 64)]),
    ProjectPolicy(name: "x", parent: "top", quotas: [DeviceQuota(guaranteed: 32)]),
    ProjectPolicy(name: "y", parent: "top", quotas: [DeviceQuota(guaranteed: 16, borrowLimit: 48)]),
    ProjectPolicy(name: "z", quotas: [DeviceQuota(guaranteed: 40, lendLimit: 24)], weight: 3),
    ProjectPolicy(name: "w"),
  ]

  private static func draw(_ dice: inout SeededDice) -> JobSpec {
    let nodes = Int32(dice.draw(1...4))
    let devices: Int32 = dice.chance(70) ? 8 : Int32(dice.draw(1...7))
    let walltime = dice.chance(50) ? Span.seconds(Int64(dice.draw(600...40_000))) : nil
    var spec = Fleet.spec(
      nodes: dice.chance(10) ? 8 : nodes, devices: devices, walltime: walltime, priority: Int32(dice.draw(0...2))
    ) { wishes in
      if nodes % 2 == 0, dice.chance(30) { wishes.segment = 2 }
      if nodes <= 4, dice.chance(20) { wishes.within = Within(level: "rack") }
      if nodes <= 4, dice.chance(10) { wishes.constraint = [LabelRule(key: "new", value: "yes")] }
      if dice.chance(10) { wishes.isExclusive = true }
      if nodes % 2 == 0, dice.chance(10) { wishes.spread = Spread(level: "block", atMost: 4) }
    }
    if dice.chance(15) {
      let role = RoleSpec(
        name: "more", nodes: Int32(dice.draw(1...2)), devicesPerNode: Int32(dice.draw(1...8)), ranksPerNode: 1,
        command: ["x"], workingDirectory: "/")
      spec.further = [FurtherRole(role: role, wishes: Wishes())]
      if dice.chance(20) { spec.further[0].wishes.isExclusive = true }
    }
    spec.project = ["x", "y", "z", "w", "nobody"][dice.draw(0...4)]
    return spec
  }

  /// All that is told to stop does; false if there is no end of it.
  private static func settle(_ fleet: inout Fleet, _ jobs: [JobID]) -> Bool {
    for _ in 0..<400 {
      let stopping = jobs.filter { fleet.state($0) == .stopping }
      if stopping.isEmpty { return true }
      for job in stopping { fleet.end(job) }
    }
    return false
  }

  @Test("no cycle; a minimum run between two preemptions; guarantees are got", arguments: 1...60)
  func noThrash(seed: Int) {
    var dice = SeededDice(seed)
    var fleet = Fleet()
    var policy = fleet.controller.cluster.policy
    policy.projects = Self.projects
    fleet.say(.applyPolicy(policy))
    var jobs: [JobID] = []
    for _ in 0..<80 {
      switch dice.draw(0...5) {
      case 0...2: jobs.append(fleet.submit(Self.draw(&dice)))
      case 3: if let job = jobs.first(where: { fleet.state($0) == .starting }) { fleet.end(job) }
      default: fleet.pass(.seconds(Int64(dice.draw(1...900))))
      }
      #expect(Self.settle(&fleet, jobs), "they go on stopping each other")
      #expect(fleet.controller.claims.isEmpty)
      #expect(Self.unserved(fleet, jobs) == nil)
    }
    #expect(Self.shortRun(fleet) == nil)
    #expect(fleet.controller.fresh.contains { Self.isPreemption($0) } || seed > 1)
  }

  private static func isPreemption(_ fact: Fact) -> Bool {
    if case .attemptEnding(let ending) = fact.event { ending.outcome == .preempted } else { false }
  }

  /// A job that was stopped twice, the second time within its minimum run.
  private static func shortRun(_ fleet: borrowing Fleet) -> JobID? {
    var (started, preempted): ([JobID: Instant], [JobID: AttemptID]) = ([:], [:])
    for fact in fleet.controller.fresh {
      switch fact.event {
      case .attemptStarted(let start): started[start.attempt.job] = fact.at
      case .attemptEnding(let ending) where ending.outcome == .preempted:
        let job = ending.attempt.job
        // It is said again when more of its steps are known.
        guard preempted[job] != ending.attempt else { continue }
        if preempted[job] != nil, fact.at - (started[job] ?? .zero) < fleet.controller.limits.minimumRun { return job }
        preempted[job] = ending.attempt
      default: break
      }
    }
    return nil
  }

  /// A job of one whole node that waits though its project has less than its guarantee, and others have more than theirs.
  private static func unserved(_ fleet: borrowing Fleet, _ jobs: [JobID]) -> JobID? {
    var used: [String: Int32] = [:]
    var isYoung = false
    for slot in fleet.controller.cluster.active {
      let attempt = fleet.controller.cluster.attempts[slot]
      let job = fleet.controller.cluster.jobs[attempt.jobSlot]
      let project = fleet.controller.cluster.specs[Int(attempt.jobSlot)].project
      let places = fleet.controller.cluster.attemptPlaces[Int(slot)]
      used[project, default: 0] += places.reduce(0) { $0 + Int32($1.devices.nonzeroBitCount) }
      if job.attempt > 1 { isYoung = true }
    }
    // Those that were stopped before may be within their minimum run.
    guard !isYoung else { return nil }
    for project in projects where ["x", "z"].contains(project.name) {
      let guaranteed = project.quotas[0].guaranteed
      let others = used.filter { $0.key == "w" || $0.key == "nobody" }
      // All of one node's devices: a shared node may be kept by others that are within their guarantee.
      guard used[project.name, default: 0] + 8 <= guaranteed, others.values.reduce(0, +) >= 64 else { continue }
      for job in jobs where fleet.state(job) == .pending {
        guard let slot = fleet.controller.cluster.slot(of: job) else { continue }
        let spec = fleet.controller.cluster.specs[Int(slot)]
        if spec.project == project.name, spec.role.nodes == 1, spec.role.devicesPerNode == 8, !spec.hasRoles {
          return job
        }
      }
    }
    return nil
  }
}
