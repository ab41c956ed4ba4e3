import Testing

@testable import MusterCore

/// Who gives way to whom, where, and that nobody is sent round in circles.
@Suite struct PreemptionTests {
  private static func fleet(_ projects: [ProjectPolicy] = [], _ priorities: [PriorityClass] = []) -> Fleet {
    var fleet = Fleet()
    var policy = fleet.controller.cluster.policy
    (policy.projects, policy.priorities) = (projects, priorities)
    fleet.say(.applyPolicy(policy))
    return fleet
  }

  private static func spec(
    _ project: String = "default", nodes: Int32 = 1, devices: Int32 = 8, priority: Int32 = 0, walltime: Span? = nil,
    _ change: (inout Wishes) -> Void = { _ in }
  ) -> JobSpec {
    var spec = Fleet.spec(nodes: nodes, devices: devices, walltime: walltime, priority: priority, change)
    spec.project = project
    return spec
  }

  private static func guaranteed(_ devices: Int32) -> [DeviceQuota] { [DeviceQuota(guaranteed: devices)] }

  @Test("a higher priority takes the place of the least loss, in one domain, when the victims have stopped")
  func priority() {
    var fleet = Self.fleet()
    let low = fleet.submit(Array(repeating: Self.spec(nodes: 2), count: 8))
    for job in low { fleet.tell(job, .prepared) }
    for job in low { fleet.tell(job, .running) }
    // Later jobs have less to lose.
    fleet.pass(.seconds(600))
    for job in low.prefix(4) {
      guard let slot = fleet.controller.cluster.slot(of: job) else { continue }
      let attempt = AttemptID(job: job, number: fleet.controller.cluster.jobs[slot].attempt)
      fleet.controller.note(.checkpointCommitted(attempt: attempt, step: 100))
    }
    fleet.pass(.seconds(60))
    let high = fleet.submit(Self.spec(nodes: 4, priority: 10) { $0.within = Within(level: "rack") })
    let stopped = low.filter { fleet.state($0) == .stopping }
    #expect(stopped.count == 2 && stopped.allSatisfy { low.prefix(4).contains($0) })
    #expect(Set(stopped.flatMap { fleet.nodes($0) }.map { $0 / 4 }).count == 1, "in one rack")
    #expect(fleet.state(high) == .pending)
    #expect(fleet.kinds(high) == ["preempting"])
    let places = Set(stopped.flatMap { fleet.nodes($0) })
    // What becomes free is nobody else's.
    fleet.tell(stopped[0], .stopped)
    let small = fleet.submit(Self.spec(nodes: 1, walltime: .seconds(60)))
    #expect(fleet.state(small) == .pending && fleet.state(high) == .pending)
    fleet.tell(stopped[1], .stopped)
    #expect(fleet.state(high) == .starting)
    #expect(Set(fleet.nodes(high)) == places)
    #expect(stopped.allSatisfy { fleet.state($0) == .pending })
    // They come back where it has been.
    fleet.end(high)
    #expect(stopped.allSatisfy { fleet.state($0) == .starting })
  }

  @Test("equal priorities, and a class that does not preempt, wait")
  func waits() {
    var fleet = Self.fleet([], [PriorityClass(name: "calm", value: 50, preempts: false)])
    let all = fleet.submit(Self.spec(nodes: 16))
    let equal = fleet.submit(Self.spec())
    var calm = Self.spec(priority: 50)
    calm.wishes.priorityClass = "calm"
    let jobs = [equal, fleet.submit(calm)]
    #expect(fleet.state(all) == .starting && jobs.allSatisfy { fleet.state($0) == .pending })
  }

  @Test(
    "one that may have some nodes and not others takes the place of those that have these", arguments: [true, false])
  func particular(isLabel: Bool) {
    var fleet = Self.fleet()
    // One on each node, the first of which has least to lose and is not what it asks for.
    let low = fleet.submit(Array(repeating: Self.spec(), count: 16))
    for state: ShimReport.State in [.prepared, .running] { for job in low { fleet.tell(job, state) } }
    fleet.pass(.seconds(600))
    // Every second node is new; or all of the first three racks are left out.
    let isAllowed: (Int32) -> Bool = isLabel ? { $0 % 2 == 0 } : { $0 >= 12 }
    for job in low where !isAllowed(fleet.nodes(job)[0]) {
      guard let slot = fleet.controller.cluster.slot(of: job) else { continue }
      let attempt = AttemptID(job: job, number: fleet.controller.cluster.jobs[slot].attempt)
      fleet.controller.note(.checkpointCommitted(attempt: attempt, step: 100))
    }
    func ask(_ nodes: Int32, _ devices: Int32) -> JobSpec {
      Self.spec(nodes: nodes, devices: devices, priority: 10) { wishes in
        if isLabel {
          wishes.constraint = [LabelRule(key: "new", value: "yes")]
        } else {
          wishes.exclude = (0..<12).map { "n\($0)" }
        }
      }
    }
    for (nodes, devices) in [(Int32(2), Int32(8)), (1, 3)] {
      let before = Set(low.filter { fleet.state($0) == .stopping })
      let high = fleet.submit(ask(nodes, devices))
      let stopped = low.filter { fleet.state($0) == .stopping && !before.contains($0) }
      #expect(stopped.count == Int(nodes) && stopped.allSatisfy { isAllowed(fleet.nodes($0)[0]) })
      #expect(fleet.kinds(high) == ["preempting"])
      let places = Set(stopped.flatMap { fleet.nodes($0) })
      for job in stopped { fleet.tell(job, .stopped) }
      #expect(fleet.state(high) == .starting && Set(fleet.nodes(high)) == places)
    }
    // More than there are of these: it waits, and nobody is stopped for it in vain.
    let most: Int32 = isLabel ? 8 : 4
    let tooMany = fleet.submit(ask(most, 8))
    #expect(fleet.state(tooMany) == .pending)
    #expect(low.allSatisfy { fleet.state($0) != .stopping })
  }

