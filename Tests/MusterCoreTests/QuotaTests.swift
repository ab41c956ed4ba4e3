import Testing

@testable import MusterCore

/// What projects may use, and in what order they have their turn, as the whole core does it.
@Suite struct QuotaTests {
  private static func fleet(_ projects: [ProjectPolicy]) -> Fleet {
    // Nobody is stopped for others here.
    var fleet = Fleet(mode: PlanningMode())
    var policy = fleet.controller.cluster.policy
    policy.projects = projects
    fleet.say(.applyPolicy(policy))
    return fleet
  }

  private static func spec(
    _ project: String, nodes: Int32 = 1, devices: Int32 = 8, user: String = "u", walltime: Span? = nil
  ) -> JobSpec {
    var spec = Fleet.spec(nodes: nodes, devices: devices, walltime: walltime)
    (spec.project, spec.user) = (project, user)
    return spec
  }

  private static func quota(_ guaranteed: Int32, borrow: Int32? = nil, lend: Int32? = nil) -> [DeviceQuota] {
    [DeviceQuota(guaranteed: guaranteed, borrowLimit: borrow, lendLimit: lend)]
  }

  @Test("a project borrows no more than its limit; what it waits for is said with numbers")
  func borrowLimit() {
    var fleet = Self.fleet([ProjectPolicy(name: "a", quotas: Self.quota(32, borrow: 16))])
    let jobs = fleet.submit(Array(repeating: Self.spec("a", nodes: 2), count: 4))
    #expect(jobs.map { fleet.state($0) } == [.starting, .starting, .starting, .pending])
    let cause = fleet.waiting(jobs[3]).causes[0]
    #expect(cause.kind == "quota")
    #expect(
      cause.message
        == "project a may use 48 devices (32 guaranteed, 16 borrowed) and has none left; it needs 16")
    fleet.end(jobs[0])
    #expect(fleet.state(jobs[3]) == .starting)
  }

  @Test("a quota that is short later, and not now, is what it waits for; the most nodes that start are told")
  func shortLater() {
    var fleet = Self.fleet([ProjectPolicy(name: "a", quotas: Self.quota(32, borrow: 32))])
    func spec(nodes: Int32, hours: Int64) -> JobSpec {
      var spec = Self.spec("a", nodes: nodes)
      spec.walltime = .seconds(hours * 3600)
      return spec
    }
    var later = spec(nodes: 1, hours: 1)
    later.wishes.begin = fleet.now + .seconds(1800)
    let jobs = fleet.submit([spec(nodes: 4, hours: 1), later, spec(nodes: 4, hours: 10)])
    #expect(jobs.map { fleet.state($0) } == [.starting, .pending, .pending])
    #expect(
      fleet.waiting(jobs[2]).causes == [
        .init(
          kind: "quota",
          message:
            "before it would end: project a may use 64 devices (32 guaranteed, 32 borrowed) and has 24 left; it needs 32"
        )
      ])
    let changes = fleet.controller.cluster.slot(of: jobs[2]).map { fleet.controller.startChanges($0) }
    #expect(changes?.first { $0.kind == "nodes" }?.value == "3")
    let three = fleet.submit(spec(nodes: 3, hours: 10))
    #expect(fleet.state(three) == .starting)
  }

  @Test("what is not lent stays free for its owner")
  func lendLimit() {
    var fleet = Self.fleet([
      ProjectPolicy(name: "a", quotas: Self.quota(64, lend: 32)), ProjectPolicy(name: "b"),
    ])
    let others = fleet.submit(Array(repeating: Self.spec("b", nodes: 1), count: 16))
    // 128 devices, 32 of them are kept.
    #expect(others.filter { fleet.state($0) == .starting }.count == 12)
    #expect(fleet.waiting(others[12]).causes[0].message.hasPrefix("all devices that are left are kept for other"))
    let own = fleet.submit(Array(repeating: Self.spec("a"), count: 4))
    #expect(own.allSatisfy { fleet.state($0) == .starting })
    // Strangers are held to it, too.
    let stranger = fleet.submit(Self.spec("nobody"))
    #expect(fleet.state(stranger) == .pending)
  }

  @Test("a parent's limit holds its children together")
  func parents() {
    var fleet = Self.fleet([
      ProjectPolicy(name: "top", quotas: Self.quota(64, borrow: 0)),
      ProjectPolicy(name: "x", parent: "top", quotas: Self.quota(32)),
      ProjectPolicy(name: "y", parent: "top", quotas: Self.quota(32)),
    ])
    let x = fleet.submit(Array(repeating: Self.spec("x"), count: 6))
    let y = fleet.submit(Array(repeating: Self.spec("y"), count: 4))
    #expect(x.allSatisfy { fleet.state($0) == .starting })
    #expect(y.map { fleet.state($0) } == [.starting, .starting, .pending, .pending])
    #expect(fleet.waiting(y[2]).causes[0].message.hasPrefix("project top may use 64 devices"))
  }

  @Test("limits of a project's jobs and of a user's devices")
  func limits() {
    var fleet = Self.fleet([
      ProjectPolicy(
        name: "a", limits: UseLimits(runningJobs: 3), userLimits: UseLimits(devices: 16, walltime: .seconds(3_600)))
    ])
    #expect(
      fleet.say(.submit([Self.spec("a")], key: "", requestHash: 0))
        == .refused(
          .walltimeOverLimit(job: "j", who: "a user of project a", limit: .seconds(3_600), asked: nil)))
    #expect(
      fleet.say(.submit([Self.spec("a", nodes: 3, walltime: .seconds(60))], key: "", requestHash: 0))
        == .refused(
          .impossible(job: "j", why: "needs 24 devices; user u of project a may use 16 devices at the same time")))
    let ann = fleet.submit(Array(repeating: Self.spec("a", user: "ann", walltime: .seconds(600)), count: 3))
    #expect(ann.map { fleet.state($0) } == [.starting, .starting, .pending])
    #expect(fleet.waiting(ann[2]).causes[0].message.hasPrefix("user ann of project a may use 16 devices"))
    let bob = fleet.submit(Array(repeating: Self.spec("a", user: "bob", walltime: .seconds(600)), count: 2))
    #expect(bob.map { fleet.state($0) } == [.starting, .pending])
    #expect(
      fleet.waiting(bob[1]).causes[0].message
        == "project a may run 3 jobs at the same time, and no more may start now")
    // One without devices counts as well.
    let plain = fleet.submit(Self.spec("a", devices: 0, user: "cat", walltime: .seconds(600)))
    #expect(fleet.state(plain) == .pending)
    #expect(fleet.waiting(plain).causes[0].kind == "quota")
    for job in [ann[0], ann[1], bob[0]] { fleet.end(job) }
    #expect(fleet.state(plain) == .starting)
  }

  @Test("of a project or user who may run no jobs all are refused, with devices or without; a limit set later says so")
  func noJobs() {
    var fleet = Self.fleet([
      ProjectPolicy(name: "a", limits: UseLimits(runningJobs: 0)), ProjectPolicy(name: "child", parent: "a"),
      ProjectPolicy(name: "b", userLimits: UseLimits(runningJobs: 0)),
    ])
    let no = "is a job of project a, which may run none"
    for (spec, why) in [
      (Self.spec("a"), no), (Self.spec("a", devices: 0), no), (Self.spec("child", devices: 0), no),
      (Self.spec("b", devices: 0), "is a job of user u of project b, who may run none"),
    ] {
      #expect(
        fleet.say(.submit([spec], key: "", requestHash: 0)) == .refused(.impossible(job: "j", why: why)))
    }
    _ = fleet.submit(Self.spec("c", nodes: 16))
    let jobs = fleet.submit(
      [Int32(8), 0].map { devices in
        var spec = Self.spec("d", devices: devices)
        spec.wishes.isHeld = true
        return spec
      })
    var policy = fleet.controller.cluster.policy
    policy.projects.append(ProjectPolicy(name: "d", limits: UseLimits(runningJobs: 0)))
    fleet.say(.applyPolicy(policy))
    for job in jobs { fleet.say(.release(job)) }
    #expect(jobs.map { fleet.waiting($0).isNever } == [true, true])
    #expect(fleet.waiting(jobs[1]).causes[0].message == "project d may run no jobs")
  }

  @Test("texts of limits are sentences for none, one and many", arguments: [Int32(0), 1, 2])
  func sentences(most: Int32) {
    typealias Label = QuotaBook.Label
    let devices = Label(project: "a", what: .devices)
    let quota = Label(project: "a", what: .quota(type: "H100", guaranteed: 0, most: most))
    let (jobs, fleet) = (Label(project: "a", user: "u", what: .jobs), Label(project: "", what: .fleet(type: "")))
    let texts = [devices, quota, fleet].map { $0.never(needed: 3, most: most) }
    let expected: [[String]] = [
      [
        "needs 3 devices; project a may use no devices", "needs 3 H100 devices; project a may use no H100 devices",
        "needs 3 devices; all devices that are left are kept for other projects",
      ],
      [
        "needs 3 devices; project a may use 1 device at the same time",
        "needs 3 H100 devices; project a may use 1 H100 device (0 guaranteed, 1 borrowed)",
        "needs 3 devices; 1 device is not kept for other projects",
      ],
      [
        "needs 3 devices; project a may use 2 devices at the same time",
        "needs 3 H100 devices; project a may use 2 H100 devices (0 guaranteed, 2 borrowed)",
        "needs 3 devices; 2 devices are not kept for other projects",
      ],
    ]
    #expect(texts == expected[Int(most)])
    #expect(
      devices.message(needed: 3, left: 0, most: most)
        == [
          "project a may use no devices; it needs 3",
          "project a may use 1 device at the same time and has none left; it needs 3",
          "project a may use 2 devices at the same time and has none left; it needs 3",
        ][Int(most)])
    #expect(
      jobs.message(needed: 1, left: 0, most: most)
        == [
          "user u of project a may run no jobs",
          "user u of project a may run 1 job at the same time, and no more may start now",
          "user u of project a may run 2 jobs at the same time, and no more may start now",
        ][Int(most)])
  }

  @Test("within the guarantee first, then who used least for its weight")
  func turns() {
    var fleet = Self.fleet([
      ProjectPolicy(name: "a", quotas: Self.quota(16)), ProjectPolicy(name: "b", weight: 2), ProjectPolicy(name: "c"),
    ])
    let all = fleet.submit(Self.spec("c", nodes: 16))
    #expect(fleet.state(all) == .starting)
    let c = fleet.submit(Array(repeating: Self.spec("c"), count: 12))
    let b = fleet.submit(Array(repeating: Self.spec("b"), count: 12))
    let a = fleet.submit(Array(repeating: Self.spec("a"), count: 6))
    fleet.pass(.seconds(5 * 86_400))
    fleet.end(all)
    func started(_ jobs: [JobID]) -> Int { jobs.filter { fleet.state($0) == .starting }.count }
    // Five days of the whole fleet weigh against c for long. Two of a's are guaranteed, and of all it has half of what b has.
    #expect([started(a), started(b), started(c)] == [6, 10, 0])
    #expect(abs(started(a) * 2 - started(b)) <= 2)
  }

  @Test("device time of late is halved every week, and lives in the state")
  func decay() throws {
    var use = DecayedUse()
    let start = Instant(nanoseconds: 1_700_000_000_000_000_000)
    use.add(devices: 10, from: start, to: start + .seconds(100))
    #expect(abs(use.deviceSeconds - 1_000) < 0.1)
    #expect(abs(use.seconds(at: start + .seconds(100 + 7 * 86_400)) - 500) < 0.1)
    #expect(abs(use.seconds(at: start + .seconds(100 + 14 * 86_400)) - 250) < 0.1)
    // A week of ten devices is worth 1 / (2 ln 2) of it at its end.
    #expect(abs(DecayedUse.use(devices: 10, for: .seconds(7 * 86_400)) / (70 * 86_400) - 0.721_347_5) < 1e-6)

    var fleet = Self.fleet([ProjectPolicy(name: "a")])
    let job = fleet.submit(Self.spec("a", nodes: 4))
    fleet.pass(.seconds(1_000))
    fleet.end(job)
    let again = try Cluster(snapshot: fleet.controller.cluster.encodeSnapshot())
    #expect(again.usage["a"] == fleet.controller.cluster.usage["a"])
    #expect(abs((again.usage["a"]?.deviceSeconds ?? 0) - 32_000) < 20)
  }
}
