import Testing

@testable import MusterCore

/// Nobody waits for ever behind those that came later, or for what the scheduler does not count.
@Suite struct StarvationTests {
  @Test("the start of a large gang does not recede while jobs of the same walltime keep coming")
  func equalWalltimes() {
    var fleet = Fleet()
    var running: [(job: JobID, end: Instant)] = []
    func submit(_ fleet: inout Fleet) -> JobID { fleet.submit(Fleet.spec(walltime: .seconds(3600))) }
    // Sixteen jobs, a minute and a bit apart, and then the whole fleet is asked for.
    for _ in 0..<16 {
      running.append((submit(&fleet), fleet.now + .seconds(3600)))
      fleet.pass(.seconds(71))
    }
    let last = running.map(\.end).max() ?? .zero
    let large = fleet.submit(Fleet.spec(nodes: 16, walltime: .seconds(3600)))
    var promised = Instant.never
    while fleet.state(large) == .pending, fleet.now < last + .seconds(7200) {
      _ = submit(&fleet)
      for (job, end) in running where end <= fleet.now { fleet.end(job) }
      running.removeAll { $0.end <= fleet.now }
      let start = fleet.waiting(large).start ?? .never
      #expect(start <= promised || fleet.state(large) != .pending, "it recedes from \(promised) to \(start)")
      promised = min(promised, start)
      fleet.pass(.seconds(67))
    }
    // Within a bucket of the last end that stood in its way.
    #expect(fleet.state(large) == .starting && fleet.now <= last + .seconds(300))
  }

  @Test("where nothing has a walltime a large gang gathers nodes once it has waited long enough")
  func gathers() {
    var fleet = Fleet()
    let running = (0..<16).map { _ in fleet.submit(Fleet.spec()) }
    let large = fleet.submit(Fleet.spec(nodes: 8) { $0.within = Within(level: "block") })
    let overtaken = fleet.overtaken(large, by: running, at: 60)
    #expect(fleet.state(large) == .starting)
    // Before its patience was over, and in the other block afterwards.
    #expect(overtaken >= 10)
    #expect(Set(fleet.nodes(large).map { $0 / 8 }).count == 1)
  }

  @Test("what a project has on nodes that take no more work counts, and others start beside it")
  func draining() {
    var fleet = Fleet()
    fleet.declare("p", "q") { $0.limits.devices = 24 }
    func spec(_ project: String, _ nodes: Int32, priority: Int32 = 0) -> JobSpec {
      var spec = Fleet.spec(nodes: nodes, walltime: .seconds(3600), priority: priority)
      spec.project = project
      return spec
    }
    let first = fleet.submit(spec("p", 1))
    fleet.say(.drain(node: "n\(fleet.nodes(first)[0])", reason: "x"))
    let second = fleet.submit(spec("p", 3, priority: 5))
    let other = fleet.submit(spec("q", 15))
    #expect(fleet.kinds(second) == ["quota"])
    #expect(fleet.state(other) == .starting)
  }

  @Test("a job that is alone on its nodes is charged for them, also if it asked for no devices")
  func alone() {
    var fleet = Fleet()
    fleet.declare("default") { $0.limits.devices = 8 }
    let one = fleet.submit(Fleet.spec(nodes: 1, devices: 0) { $0.isExclusive = true })
    #expect(fleet.state(one) == .starting)
    let two = fleet.submit(Fleet.spec(nodes: 1, devices: 0) { $0.isExclusive = true })
    #expect(fleet.state(two) == .pending && fleet.kinds(two) == ["quota"] && !fleet.waiting(two).isNever)
    fleet.end(one)
    #expect(fleet.state(two) == .starting)
  }

  @Test("a gang that is alone on its nodes and over its limit is refused, not left to wait")
  func aloneOverLimit() {
    var fleet = Fleet()
    fleet.declare("default") { $0.limits.devices = 8 }
    let reply = fleet.say(
      .submit([Fleet.spec(nodes: 2, devices: 1) { $0.isExclusive = true }], key: "", requestHash: 0))
    guard case .refused(.impossible(_, let why)) = reply else {
      Issue.record("accepted")
      return
    }
    let may = "project default may use 8 devices at the same time"
    #expect(why == "is alone on its nodes and so needs at least 16 devices; \(may)")
  }

  @Test("a job that is not to start yet has its place in the calendar")
  func begin() {
    var fleet = Fleet()
    _ = fleet.submit(Fleet.spec(nodes: 16, walltime: .seconds(3 * 3600)))
    let later = fleet.submit(
      Fleet.spec(nodes: 16, walltime: .seconds(3600)) { $0.begin = fleet.now + .seconds(3600) })
    let behind = fleet.submit(Fleet.spec(nodes: 16, walltime: .seconds(3600)))
    func hours(_ job: JobID) -> Int64? { fleet.waiting(job).start.map { ($0 - fleet.now).milliseconds / 3_600_000 } }
    #expect(hours(later) == 3 && hours(behind) == 4)
    #expect(fleet.kinds(later).first == "begin" && fleet.kinds(later).contains("nodesBusy"))
  }

  @Test("who gives way has its grace for a checkpoint, and no longer than there is for anybody")
  func grace() throws {
    var fleet = Fleet()
    var spec = Fleet.spec(nodes: 16)
    spec.stop.grace = .seconds(1 << 30)
    let victim = fleet.submit(spec)
    for state: ShimReport.State in [.prepared, .running] { fleet.tell(victim, state) }
    let job = fleet.submit(Fleet.spec(priority: 5))
    let member = MemberID(attempt: AttemptID(job: victim, number: 1), index: 0)
    guard case .stop(let order) = fleet.controller.order(for: member) else {
      Issue.record("it goes on")
      return
    }
    #expect(order.grace == fleet.controller.limits.preemptionGrace)
    #expect(fleet.waiting(job).start == fleet.now + order.grace)
  }
}