  @Test("of a gang that has nodes of both kinds those that it asks for are made free, and the gang leaves as a whole")
  func partly() {
    var fleet = Self.fleet()
    let low = fleet.submit(Array(repeating: Self.spec(nodes: 4), count: 4))
    let high = fleet.submit(
      Self.spec(nodes: 3, priority: 1) { $0.constraint = [LabelRule(key: "new", value: "yes")] })
    let stopped = low.filter { fleet.state($0) == .stopping }
    // Two of four nodes are new in each rack.
    #expect(stopped.count == 2)
    for job in stopped { fleet.tell(job, .stopped) }
    #expect(fleet.state(high) == .starting && fleet.nodes(high).allSatisfy { $0 % 2 == 0 })
  }

  @Test("a part of a node takes the cheapest part")
  func parts() {
    var fleet = Self.fleet()
    _ = fleet.submit(Self.spec(nodes: 15))
    let parts = fleet.submit([Self.spec(devices: 4), Self.spec(devices: 2), Self.spec(devices: 2)])
    let high = fleet.submit(Self.spec(devices: 3, priority: 1))
    // Four of one or both of the others: they lose the same a device, four are more than three need.
    let stopped = parts.filter { fleet.state($0) == .stopping }
    #expect(stopped == [parts[0]] || stopped == [parts[1], parts[2]])
    for job in stopped { fleet.tell(job, .stopped) }
    #expect(fleet.state(high) == .starting)
  }

  @Test("a guarantee is taken back from those who borrow, and from nobody else")
  func reclaim() {
    var fleet = Self.fleet([
      ProjectPolicy(name: "a", quotas: Self.guaranteed(64)), ProjectPolicy(name: "b", quotas: Self.guaranteed(32)),
      ProjectPolicy(name: "c"),
    ])
    let b = fleet.submit(Array(repeating: Self.spec("b", nodes: 2, priority: 100), count: 6))
    let c = fleet.submit(Array(repeating: Self.spec("c", nodes: 2, priority: 100), count: 2))
    #expect((b + c).allSatisfy { fleet.state($0) == .starting })
    let a = fleet.submit(Array(repeating: Self.spec("a", nodes: 2), count: 5))
    // 64 of 128 are a's: b goes down to its own 32, c to nothing; the fifth would be beyond the guarantee.
    func stopping(_ jobs: [JobID]) -> Int { jobs.filter { fleet.state($0) == .stopping }.count }
    #expect(stopping(b) + stopping(c) == 4 && stopping(b) <= 4)
    for job in b + c where fleet.state(job) == .stopping { fleet.tell(job, .stopped) }
    #expect(a.filter { fleet.state($0) == .starting }.count == 4)
    #expect(fleet.state(a[4]) == .pending)
    // Whoever had to go does not come back at a's cost.
    for _ in 0..<5 { fleet.pass(.seconds(3_600)) }
    #expect(a.filter { fleet.state($0) == .starting }.count == 4)
    #expect(b.filter { fleet.state($0) == .starting }.count >= 2)
  }

  @Test("a parent's limit: a sibling that borrowed gives way")
  func siblings() {
    var fleet = Self.fleet([
      ProjectPolicy(name: "top", quotas: [DeviceQuota(guaranteed: 64, borrowLimit: 0)]),
      ProjectPolicy(name: "x", parent: "top", quotas: Self.guaranteed(32)),
      ProjectPolicy(name: "y", parent: "top", quotas: Self.guaranteed(32)),
    ])
    let x = fleet.submit(Array(repeating: Self.spec("x"), count: 8))
    let other = fleet.submit(Self.spec("z"))
    let y = fleet.submit(Self.spec("y", nodes: 2))
    #expect(x.filter { fleet.state($0) == .stopping }.count == 2)
    #expect(fleet.state(other) == .starting)
    for job in x where fleet.state(job) == .stopping { fleet.tell(job, .stopped) }
    #expect(fleet.state(y) == .starting)
  }

