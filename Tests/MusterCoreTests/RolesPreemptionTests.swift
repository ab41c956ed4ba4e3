import Testing

@testable import MusterCore

/// Who gives way to jobs of several roles: the places of all of them, and their victims, are chosen together or not at all.
@Suite struct RolesPreemptionTests {
  private static func job(
    _ roles: [(nodes: Int32, devices: Int32)], priority: Int32 = 10, _ change: (inout JobSpec) -> Void = { _ in }
  ) -> JobSpec {
    var spec = RolesTests.spec(roles)
    spec.priority = priority
    change(&spec)
    return spec
  }

  private static func stopping(_ jobs: [JobID], _ fleet: borrowing Fleet) -> [JobID] {
    jobs.filter { fleet.state($0) == .stopping }
  }

  @Test("all roles' places are left for them, and they start together when the last victim is gone")
  func together() {
    var fleet = Fleet()
    let low = fleet.submit(Array(repeating: Fleet.spec(), count: 16))
    let job = fleet.submit(Self.job([(2, 8), (1, 4), (1, 0)]) { $0.wishes.within = Within(level: "rack") })
    let stopped = Self.stopping(low, fleet)
    #expect(stopped.count == 3 && fleet.kinds(job) == ["preempting"])
    #expect(fleet.waiting(job).causes.first?.message.contains("the place of 3 jobs") == true)
    let places = Set(stopped.flatMap { fleet.nodes($0) })
    for victim in stopped {
      #expect(fleet.state(job) == .pending)
      fleet.tell(victim, .stopped)
    }
    #expect(fleet.state(job) == .starting && Set(fleet.nodes(job).prefix(3)) == places)
    #expect(Set(fleet.nodes(job).prefix(2).map { $0 / 4 }).count == 1)
    #expect(stopped.allSatisfy { fleet.state($0) == .pending })
    fleet.end(job)
    #expect(stopped.allSatisfy { fleet.state($0) == .starting })
  }

  @Test("a role that fits now keeps its place until the others have theirs")
  func kept() {
    var fleet = Fleet()
    let low = fleet.submit(Array(repeating: Fleet.spec(), count: 14))
    let job = fleet.submit(Self.job([(2, 8), (2, 8)]))
    let stopped = Self.stopping(low, fleet)
    #expect(stopped.count == 2)
    // Two nodes are free, and nobody else's.
    let small = fleet.submit(Fleet.spec(walltime: .seconds(60)))
    #expect(fleet.state(small) == .pending && fleet.state(job) == .pending)
    for victim in stopped { fleet.tell(victim, .stopped) }
    #expect(fleet.state(job) == .starting && Set(fleet.nodes(job)).count == 4)
  }

  @Test("nobody is stopped for one role where another finds no place", arguments: [[0, 1], [1, 0]])
  func allOrNone(order: [Int]) {
    var fleet = Fleet()
    _ = fleet.submit(Fleet.spec(nodes: 10, priority: 20))
    let low = fleet.submit(Array(repeating: Fleet.spec(), count: 6))
    let roles: [(nodes: Int32, devices: Int32)] = [(2, 8), (5, 8)]
    let job = fleet.submit(Self.job(order.map { roles[$0] }))
    #expect(Self.stopping(low, fleet).isEmpty && fleet.state(job) == .pending)
    #expect(fleet.controller.claims.isEmpty && fleet.kinds(job) != ["preempting"])
    // Those behind it take others' places as if it had not been tried.
    let small = fleet.submit(Fleet.spec(nodes: 6, priority: 5))
    #expect(Self.stopping(low, fleet).count == 6 && fleet.kinds(small) == ["preempting"])
  }

  @Test("what one role's victims leave beyond its need is another's")
  func shared() {
    var fleet = Fleet()
    // A whole rack each, of which two nodes are new.
    let low = fleet.submit(Array(repeating: Fleet.spec(nodes: 4), count: 4))
    let job = fleet.submit(
      Self.job([(2, 8), (2, 8)]) { $0.further[0].wishes.constraint = [LabelRule(key: "new", value: "yes")] })
    let stopped = Self.stopping(low, fleet)
    #expect(stopped.count == 1 && fleet.kinds(job) == ["preempting"])
    for victim in stopped { fleet.tell(victim, .stopped) }
    #expect(fleet.state(job) == .starting)
    #expect(fleet.nodes(job).suffix(2).allSatisfy { $0 % 2 == 0 })
  }

  @Test("roles that use parts of nodes share those that the victims of one leave")
  func parts() {
    var fleet = Fleet()
    let low = fleet.submit(Array(repeating: Fleet.spec(nodes: 2), count: 8))
    let job = fleet.submit(Self.job([(2, 4), (2, 3), (1, 1)]))
    let stopped = Self.stopping(low, fleet)
    #expect(stopped.count == 1 && fleet.kinds(job) == ["preempting"])
    for victim in stopped { fleet.tell(victim, .stopped) }
    #expect(fleet.state(job) == .starting && Set(fleet.nodes(job)).count == 2)
  }

  @Test("a role that is to be alone, and one without devices that is kept away from it")
  func alone() {
    var fleet = Fleet()
    let low = fleet.submit(Array(repeating: Fleet.spec(devices: 4), count: 32))
    let job = fleet.submit(Self.job([(1, 2), (1, 8), (14, 0)]) { $0.wishes.isExclusive = true })
    let stopped = Self.stopping(low, fleet)
    #expect(stopped.count == 4 && fleet.kinds(job) == ["preempting"])
    for victim in stopped { fleet.tell(victim, .stopped) }
    #expect(fleet.state(job) == .starting)
    let nodes = fleet.nodes(job)
    #expect(nodes.count == 16 && !nodes.dropFirst().contains(nodes[0]))
  }

