import Testing

@testable import MusterCore

@Suite struct FiguresTests {
  private static func devices(_ figures: Figures) -> [Figures.DeviceUse: Int64] {
    Dictionary(uniqueKeysWithValues: zip(Figures.DeviceUse.allCases, figures.devices))
  }

  private static func waiting(_ figures: Figures) -> [WaitKind: Int64] {
    Dictionary(uniqueKeysWithValues: zip(WaitKind.allCases, figures.waiting)).filter { $0.value > 0 }
  }

  @Test("every device and every job is counted once")
  func counts() {
    var fleet = Fleet()
    let running = fleet.submit(Fleet.spec(nodes: 2))
    fleet.tell(running, .prepared)
    fleet.tell(running, .running)
    _ = fleet.submit(Fleet.spec(nodes: 1, devices: 3))
    _ = fleet.submit(Fleet.spec(nodes: 16))
    fleet.say(.drain(node: "n15", reason: "x"))
    let figures = fleet.controller.figures()
    #expect(figures.jobs == [1, 1, 1, 0])
    #expect(figures.nodes.reduce(0, +) == 16 && figures.nodes[Int(NodeState.drained.rawValue)] == 1)
    #expect(Self.devices(figures) == [.busy: 19, .outOfService: 8, .free: 101, .held: 0, .maintenance: 0])
    let uncounted = fleet.controller.figures(waiting: 0)
    #expect(Self.waiting(uncounted) == [.notCounted: 1] && uncounted.jobs == figures.jobs)
    #expect(figures.agents == 16 && figures.members == 3)
    #expect(figures.sequence == fleet.controller.cluster.sequence && figures.epoch == 1)
  }

  @Test("devices in a maintenance, and those kept for a gang that others make room for, are free to nobody")
  func keptDevices() {
    var fleet = Fleet()
    fleet.say(
      .addMaintenance(
        Maintenance(
          id: 0, from: fleet.now, to: fleet.now + .seconds(3600), nodes: "n[14-15]", level: "", domain: "", reason: "x")
      ))
    #expect(Self.devices(fleet.controller.figures())[.maintenance] == 16)
    _ = fleet.submit((0..<14).map { _ in Fleet.spec(priority: -1) })
    _ = fleet.submit(Fleet.spec(nodes: 2, priority: 5))
    let figures = fleet.controller.figures()
    #expect(Self.waiting(figures)[.preempting] == 1)
    #expect(Self.devices(figures)[.busy] == 112 && figures.jobs[Int(JobState.stopping.rawValue)] == 2)
  }

  @Test("a kind is that of the first cause that is told in words")
  func kinds() {
    var fleet = Fleet(refuses: false)
    let first = fleet.submit(Fleet.spec(nodes: 10, walltime: .seconds(3600)))
    var all = fleet.submit([
      Fleet.spec(nodes: 8), Fleet.spec(nodes: 40), Fleet.spec(devices: 9), Fleet.spec { $0.isHeld = true },
      Fleet.spec { $0.deviceTypes = ["none"] }, Fleet.spec { $0.dependsOn = [Dependency(kind: .afterok, job: first)] },
      Fleet.spec { $0.begin = fleet.now + .seconds(86_400) },
      Fleet.spec(nodes: 7, walltime: .seconds(7200)),
      Fleet.spec { $0.constraint = [LabelRule(key: "new", value: "never")] },
    ])
    all += fleet.submit(
      (0..<3).map { i in Fleet.spec { $0.array = ArrayTask(position: i, count: 3, index: i, atOnce: 1) } })
    var seen: Set<String> = []
    for job in all {
      guard let slot = fleet.controller.cluster.slot(of: job), fleet.state(job) == .pending else { continue }
      let kind = fleet.controller.waitKind(slot).rawValue
      #expect(kind == fleet.kinds(job).first, "job \(job)")
      seen.insert(kind)
    }
    #expect(seen.count >= 7, "\(seen)")
    let figures = fleet.controller.figures()
    #expect(figures.waiting.reduce(0, +) == figures.jobs[0])
  }

  @Test("each cause has the same kind with words and without")
  func sameKinds() {
    let unready: [Unready] = [
      .held, .dependency(Dependency(kind: .afterok, job: JobID(1)), .running),
      .dependencyNever(Dependency(kind: .afterok, job: JobID(1)), .failed), .singleton(JobID(1)), .notBefore(.zero),
      .arrayLimit(array: JobID(1), running: 1, limit: 1), .noSuchLevel("x"), .pausing(until: .zero, attempts: 4),
      .quiet,
    ]
    for why in unready { #expect(why.kind.rawValue == why.cause.kind) }
    let waits: [WaitCause] = [
      .nodesBusy(deviceType: 0, needed: 1, free: 0), .devicesBusy(deviceType: 0, needed: 1, free: 0),
      .topology(deviceType: 0, segment: 1, needed: 1, free: 0), .heldAhead(deviceType: 0),
      .quota(deviceType: 0, needed: 1, left: 0, limit: 1, row: 0), .filter(deviceType: 0, needed: 1, matching: 0),
      .maintenance(deviceType: 0, from: .zero), .outOfService(deviceType: 0, nodes: 1), .notBefore(.zero),
    ]
    for why in waits { #expect(why.waitKind.rawValue == why.kind) }
  }

  @Test("a queue beyond the limit is counted, its reasons are not looked for")
  func longQueue() {
    var fleet = Fleet()
    let more = 30
    for _ in 0..<((Figures.waitingLimit + more) / 1000) {
      _ = fleet.submit((0..<1000).map { _ in Fleet.spec { $0.isHeld = true } })
    }
    _ = fleet.submit((0..<more).map { _ in Fleet.spec { $0.isHeld = true } })
    #expect(Self.waiting(fleet.controller.figures()) == [.held: Int64(Figures.waitingLimit), .notCounted: Int64(more)])
  }

  @Test("shims that have been heard are counted while their members run, each once")
  func heardShims() throws {
    var fleet = Fleet()
    let gang = fleet.submit(Fleet.spec(nodes: 3))
    let slot = fleet.controller.cluster.slot(of: gang) ?? 0
    let attempt = fleet.controller.cluster.job(slot).latestAttempt
    /// As they stand, without counting.
    func heard() -> Int {
      fleet.controller.cluster.memberSlots(ofAttempt: attempt).count {
        !fleet.controller.cluster.member($0).stopped && fleet.controller.liveReport($0) != nil
      }
    }
    func counted() -> Int { Int(fleet.controller.heardMembers(ofAttempt: attempt)) }
    #expect(counted() == 0 && heard() == 0)
    for (i, state) in [(0, .preparing), (2, .prepared), (0, .prepared)] as [(Int32, ShimReport.State)] {
      let member = MemberID(attempt: AttemptID(job: gang, number: 1), index: i)
      fleet.say(.shimReport(member, ShimReport(state: state, port: 1, ranks: [])))
    }
    #expect(counted() == 2 && heard() == 2)
    for state: ShimReport.State in [.prepared, .running] { fleet.tell(gang, state) }
    #expect(counted() == 3 && heard() == 3)
    let one = MemberID(attempt: AttemptID(job: gang, number: 1), index: 1)
    fleet.say(.shimReport(one, ShimReport(state: .stopped, port: 1, ranks: [])))
    #expect(counted() == 2 && heard() == 2)
    // Another controller has heard nobody yet.
    let words = try Cluster(snapshot: fleet.controller.cluster.encodeSnapshot())
    let next = Controller(cluster: words, now: fleet.now)
    let heardByNext = next.heardMembers(ofAttempt: attempt)
    #expect(heardByNext == 0)
  }
}