  @Test("walltime is for work: what preemption took is not counted")
  func walltime() {
    var fleet = Self.fleet()
    let low = fleet.submit(Self.spec(nodes: 16, walltime: .seconds(3_600)))
    for state: ShimReport.State in [.prepared, .running] { fleet.tell(low, state) }
    fleet.pass(.seconds(1_000))
    guard let slot = fleet.controller.cluster.slot(of: low) else { return }
    fleet.controller.note(.checkpointCommitted(attempt: AttemptID(job: low, number: 1), step: 5))
    fleet.pass(.seconds(500))
    let high = fleet.submit(Self.spec(priority: 1))
    fleet.tell(low, .stopped)
    #expect(fleet.state(high) == .starting)
    fleet.pass(.seconds(40_000))
    #expect(fleet.state(low) == .pending)
    fleet.end(high)
    #expect(fleet.state(low) == .starting)
    // 1,000 s of the hour were used when it saved its work.
    #expect(fleet.controller.walltimeEnd(slot) - fleet.now == .seconds(2_600))
  }

  @Test("what is being stopped already is waited for: nobody else is stopped, also after the controller's restart")
  func leaving() {
    var fleet = Self.fleet()
    let low = fleet.submit(Array(repeating: Self.spec(nodes: 4), count: 4))
    fleet.say(.cancel(low[1]))
    #expect(fleet.state(low[1]) == .stopping)
    let first = fleet.submit(Self.spec(nodes: 4, priority: 1))
    func stopping() -> [JobID] { low.filter { fleet.state($0) == .stopping } }
    #expect(stopping() == [low[1]] && fleet.kinds(first) == ["preempting"])
    let second = fleet.submit(Self.spec(nodes: 4, priority: 1))
    #expect(stopping().count == 2)
    // Claims are not durable.
    fleet.controller.claims = []
    fleet.controller.claimed = [:]
    fleet.controller.isPlanOld = true
    fleet.plan()
    #expect(stopping().count == 2 && fleet.controller.claims.count == 2)
    for job in stopping() { fleet.end(job) }
    #expect(fleet.state(first) == .starting && fleet.state(second) == .starting)
  }
  /// What may change while victims are stopping.
  enum Change: CaseIterable {
    case maintenance, levels, limit
  }

  @Test("a place that was kept is judged anew when what it was chosen by changes", arguments: Change.allCases)
  func changed(change: Change) {
    var fleet = Self.fleet()
    let low = fleet.submit(Array(repeating: Self.spec(nodes: 2), count: 8))
    for state: ShimReport.State in [.prepared, .running] { for job in low { fleet.tell(job, state) } }
    let high = fleet.submit(Self.spec("other", nodes: 4, priority: 10) { $0.within = Within(level: "rack") })
    let stopped = low.filter { fleet.state($0) == .stopping }
    let places = Set(stopped.flatMap { fleet.nodes($0) })
    #expect(stopped.count == 2 && fleet.kinds(high) == ["preempting"])
    var policy = fleet.controller.cluster.policy
    switch change {
    case .maintenance:
      fleet.say(
        .addMaintenance(
          Maintenance(id: 0, from: fleet.now, to: fleet.now + .seconds(3600), nodes: "n\(places.min() ?? 0)")))
    case .levels: policy.topology.levels = ["block"]
    case .limit:
      var other = ProjectPolicy(name: "other")
      other.quotas = [DeviceQuota(guaranteed: 8, borrowLimit: 0)]
      policy.projects = [ProjectPolicy(name: "default"), other]
    }
    if change != .maintenance { fleet.say(.applyPolicy(policy)) }
    for job in stopped { fleet.tell(job, .stopped) }
    #expect(fleet.state(high) == .pending)
    let kinds = fleet.kinds(high)
    switch change {
    case .maintenance:
      // It takes the place of others where nothing is planned.
      #expect(low.filter { fleet.state($0) == .stopping }.count == 2 && kinds == ["preempting"])
      for job in low where fleet.state(job) == .stopping { fleet.tell(job, .stopped) }
      #expect(fleet.state(high) == .starting && places.isDisjoint(with: fleet.nodes(high)))
    case .levels: #expect(kinds == ["topology"])
    case .limit: #expect(kinds == ["quota"])
    }
    if change != .maintenance { #expect(stopped.allSatisfy { fleet.state($0) == .starting }, "who left comes back") }
  }

  @Test("one that leaves already and is chosen is told once")
  func toldOnce() {
    var fleet = Self.fleet()
    let low = fleet.submit(Array(repeating: Self.spec(nodes: 4), count: 4))
    let high = fleet.submit(Self.spec(nodes: 8, priority: 1))
    let stopping = low.filter { fleet.state($0) == .stopping }
    #expect(stopping.count == 2)
    // One more is asked for what they leave, after the claim was lost.
    fleet.controller.claims = []
    fleet.controller.claimed = [:]
    fleet.controller.isPlanOld = true
    fleet.plan()
    let victims = fleet.controller.claims.flatMap(\.victims)
    #expect(fleet.controller.claims.map(\.job) == [high])
    #expect(Set(victims).count == victims.count && victims.count == 2)
  }
}