  @Test("what all roles take together stays within the guarantee, or nobody is stopped", arguments: [31, 32])
  func guarantee(devices: Int32) {
    var fleet = Fleet()
    var policy = fleet.controller.cluster.policy
    policy.projects = [ProjectPolicy(name: "a", quotas: [DeviceQuota(guaranteed: devices)])]
    policy.projects[0].limits.runningJobs = 1
    fleet.say(.applyPolicy(policy))
    let low = fleet.submit(Array(repeating: Fleet.spec(), count: 16))
    let job = fleet.submit(Self.job([(2, 8), (2, 8)], priority: 0) { $0.project = "a" })
    let stopped = Self.stopping(low, fleet)
    #expect(stopped.count == (devices == 32 ? 4 : 0))
    for victim in stopped { fleet.tell(victim, .stopped) }
    #expect(fleet.state(job) == (devices == 32 ? .starting : .pending))
  }

  @Test("what a role takes of free nodes counts against the guarantee, too", arguments: [16, 24])
  func guaranteeBeside(devices: Int32) {
    var fleet = Fleet()
    var policy = fleet.controller.cluster.policy
    policy.projects = [ProjectPolicy(name: "a", quotas: [DeviceQuota(guaranteed: devices)])]
    fleet.say(.applyPolicy(policy))
    let low = fleet.submit(Array(repeating: Fleet.spec(), count: 16))
    for job in low where [1, 3].contains(fleet.nodes(job)[0]) { fleet.end(job) }
    // The first role needs a node that is not free, within 16 devices alone; the other has the two that are.
    let job = fleet.submit(
      Self.job([(1, 8), (2, 8)], priority: 0) { spec in
        spec.project = "a"
        spec.wishes.constraint = [LabelRule(key: "new", value: "yes")]
      })
    #expect(fleet.state(job) == .pending)
    #expect(Self.stopping(low, fleet).count == (devices == 24 ? 1 : 0))
  }

  @Test("a node of its place is lost: all of the place is given back, and another one is found")
  func lost() {
    var fleet = Fleet()
    let low = fleet.submit(Array(repeating: Fleet.spec(), count: 14))
    let job = fleet.submit(Self.job([(2, 8), (2, 8)]))
    let first = Self.stopping(low, fleet)
    let free = Set(fleet.controller.claims[0].places.map(\.node.index)).subtracting(first.flatMap { fleet.nodes($0) })
    #expect(free.count == 2)
    let dead = free.min() ?? 0
    fleet.say(.nodeDied(node: "n\(dead)", evidence: "gone"))
    // One more has to go; those that go already are waited for.
    let stopped = Self.stopping(low, fleet)
    #expect(stopped.count == 3 && first.allSatisfy { stopped.contains($0) })
    #expect(fleet.controller.claims.count == 1 && !fleet.controller.claims[0].places.contains { $0.node.index == dead })
    for victim in stopped { fleet.tell(victim, .stopped) }
    #expect(fleet.state(job) == .starting)
  }

  @Test("a job that is cancelled while others leave for it gives all of its place back")
  func cancelled() {
    var fleet = Fleet()
    let low = fleet.submit(Array(repeating: Fleet.spec(), count: 14))
    let job = fleet.submit(Self.job([(2, 8), (2, 8)]))
    let stopped = Self.stopping(low, fleet)
    fleet.say(.cancel(job))
    #expect(fleet.controller.claims.isEmpty)
    let two = fleet.submit(Fleet.spec(nodes: 2))
    #expect(fleet.state(two) == .starting, "what it was to have and was free")
    for victim in stopped { fleet.tell(victim, .stopped) }
    #expect(stopped.allSatisfy { fleet.state($0) == .starting })
  }

  @Test("where nothing has a walltime the roles of a job gather nodes once it has waited long enough")
  func gathers() {
    var fleet = Fleet()
    let running = (0..<16).map { _ in fleet.submit(Fleet.spec()) }
    let job = fleet.submit(Self.job([(4, 8), (2, 8)], priority: 0) { $0.wishes.within = Within(level: "rack") })
    let overtaken = fleet.overtaken(job, by: running, at: 80)
    #expect(fleet.state(job) == .starting && overtaken >= 10)
    #expect(Set(fleet.nodes(job).prefix(4).map { $0 / 4 }).count == 1)
  }

  @Test("roles that their quota does not let run together keep nothing from others")
  func gathersNothing() {
    var fleet = Fleet()
    fleet.declare("a") { $0.limits.devices = 40 }
    var own = Fleet.spec()
    own.project = "a"
    let running = fleet.submit(own)
    let others = fleet.submit(Array(repeating: Fleet.spec(), count: 15))
    // Each role would be within the limit beside what runs, both are not.
    let job = fleet.submit(Self.job([(2, 8), (3, 8)], priority: 0) { $0.project = "a" })
    fleet.pass(.seconds(9_000))
    fleet.end(others[0])
    let small = fleet.submit(Fleet.spec())
    #expect(fleet.state(small) == .starting && fleet.state(job) == .pending)
    #expect(fleet.state(running) == .starting)
  }
}
