import MusterCore
import MusterProtocol
import Testing

@testable import MusterSim

@Suite struct PretendWorkloadTests {
  @Test(
    "a command says how long its job sleeps",
    arguments: [
      (["sleep", "600"], 600_000), (["/bin/sleep", "1h", "30m"], 5_400_000), (["sleep", "0.25"], 250),
      (["sh", "-c", "sleep 2d"], 172_800_000), (["sleep", "infinity"], PretendWork.longest),
    ] as [([String], Int64)])
  func slept(command: [String], milliseconds: Int64) {
    #expect(PretendWork.slept(command) == milliseconds)
  }

  @Test(
    "what is no sleep says nothing",
    arguments: [
      ["python3", "train.py"], ["sleep"], ["sleep", "soon"], ["sleep", "-1"], ["sh", "-c", "sleep 5; train"], [],
      ["sh", "-c", "sleepy 5"], ["sh", "sleep", "5"],
    ])
  func notSlept(command: [String]) {
    #expect(PretendWork.slept(command) == nil)
  }

  @Test("other jobs take a part of their walltime, each its own, and always the same")
  func drawn() {
    let role = RoleSpec(command: ["train"], workingDirectory: "/")
    let spec = JobSpec(name: "x", user: "user", role: role, walltime: .seconds(10_000))
    let times = (1...200).map { PretendWork.milliseconds(spec, JobID($0), seed: 7) }
    #expect(times.allSatisfy { (3_000_000...9_500_000).contains($0) } && Set(times).count > 50)
    #expect(times == (1...200).map { PretendWork.milliseconds(spec, JobID($0), seed: 7) })
    let unlimited = JobSpec(name: "x", user: "user", role: role)
    let drawn = (1...200).map { PretendWork.milliseconds(unlimited, JobID($0), seed: 7) }
    #expect(drawn.allSatisfy { (600_000...19_200_000).contains($0) } && Set(drawn).count > 50)
  }

  private static func trace(_ rows: String, _ fleet: SimFleet) throws -> Trace {
    try Trace(SimWorld.csv(rows), format: .csv, fleet: fleet)
  }

  /// 8 devices: the work of a round takes them 1,000 s, and its last row comes after 50 s.
  @Test("a trace begins anew when its last row has come and the fleet could have done its work")
  func rounds() throws {
    var rounds = TraceRounds(try Self.trace("100,400,8\n150,600,8\n", SimWorld.fleet(1)), devices: 8, begin: 5_000)
    #expect(rounds.period == 1_001_000)
    #expect(rounds.next(until: 4_999) == nil)
    #expect(rounds.next(until: 5_000)?.line == 2 && rounds.next(until: 54_999) == nil)
    #expect(rounds.next(until: 2_000_000)?.line == 3)
    #expect(rounds.nextAt == 5_000 + 1_001_000)
    #expect(rounds.next(until: rounds.nextAt)?.line == 2)
  }

  @Test("rows of a trace run as long as they say, again and again")
  func played() throws {
    let fleet = SimWorld.fleet(1)
    var settings = PretendSettings(fleet: fleet)
    settings.workload = .trace(try Self.trace("0,90.5,8\n10,200,4\n", fleet))
    var world = try PretendWorld(settings)
    world.run(seconds: 1_000)
    let names = world.facts.compactMap { fact -> String? in
      if case .jobSubmitted(let submitted) = fact.event { submitted.spec.name } else { nil }
    }
    #expect(names.prefix(4) == ["row-2", "row-3", "row-2", "row-3"] && names.count >= 6)
    let first = try world.job(JobID(1))
    // Its end was due half a second earlier; this world looks once a second.
    #expect(first.state == .completed && first.endedAt - first.startedAt == .seconds(91))
  }

