import Testing

@testable import MusterCore

/// `warn` of a job file: the signal before the walltime is over.
@Suite struct WalltimeWarningTests {
  private static let spec: JobSpec = {
    var spec = Fleet.spec(nodes: 2, walltime: .seconds(600)) { $0.warning = Warning(signal: 10, before: .seconds(300)) }
    spec.restart.fence = .attempt
    return spec
  }()

  private static func warnings(_ fleet: inout Fleet) -> [AttemptWarned] {
    fleet.controller.takeFresh().compactMap { fact in
      if case .attemptWarned(let warned) = fact.event { warned } else { nil }
    }
  }

  private static func member(_ job: JobID, _ attempt: Int32, _ index: Int32) -> MemberID {
    MemberID(attempt: AttemptID(job: job, number: attempt), index: index)
  }

  private static func run(_ fleet: inout Fleet, _ job: JobID) {
    for state: ShimReport.State in [.prepared, .running] { fleet.tell(job, state) }
  }

  @Test("every member is told once, so long before the walltime ends, until its attempt is stopped")
  func inTime() {
    var fleet = Fleet()
    let (job, began) = (fleet.submit(Self.spec), fleet.now)
    Self.run(&fleet, job)
    fleet.pass(.seconds(299))
    #expect(fleet.controller.warning(for: Self.member(job, 1, 0)) == nil)
    #expect(Self.warnings(&fleet) == [])
    _ = fleet.controller.takeDirty()
    fleet.pass(.seconds(1))
    let warned = AttemptWarned(
      attempt: AttemptID(job: job, number: 1), signal: 10, walltimeEnd: began + .seconds(600))
    #expect(Self.warnings(&fleet) == [warned])
    #expect(fleet.controller.takeDirty().members.count == 2)
    for i: Int32 in [0, 1] { #expect(fleet.controller.warning(for: Self.member(job, 1, i)) == 10) }
    fleet.pass(.seconds(100))
    #expect(Self.warnings(&fleet) == [])
    fleet.pass(.seconds(201))
    #expect(fleet.state(job) == .stopping)
    #expect(fleet.controller.warning(for: Self.member(job, 1, 0)) == nil)
    #expect(fleet.controller.warning(for: Self.member(JobID(99), 1, 0)) == nil)
  }

  @Test("a controller that starts again says the same and writes no second fact; one that was away says it late")
  func restarts() throws {
    var fleet = Fleet()
    let told = fleet.submit(Self.spec)
    Self.run(&fleet, told)
    fleet.pass(.seconds(299))
    let late = fleet.submit(Self.spec)
    Self.run(&fleet, late)
    fleet.pass(.seconds(1))
    _ = Self.warnings(&fleet)
    let state = fleet.controller.cluster.encodeSnapshot()
    fleet.now = fleet.now + .seconds(299)
    fleet.controller = Controller(
      cluster: try Cluster(snapshot: state), limits: fleet.controller.limits, now: fleet.now)
    fleet.say(.start)
    fleet.say(.tick)
    #expect(fleet.controller.warning(for: Self.member(told, 1, 0)) == 10)
    #expect(Self.warnings(&fleet).map(\.attempt.job) == [late])
    #expect(fleet.controller.warning(for: Self.member(late, 1, 1)) == 10)
  }

  @Test(
    "an attempt that began after the warning was due gets it after its first step, or after a while",
    arguments: [true, false])
  func nextAttempt(steps: Bool) {
    var fleet = Fleet()
    let job = fleet.submit(Self.spec)
    Self.run(&fleet, job)
    fleet.pass(.seconds(350))
    #expect(Self.warnings(&fleet).map(\.attempt.number) == [1])
    fleet.say(.nodeDied(node: "n\(fleet.nodes(job)[1])", evidence: "gone"))
    fleet.say(.shimReport(Self.member(job, 1, 0), ShimReport(state: .stopped, ranks: [])))
    Self.run(&fleet, job)
    #expect(fleet.state(job) == .running)
    fleet.pass(.seconds(29))
    #expect(fleet.controller.warning(for: Self.member(job, 2, 0)) == nil)
    if steps {
      let ranks = [RankReport(rank: 0, state: .running, step: 1, stepsSaid: 1)]
      fleet.say(.shimReport(Self.member(job, 2, 0), ShimReport(state: .running, port: 1, ranks: ranks)))
      fleet.say(.tick)
    } else {
      #expect(Self.warnings(&fleet) == [])
      fleet.pass(.seconds(1))
    }
    #expect(Self.warnings(&fleet).map(\.attempt.number) == [2])
  }

  @Test("a job that does not ask is not warned")
  func unasked() {
    var fleet = Fleet()
    let job = fleet.submit(Fleet.spec(walltime: .seconds(600)))
    Self.run(&fleet, job)
    fleet.pass(.seconds(599))
    #expect(Self.warnings(&fleet) == [])
  }

  @Test("a fact that says it twice is objected to")
  func twice() {
    var fleet = Fleet()
    let job = fleet.submit(Self.spec)
    Self.run(&fleet, job)
    fleet.pass(.seconds(301))
    let again = AttemptWarned(attempt: AttemptID(job: job, number: 1), signal: 10, walltimeEnd: fleet.now)
    #expect(
      fleet.controller.cluster.objection(to: Fact(at: fleet.now, .attemptWarned(again))) == "it was warned before")
  }
}
