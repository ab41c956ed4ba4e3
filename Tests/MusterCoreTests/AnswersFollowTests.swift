import Testing

@testable import MusterCore

/// What is told of a job that waits follows what happens, and names what it is really about.
@Suite struct AnswersFollowTests {
  @Test(
    "a victim's minimum run is waited for, told, and over to the second",
    arguments: [true, false])
  func minimumRun(isGuarantee: Bool) {
    var fleet = Fleet()
    if isGuarantee { fleet.declare("a", "b") { $0.quotas = [DeviceQuota(guaranteed: 128)] } }
    func spec(_ isHigh: Bool) -> JobSpec {
      var spec = Fleet.spec(nodes: 16, priority: isGuarantee == isHigh ? 0 : 1)
      spec.project = isHigh ? "a" : "b"
      return spec
    }
    let low = fleet.submit(spec(false))
    let first = fleet.submit(spec(true))
    fleet.tell(low, .stopped)
    #expect(fleet.state(first) == .starting)
    fleet.end(first)
    #expect(fleet.state(low) == .starting)
    let end = fleet.now + fleet.controller.limits.minimumRun
    let equal = fleet.submit(spec(false))
    #expect(fleet.controller.nextLook > end, "nobody may take its place")
    let second = fleet.submit(spec(true))
    #expect(fleet.state(low) == .starting && fleet.controller.nextLook == end)
    let cause = fleet.waiting(second).causes.last
    #expect(cause?.kind == "priority")
    #expect(cause?.message.hasPrefix("job \(low) may be stopped for it from \(end.rfc3339.prefix(19))Z on") == true)
    #expect(!fleet.waiting(equal).causes.contains { $0.message.contains("may be stopped for it") })
    fleet.pass(.seconds(599))
    #expect(fleet.state(low) == .starting)
    fleet.pass(.seconds(1))
    #expect(fleet.state(low) == .stopping && fleet.kinds(second) == ["preempting"])
  }