  @Test("drawn jobs keep fleets of any size busy, of every kind", arguments: [8, 100] as [Int32])
  func mix(nodes: Int32) throws {
    var settings = PretendSettings(fleet: SimFleet(nodes: nodes, devicesPerNode: 8))
    settings.workload = .mix
    var world = try PretendWorld(settings)
    var (busy, looks): (Int64, Int64) = (0, 0)
    for _ in 0..<48 {
      world.run(seconds: 1_800)
      busy += Int64(nodes) * 8 - world.controller.cluster.nodes.reduce(0) { $0 + Int64($1.freeDeviceCount) }
      looks += 1
    }
    let permille = busy * 1_000 / (looks * Int64(nodes) * 8)
    #expect((850...1_000).contains(permille), "\(permille) of 1,000 devices were busy")
    let submitted = world.facts.compactMap { fact -> JobSpec? in
      if case .jobSubmitted(let submitted) = fact.event { submitted.spec } else { nil }
    }
    for kind in JobMix.kinds {
      #expect(submitted.contains { $0.name.hasPrefix(kind.name) && $0.project == kind.project })
    }
    #expect(submitted.contains { $0.role.nodes > 1 } && world.refusals.isEmpty)
    #expect(world.controller.cluster.pending.count < 20)
  }

  @Test("of declared projects the mix takes those of its names, and others in turn")
  func declaredProjects() {
    var mix = JobMix(fleet: SimFleet(nodes: 100, devicesPerNode: 8), seed: 1)
    var policy = Policy()
    policy.projects = [
      ProjectPolicy(name: "lab"), ProjectPolicy(name: "vision", parent: "lab"), ProjectPolicy(name: "pretrain"),
    ]
    mix.take(policy)
    let jobs = mix.look().jobs
    #expect(Set(jobs.map(\.project)) == ["vision", "pretrain"])
    #expect(jobs.filter { $0.name.hasPrefix("pretrain") }.allSatisfy { $0.project == "pretrain" })
  }

  @Test("on nodes of several types each job asks for one, those with more devices more often")
  func types() {
    let fleet = SimFleet([
      SimGroup(nodes: 300, devicesPerNode: 8, deviceType: "H100"),
      SimGroup(nodes: 100, devicesPerNode: 4, deviceType: "GB200"),
    ])
    var mix = JobMix(fleet: fleet, seed: 1)
    let jobs = mix.look().jobs
    let large = jobs.count { $0.wishes.deviceTypes == ["H100"] }
    let small = jobs.count { $0.wishes.deviceTypes == ["GB200"] }
    #expect(large + small == jobs.count && small > 0 && large > 2 * small)
    #expect(jobs.allSatisfy { $0.wishes.deviceTypes == ["H100"] || $0.role.devicesPerNode <= 4 })
  }

  @Test(
    "a workload's first line says how it is written",
    arguments: [
      ("submit_seconds,duration_seconds,devices", .csv), (" duration_seconds , submit_seconds\r\n1,2", .csv),
      ("timestamp,duration,num_gpus,gpu_time,cluster\n", .philly), ("a,b\n", nil), ("", nil),
    ] as [(String, TraceFormat?)])
  func format(header: String, format: TraceFormat?) {
    #expect(TraceFormat(header: SimWorld.bytes(header)) == format)
  }

  @Test("a fleet's file may name a preset of faults, and nothing else")
  func faults() throws {
    let fleet = try SimFleet(yaml: SimWorld.bytes("nodes: 4\ndevicesPerNode: 8\nfaults: rsc1\n"))
    #expect(fleet.faults == "rsc1")
    let told = #expect(throws: InputErrors.self) {
      try SimFleet(yaml: SimWorld.bytes("nodes: 4\ndevicesPerNode: 8\nfaults: often\n"))
    }
    #expect(
      told?.message(file: "f") == "f:3: faults is \"often\" (allowed: one of llama3, rsc1, rsc2)"
        || told?.problems.map(\.allowed) == ["one of llama3, rsc1, rsc2"])
  }
}
