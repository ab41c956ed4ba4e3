import Testing

@testable import MusterCore

@Suite struct SchedulingStoryTests {
  @Test("segments lie in one rack each, in rank order, and never split")
  func segments() {
    var fleet = Fleet()
    let one = fleet.submit(Fleet.spec(nodes: 6) { $0.segment = 2 })
    let nodes = fleet.nodes(one)
    #expect(nodes.count == 6)
    for first in stride(from: 0, to: nodes.count, by: 2) { #expect(nodes[first] / 4 == nodes[first + 1] / 4) }
    // Two racks are whole, and one has two nodes left; a node of each whole one is taken.
    for rack in ["r2", "r3"] {
      let one = fleet.submit(Fleet.spec { $0.constraint = [LabelRule(key: "rack", value: rack)] })
      #expect(fleet.state(one) == .starting)
    }
    let whole = fleet.submit(Fleet.spec(nodes: 4) { $0.segment = 4 })
    #expect(fleet.state(whole) == .pending && fleet.kinds(whole) == ["topology"])
  }

  @Test("a gang lies within the domain that it must lie in, and as tight as it can")
  func within() {
    var fleet = Fleet()
    let block = fleet.submit(Fleet.spec(nodes: 8) { $0.within = Within(level: "block") })
    #expect(Set(fleet.nodes(block).map { $0 / 8 }).count == 1)
    let tight = fleet.submit(Fleet.spec(nodes: 3))
    #expect(Set(fleet.nodes(tight).map { $0 / 4 }).count == 1)
  }

  @Test("labels, exclusions and a spread decide which nodes a gang may have")
  func filters() {
    var fleet = Fleet()
    let new = fleet.submit(Fleet.spec(nodes: 8) { $0.constraint = [LabelRule(key: "new", value: "yes")] })
    #expect(fleet.nodes(new).sorted() == [0, 2, 4, 6, 8, 10, 12, 14])
    let more = fleet.submit(Fleet.spec { $0.constraint = [LabelRule(key: "new", value: "yes")] })
    #expect(fleet.state(more) == .pending && fleet.kinds(more).contains("constraint"))
    let without = fleet.submit(Fleet.spec { $0.exclude = ["n1", "n3"] })
    #expect(fleet.nodes(without).count == 1 && !fleet.nodes(without).contains { $0 == 1 || $0 == 3 })
    let spread = fleet.submit(Fleet.spec(nodes: 4) { $0.spread = Spread(level: "rack") })
    #expect(Set(fleet.nodes(spread).map { $0 / 4 }).count == 4)
    // A level of the topology is a label, too.
    let rack = fleet.submit(Fleet.spec { $0.constraint = [LabelRule(key: "rack", value: "r2")] })
    #expect(fleet.nodes(rack).allSatisfy { $0 / 4 == 2 } && fleet.nodes(rack).count == 1)
  }

  @Test("gangs share nodes unless they ask for whole ones")
  func sharing() {
    var fleet = Fleet()
    let (a, b) = (fleet.submit(Fleet.spec(nodes: 16, devices: 2)), fleet.submit(Fleet.spec(nodes: 16, devices: 6)))
    #expect(fleet.state(a) == .starting && fleet.state(b) == .starting)
    let alone = fleet.submit(Fleet.spec(nodes: 1, devices: 1) { $0.isExclusive = true })
    #expect(fleet.state(alone) == .pending)
    fleet.end(a)
    #expect(fleet.state(alone) == .pending)
    fleet.end(b)
    #expect(fleet.state(alone) == .starting)
    let slot = fleet.controller.cluster.slot(of: alone) ?? 0
    let devices = fleet.controller.cluster.attemptPlaces[Int(fleet.controller.cluster.jobs[slot].latestAttempt)][0]
      .devices
    #expect(devices == 0xff)
  }

  @Test("hold, begin, dependencies, singletons and array limits keep a job from starting, and say so")
  func unready() {
    var fleet = Fleet()
    let held = fleet.submit(Fleet.spec { $0.isHeld = true })
    #expect(fleet.state(held) == .pending && fleet.kinds(held) == ["held"])
    fleet.say(.release(held))
    #expect(fleet.state(held) == .starting)

    let at = fleet.now + .seconds(600)
    let later = fleet.submit(Fleet.spec { $0.begin = at })
    #expect(fleet.kinds(later) == ["begin"] && fleet.waiting(later).start == at)
    fleet.pass(.seconds(599))
    #expect(fleet.state(later) == .pending)
    fleet.pass(.seconds(1))
    #expect(fleet.state(later) == .starting)

    let ok = fleet.submit(Fleet.spec { $0.dependsOn = [Dependency(kind: .afterok, job: held)] })
    let bad = fleet.submit(Fleet.spec { $0.dependsOn = [Dependency(kind: .afternotok, job: held)] })
    let alone = fleet.submit(Fleet.spec { $0.dependsOn = [Dependency(kind: .singleton)] })
    #expect(
      fleet.kinds(ok) == ["dependency"] && fleet.kinds(bad) == ["dependency"] && fleet.kinds(alone) == ["dependency"])
    fleet.end(held)
    #expect(fleet.state(ok) == .starting && fleet.kinds(bad) == ["dependencyNever"])
    for id in [later, ok] { fleet.end(id) }
    fleet.say(.cancel(bad))
    #expect(fleet.state(alone) == .starting)

    let tasks = fleet.submit(
      (0..<4).map { i in
        Fleet.spec { $0.array = ArrayTask(position: i, count: 4, index: i, atOnce: 2) }
      })
    #expect(tasks.map { fleet.state($0) } == [.starting, .starting, .pending, .pending])
    #expect(fleet.kinds(tasks[2]) == ["arrayLimit"])
    #expect(
      fleet.waiting(tasks[2]).causes[0].message
        == "2 tasks of array \(tasks[0]) run, and no more may run at the same time")
    fleet.end(tasks[0])
    #expect(fleet.state(tasks[2]) == .starting && fleet.state(tasks[3]) == .pending)
  }

  @Test("a large gang that waits has a time, and those behind it fill what it leaves without moving it")
  func backfill() {
    var fleet = Fleet()
    let long = fleet.submit(Fleet.spec(nodes: 12, walltime: .seconds(3600)))
    let large = fleet.submit(Fleet.spec(nodes: 16, walltime: .seconds(3600)))
    let promised = fleet.waiting(large).start
    #expect(promised.map { $0 >= fleet.now + .seconds(3600) } == true)
    let short = fleet.submit(Fleet.spec(nodes: 4, walltime: .seconds(1800)))
    let tooLong = fleet.submit(Fleet.spec(nodes: 4, walltime: .seconds(7200)))
    #expect(fleet.state(long) == .starting && fleet.state(short) == .starting)
    #expect(fleet.state(tooLong) == .pending && fleet.waiting(large).start == promised)
    fleet.end(short)
    #expect(fleet.state(tooLong) == .pending && fleet.kinds(tooLong) == ["priority"])
    fleet.end(long)
    #expect(fleet.state(large) == .starting)
  }

  @Test("the queue of old: its head blocks, or nobody but its head has a place")
  func modes() {
    func run(_ mode: PlanningMode) -> [JobState?] {
      var fleet = Fleet(mode: mode)
      let ids = [
        Fleet.spec(nodes: 12, walltime: .seconds(3600)), Fleet.spec(nodes: 16, walltime: .seconds(60)),
        Fleet.spec(nodes: 4, walltime: .seconds(1800)),
      ].map { fleet.submit($0) }
      return ids.map { fleet.state($0) }
    }
    #expect(run(.fifo) == [.starting, .pending, .pending])
    #expect(run(.easy) == [.starting, .pending, .starting])
  }

  @Test("maintenance keeps away what would not be over before it, and is over when it is over")
  func maintenance() {
    var fleet = Fleet()
    let (from, to) = (fleet.now + .seconds(3600), fleet.now + .seconds(7200))
    fleet.say(.addMaintenance(Maintenance(id: 0, from: from, to: to, level: "block", domain: "b0")))
    let unlimited = fleet.submit(Fleet.spec(nodes: 8))
    #expect(fleet.nodes(unlimited).allSatisfy { $0 >= 8 } && fleet.nodes(unlimited).count == 8)
    let long = fleet.submit(Fleet.spec(nodes: 2, walltime: .seconds(7200)))
    let short = fleet.submit(Fleet.spec(nodes: 2, walltime: .seconds(1800)))
    #expect(fleet.state(long) == .pending && fleet.kinds(long).contains("maintenance"))
    #expect(fleet.state(short) == .starting)
    fleet.end(short)
    fleet.pass(.seconds(7200))
    #expect(fleet.state(long) == .starting)
  }

  @Test("a job without devices that maintenance keeps from starting says so, before it begins and while it lasts")
  func maintenanceOfPlain() {
    var fleet = Fleet()
    let (from, to) = (fleet.now + .seconds(3600), fleet.now + .seconds(7200))
    fleet.say(.addMaintenance(Maintenance(id: 0, from: from, to: to, level: "block", domain: "b0")))
    let long = fleet.submit(Fleet.spec(nodes: 9, devices: 0))
    let short = fleet.submit(Fleet.spec(nodes: 16, devices: 0, walltime: .seconds(1800)))
    #expect(fleet.state(long) == .pending && fleet.state(short) == .starting)
    #expect(fleet.kinds(long) == ["maintenance"])
    #expect(
      fleet.waiting(long).causes[0].message
        == "maintenance of block b0 begins at \(from.rfc3339), before it would end")
    fleet.pass(.seconds(3600))
    #expect(
      fleet.waiting(long).causes[0].message
        == "maintenance of block b0 has begun at \(from.rfc3339): the nodes in it take no work until it is over")
    // Of those that it leaves, one is out of service: without maintenance there would still be 15.
    fleet.say(.drain(node: "n15", reason: "x"))
    let all = fleet.submit(Fleet.spec(nodes: 16, devices: 0))
    #expect(fleet.kinds(all) == ["nodesBusy", "maintenance"])
    fleet.say(.removeMaintenance(id: 1))
    #expect(fleet.state(long) == .starting && fleet.kinds(all) == ["nodesBusy"])
  }

  @Test("single nodes of a rack in maintenance are not given to who would still run then")
  func someNodes() {
    var fleet = Fleet()
    let from = fleet.now + .seconds(3600)
    fleet.say(.addMaintenance(Maintenance(id: 0, from: from, to: from + .seconds(60), nodes: "n[0-1]")))
    for _ in 0..<14 {
      let id = fleet.submit(Fleet.spec())
      #expect(fleet.nodes(id).first.map { $0 > 1 } == true)
    }
    let one = fleet.submit(Fleet.spec())
    #expect(fleet.state(one) == .pending)
    let short = fleet.submit(Fleet.spec(walltime: .seconds(60)))
    #expect(fleet.nodes(short).first.map { $0 <= 1 } == true)
  }

  @Test("what the fleet could never run is refused with the numbers; what it could, waits")
  func impossible() {
    var fleet = Fleet()
    func why(_ spec: JobSpec) -> String {
      guard case .refused(let refusal) = fleet.say(.submit([spec], key: "", requestHash: 0)) else { return "" }
      return refusal.message
    }
    #expect(why(Fleet.spec(nodes: 17)).contains("needs 17 nodes of 8 devices; the fleet has 16 such nodes"))
    #expect(why(Fleet.spec(nodes: 1, devices: 9)).contains("the most devices that a node has is 8"))
    #expect(why(Fleet.spec(nodes: 5) { $0.segment = 5 }).contains("the largest rack has 4"))
    #expect(
      why(Fleet.spec(nodes: 9) { $0.within = Within(level: "block") }).contains(
        "shape: the largest block has room for 8"))
    #expect(why(Fleet.spec(nodes: 9) { $0.constraint = [LabelRule(key: "new", value: "no")] }).contains("8 such nodes"))
    #expect(why(Fleet.spec { $0.deviceTypes = ["H100"] }).contains("of type H100"))
    #expect(why(Fleet.spec(nodes: 17, devices: 0)).contains("needs 17 nodes; the fleet has 16"))
    let allButOne = Fleet.spec(nodes: 16) { $0.exclude = ["n3"] }
    #expect(why(allButOne).contains("15 such nodes"))
    #expect(why(allButOne).contains("15 such nodes"))
    fleet.say(.drain(node: "n0", reason: "x"))
    let all = fleet.submit(Fleet.spec(nodes: 16))
    #expect(fleet.state(all) == .pending)
    fleet.say(.resume(node: "n0"))
    #expect(fleet.state(all) == .starting)
  }

  @Test("what would start it at once is said, and is true")
  func changes() {
    var fleet = Fleet(mode: PlanningMode())
    // One of four nodes of each rack is busy.
    let busy = fleet.submit(
      Array(repeating: Fleet.spec(nodes: 1, walltime: .seconds(7_200)) { $0.exclude = ["n1", "n2", "n3"] }, count: 1)
        + (1..<4).map { rack in
          Fleet.spec(walltime: .seconds(7_200)) { $0.exclude = (0..<16).filter { $0 != rack * 4 }.map { "n\($0)" } }
        })
    #expect(busy.map { fleet.nodes($0) } == [[0], [4], [8], [12]])
    func changes(_ job: JobID) -> [String] {
      guard let slot = fleet.controller.cluster.slot(of: job) else { return [] }
      return fleet.controller.startChanges(slot).map { "\($0.kind) \($0.value)" }
    }
    let segments = fleet.submit(Fleet.spec(nodes: 8, walltime: .seconds(86_400)) { $0.segment = 4 })
    #expect(changes(segments) == ["segment 2"])
    let racked = fleet.submit(Fleet.spec(nodes: 4, walltime: .seconds(86_400)) { $0.within = Within(level: "rack") })
    #expect(changes(racked) == ["within rack", "nodes 3"])
    // And it does.
    fleet.say(.cancel(racked))
    let other = fleet.submit(Fleet.spec(nodes: 8, walltime: .seconds(3_600)) { $0.segment = 2 })
    #expect(fleet.state(segments) == .pending && fleet.state(other) == .starting)
  }

  @Test("the queue is in the order of the last round; what that did not look at comes after it")
  func queue() {
    var fleet = Fleet(mode: PlanningMode())
    let running = fleet.submit(Fleet.spec(nodes: 16))
    let held = fleet.submit(Fleet.spec(priority: 9) { $0.isHeld = true })
    let low = fleet.submit(Fleet.spec(nodes: 2))
    let high = fleet.submit(Fleet.spec(nodes: 3, priority: 5))
    func queue(_ from: Int, _ limit: Int) -> ([JobID], Int?) {
      let page = fleet.controller.queue(from: from, limit: limit)
      return (page.slots.map { fleet.controller.cluster.jobs[$0].id }, page.next)
    }
    #expect(queue(0, 9) == ([high, low, held], nil))
    #expect(queue(0, 1) == ([high], 1))
    #expect(queue(1, 1).0 == [low])
    #expect(queue(.max, 1) == ([], nil))
    fleet.say(.release(held))
    #expect(queue(0, 9).0 == [held, high, low])
    fleet.end(running)
    #expect(queue(0, 9).0 == [])
  }

  @Test("a start names the jobs whose ends it rests on, running or planned")
  func startRest() {
    var fleet = Fleet()
    let first = fleet.submit(Fleet.spec(nodes: 8, walltime: .seconds(3_600)))
    let second = fleet.submit(Fleet.spec(nodes: 8, walltime: .seconds(7_200)))
    let small = fleet.submit(Fleet.spec(nodes: 2, walltime: .seconds(600)))
    let large = fleet.submit(Fleet.spec(nodes: 16, walltime: .seconds(600)))
    let last = fleet.submit(Fleet.spec(nodes: 16))
    func rest(_ job: JobID) -> StartRest? {
      let slot = fleet.controller.cluster.slot(of: job) ?? 0
      return fleet.controller.startRest(slot, fleet.controller.plannedEnds())
    }
    #expect(rest(small)?.jobs == [first])
    #expect(rest(large)?.jobs == [second])
    #expect(rest(last)?.jobs == [large])
    #expect(rest(small)?.at == fleet.now + .seconds(3_600))
    #expect(rest(small)?.message.hasPrefix("when job \(first) ends, about ") == true)
    #expect(rest(first) == nil)
    let held = fleet.submit(Fleet.spec(nodes: 2) { $0.isHeld = true })
    #expect(rest(held) == nil)
    #expect(StartRest(jobs: (1...5).map { JobID($0) }, at: .zero).message.hasPrefix("when jobs 1, 2, 3 and 2 more end"))
  }

  @Test("nodes that were put out are not counted; where none is left all is accepted, as before the first one joined")
  func impossibleWithoutRevoked() {
    var fleet = Fleet()
    for devices: Int32 in [0, 8] { #expect(fleet.state(fleet.submit(Fleet.spec(nodes: 16, devices: devices))) != nil) }
    fleet.say(.revoke(node: "n0"))
    for devices: Int32 in [0, 8] { #expect(fleet.state(fleet.submit(Fleet.spec(nodes: 16, devices: devices))) == nil) }
    for i in 1..<16 { fleet.say(.revoke(node: "n\(i)")) }
    for devices: Int32 in [0, 8] {
      #expect(fleet.state(fleet.submit(Fleet.spec(nodes: 99, devices: devices))) == .pending)
    }
  }

  @Test("a gang that lost nodes keeps the others and its ranks; replacements come from the same rack")
  func repair() {
    var fleet = Fleet()
    let gang = fleet.submit(Fleet.spec(nodes: 3))
    let before = fleet.nodes(gang)
    for state: ShimReport.State in [.prepared, .running] { fleet.tell(gang, state) }
    fleet.say(.nodeDied(node: "n\(before[1])", evidence: "gone"))
    let slot = fleet.controller.cluster.slot(of: gang) ?? 0
    for i: Int32 in [0, 2] {
      let member = MemberID(attempt: AttemptID(job: gang, number: 1), index: i)
      fleet.say(.shimReport(member, ShimReport(state: .stopped, ranks: [])))
    }
    let after = fleet.nodes(gang)
    #expect(fleet.controller.cluster.jobs[slot].attempt == 2)
    #expect(after[0] == before[0] && after[2] == before[2] && after[1] != before[1])
    #expect(Set(after.map { $0 / 4 }).count == 1)
  }
}