  @Test("nodes that go out of service while jobs wait are in the answer at once")
  func outOfService() {
    var fleet = Fleet()
    let all = fleet.submit(Fleet.spec(nodes: 12))
    let large = fleet.submit(Fleet.spec(nodes: 16))
    let idle = (0..<16).filter { !fleet.nodes(all).contains($0) }
    func told(_ fleet: borrowing Fleet) -> [String] { fleet.waiting(large).causes.map(\.message) }
    #expect(told(fleet)[0].contains("free now: 4 "))
    fleet.say(.drain(node: "n\(idle[0])", reason: "fan"))
    #expect(
      told(fleet)[0].contains("free now: 3 ") && told(fleet).last == "1 node is out of service: n\(idle[0]) drained")
    fleet.say(.nodeDied(node: "n\(idle[1])", evidence: "gone"))
    #expect(
      told(fleet)[0].contains("free now: 2 ") && told(fleet).last?.hasPrefix("2 nodes are out of service: ") == true)
    fleet.controller.suspect(NodeID(idle[2]), "silent")
    fleet.plan()
    #expect(
      told(fleet)[0].contains("free now: 1 ") && told(fleet).last?.hasPrefix("3 nodes are out of service: ") == true)
  }

  @Test("a job with a begin has its place when it is submitted: behind the maintenance that is in its way")
  func begin() {
    var fleet = Fleet()
    let end = fleet.now + .seconds(10_000)
    fleet.say(.addMaintenance(Maintenance(id: 0, from: fleet.now + .seconds(3_000), to: end, reason: "pumps")))
    let job = fleet.submit(Fleet.spec(walltime: .seconds(600)) { $0.begin = fleet.now + .seconds(3_600) })
    #expect((fleet.waiting(job).start ?? .zero) >= end)
    #expect(fleet.kinds(job) == ["begin", "maintenance"])
  }

  @Test("all that keeps a job from being planned is told, not the first alone")
  func allCauses() {
    var fleet = Fleet()
    let others = fleet.submit([Fleet.spec(), Fleet.spec()])
    let begin = fleet.now + .seconds(60)
    let job = fleet.submit(
      Fleet.spec {
        $0.isHeld = true
        $0.begin = begin
        $0.dependsOn = others.map { Dependency(kind: .afterok, job: $0) }
      })
    #expect(fleet.kinds(job) == ["held", "dependency", "dependency", "begin"] && fleet.waiting(job).start == nil)
    #expect(fleet.waiting(job).causes[2].message.hasPrefix("waits for afterok:\(others[1])"))
    fleet.say(.release(job))
    #expect(fleet.kinds(job) == ["dependency", "dependency", "begin"])
    for other in others { fleet.end(other) }
    fleet.plan()
    #expect(fleet.kinds(job).first == "begin" && fleet.waiting(job).start == begin)
  }

  @Test("of an array with many tasks that are waited for some are named, the others counted")
  func manyCauses() {
    var fleet = Fleet()
    let tasks = fleet.submit(
      (0..<Int32(20)).map { i in
        Fleet.spec {
          $0.array = ArrayTask(position: i, count: 20, index: i, atOnce: 0)
          $0.isHeld = true
        }
      })
    let job = fleet.submit(Fleet.spec { $0.dependsOn = [Dependency(kind: .afterok, job: tasks[0])] })
    let causes = fleet.waiting(job).causes
    #expect(causes.count == 17 && causes.last?.message == "and waits for 4 more such")
    #expect(causes.allSatisfy { $0.kind == "dependency" })
  }

  @Test(
    "a start rests on those who have its place, or use its quota, and on nobody who ends at the same time elsewhere")
  func rests() {
    var fleet = Fleet()
    fleet.declare("p", "q") { $0.limits.devices = 32 }
    func spec(_ project: String, _ walltime: Int64) -> JobSpec {
      var spec = Fleet.spec(nodes: 4, walltime: .seconds(walltime)) { $0.within = Within(level: "rack") }
      spec.project = project
      return spec
    }
    func rest(_ fleet: borrowing Fleet, _ job: JobID) -> [JobID]? {
      fleet.controller.cluster.slot(of: job).flatMap {
        fleet.controller.startRest($0, fleet.controller.plannedEnds())?.jobs
      }
    }
    let running = fleet.submit([spec("p", 3_600), spec("q", 3_600), spec("q", 3_600)])
    // One rack is free: its quota is what it waits for.
    let limited = fleet.submit(spec("p", 600))
    #expect(rest(fleet, limited) == [running[0]])
    fleet.say(.cancel(limited))
    let last = fleet.submit(spec("q", 7_200))
    #expect(fleet.state(last) == .starting)
    let first = fleet.submit(spec("q", 600))
    let named = rest(fleet, first) ?? []
    #expect(named.count == 1 && running.contains(named.first ?? JobID(0)))
  }

  @Test("`41_3` in a dependency is one task, and `41_0` not the array")
  func tasks() {
    var fleet = Fleet()
    let tasks = fleet.submit(
      (0..<2).map { i in Fleet.spec { $0.array = ArrayTask(position: i, count: 2, index: i * 5, atOnce: 0) } })
    func dependsOn(_ fleet: inout Fleet, _ index: Int32?) -> [Dependency] {
      let job = fleet.submit(
        Fleet.spec { $0.dependsOn = [Dependency(kind: .afterok, job: tasks[0], task: index)] })
      return fleet.controller.cluster.slot(of: job).map { fleet.controller.cluster.specs[Int($0)].wishes.dependsOn }
        ?? []
    }
    #expect(dependsOn(&fleet, 0) == [Dependency(kind: .afterok, job: tasks[0])])
    #expect(dependsOn(&fleet, 5) == [Dependency(kind: .afterok, job: tasks[1])])
    #expect(dependsOn(&fleet, nil).map(\.job) == tasks)
    let wrong = Fleet.spec { $0.dependsOn = [Dependency(kind: .afterok, job: tasks[0], task: 1)] }
    #expect(fleet.say(.submit([wrong], key: "", requestHash: 0)) == .refused(.noSuchTask(1, array: tasks[0])))
  }

  @Test("spares are no free places until as many of their rack have failed")
  func spares() {
    var fleet = Fleet()
    var policy = fleet.controller.cluster.policy
    policy.topology.places = [NodePlaces(domains: ["b0", "r0"], nodes: "n[0-3]", spares: 1)]
    fleet.say(.applyPolicy(policy))
    func rack(_ fleet: inout Fleet) -> (free: Int32, spare: Int32, room: Int32) {
      let counts = fleet.controller.fleetCounts(sizes: [4])
      let rack = counts.domains.first { $0.path == "b0/r0" }
      return (rack?.free ?? -1, rack?.spare ?? -1, counts.places.last?.count ?? -1)
    }
    #expect(rack(&fleet) == (3, 1, 3))
    fleet.say(.drain(node: "n2", reason: "fan"))
    #expect(rack(&fleet) == (3, 0, 3))
    fleet.say(.drain(node: "n1", reason: "fan"))
    #expect(rack(&fleet) == (2, 0, 3))
  }

  @Test("a gang without devices keeps to the device types that it asks for, and is refused where there are none")
  func plainTypes() {
    var fleet = Fleet()
    let typed = NodeJoined(node: NodeID(5), name: "n5", machine: "m5", boot: "b", devices: 8, deviceType: "NVIDIA H100")
    fleet.say(.agentHello(typed, labels: [Label(key: "block", value: "b0"), Label(key: "rack", value: "r1")], pid: 1))
    fleet.say(.agentReport(node: NodeID(5), []))
    let job = fleet.submit(Fleet.spec(devices: 0) { $0.deviceTypes = ["H100"] })
    #expect(fleet.nodes(job) == [5])
    let two = Fleet.spec(nodes: 2, devices: 0) { $0.deviceTypes = ["H100"] }
    guard case .refused(.impossible(_, let why)) = fleet.say(.submit([two], key: "", requestHash: 0)) else {
      Issue.record("accepted")
      return
    }
    #expect(why == "needs 2 nodes; 1 is as it asks for")
  }

  @Test(
    "where maintenance alone is in the way it is the first cause, with its place and reason; changes are whole seconds")
  func maintenance() {
    var fleet = Fleet()
    fleet.say(
      .addMaintenance(
        Maintenance(
          id: 0, from: fleet.now + .seconds(7_200), to: fleet.now + .seconds(9_000), level: "block", domain: "b0",
          reason: "pumps")))
    let job = fleet.submit(Fleet.spec(nodes: 9, walltime: .seconds(86_400)))
    #expect(fleet.kinds(job) == ["maintenance"])
    #expect(fleet.waiting(job).causes[0].message.hasPrefix("maintenance of block b0 (pumps) begins at "))
    let changes = fleet.controller.cluster.slot(of: job).map { fleet.controller.startChanges($0) } ?? []
    #expect(changes.contains { $0.kind == "walltime" && $0.value == "3600" && $0.message.hasSuffix("of 1 h") })
    let behind = fleet.submit(Fleet.spec(nodes: 9, walltime: .seconds(86_400)))
    #expect(fleet.kinds(behind).first == "priority")
  }
}
