import MusterCore
import MusterProtocol
import Testing

@testable import MusterSim

@Suite struct PretendFleetTests {
  @Test("a job starts, steps, saves its work and ends when its command says")
  func life() throws {
    var world = try PretendWorld(PretendWorld.settings(2))
    world.run(seconds: 1)
    #expect(world.controller.cluster.nodes.allSatisfy { $0.state == .ready })
    let id = try world.submit(["sleep", "1h"], nodes: 2, checkpointEvery: 1_500)
    world.run(seconds: 3_700)
    #expect(
      world.kinds(of: id) == [
        "submitted", "started from 0", "runs", "steps", "checkpoint 1500", "checkpoint 3000", "finished", "ended",
        "completed",
      ])
    let job = try world.job(id)
    #expect(job.endedAt - job.startedAt == .seconds(3_600))
    let attempt = world.controller.cluster.attempt(job.latestAttempt)
    // What it took to start is not work, and each second after it was a step.
    let started = attempt.firstStepAt - attempt.startedAt
    #expect(started > .seconds(15) && started < .seconds(122))
    #expect(abs(attempt.lastStep - (3_600 - started.milliseconds / 1_000)) <= 1)
    #expect(attempt.runningAt > attempt.startedAt && attempt.runningAt < attempt.firstStepAt)
  }

  @Test("a node that breaks ends the attempt, the job goes on from its checkpoint, and the node is repaired")
  func faults() throws {
    var world = try PretendWorld(PretendWorld.breaking(3))
    world.run(seconds: 1)
    let id = try world.submit(["sleep", "2h"], nodes: 2, checkpointEvery: 300)
    world.run(seconds: 6 * 3_600)
    let kinds = world.kinds(of: id)
    #expect(kinds.last == "completed")
    let resumes = kinds.filter { $0.hasPrefix("started from ") }.compactMap { Int($0.dropFirst(13)) }
    #expect(resumes.count > 1 && resumes.allSatisfy { $0 % 300 == 0 } && resumes == resumes.sorted())
    #expect((resumes.last ?? 0) > 0)
    let isolated = world.firstTime { if case .nodeIsolated = $0 { true } else { false } }
    let returned = world.firstTime { if case .nodeReturned = $0 { true } else { false } }
    let resumed = world.firstTime { if case .nodeResumed = $0 { true } else { false } }
    #expect(try #require(returned) - #require(isolated) == .seconds(600) && returned == resumed)
    #expect(world.refusals.isEmpty)
  }

  @Test("a rank that fails without evidence against its node is started again where it was")
  func rankFaults() throws {
    var world = try PretendWorld(PretendWorld.breaking(1, takesOut: false))
    world.run(seconds: 1)
    let id = try world.submit(["sleep", "4h"], checkpointEvery: 60)
    world.run(seconds: 5 * 3_600)
    let kinds = world.kinds(of: id)
    #expect(kinds.contains("jobFault") && kinds.last == "completed")
    #expect(world.firstTime { if case .nodeIsolated = $0 { true } else { false } } == nil)
  }

  @Test("a stop is confirmed by every member within the grace that a job has")
  func stops() throws {
    var world = try PretendWorld(PretendWorld.settings(2))
    world.run(seconds: 1)
    let id = try world.submit(["sleep", "1h"], nodes: 2)
    world.run(seconds: 200)
    #expect(try world.job(id).state == .running)
    _ = world.tell(.cancel(id))
    #expect(try world.job(id).state == .stopping)
    world.run(seconds: 4)
    #expect(world.kinds(of: id).suffix(3) == ["cancelled", "ended", "cancelled"])
    let proofs = world.facts.compactMap { fact -> StopProof? in
      if case .memberStopped(_, let how) = fact.event { how } else { nil }
    }
    #expect(proofs == [.confirmed, .confirmed])
    #expect(world.controller.cluster.nodes.allSatisfy { $0.freeDeviceCount == 8 })
  }

  /// A day of the drawn jobs on a fleet that breaks.
  private static func day(seed: UInt64) throws -> (commands: [String], sequence: Int64) {
    var settings = PretendWorld.breaking(16)
    settings.workload = .mix
    settings.seed = seed
    var world = try PretendWorld(settings)
    world.run(seconds: 86_400)
    return (world.commands, world.controller.cluster.sequence)
  }

  @Test("the same seed says the same, another one something else")
  func deterministic() throws {
    let (first, again, other) = (try Self.day(seed: 1), try Self.day(seed: 1), try Self.day(seed: 2))
    #expect(first.commands == again.commands && first.sequence == again.sequence)
    #expect(first.commands != other.commands)
  }

  @Test("a node that a person has drained stays out of service when it is repaired")
  func drained() throws {
    var world = try PretendWorld(PretendWorld.breaking(1))
    world.run(seconds: 1)
    _ = world.tell(.drain(node: "n1", reason: "new cables"))
    world.run(seconds: 86_400)
    let returns = world.facts.filter { if case .nodeReturned = $0.event { true } else { false } }
    #expect(!returns.isEmpty)
    #expect(world.firstTime { if case .nodeResumed = $0 { true } else { false } } == nil)
    _ = world.tell(.resume(node: "n1"))
    #expect(world.controller.cluster.nodes[0].state == .ready)
  }

  @Test("what the core or a person takes out of service is looked at four hours later")
  func inspection() throws {
    var world = try PretendWorld(PretendWorld.settings(2))
    world.run(seconds: 1)
    _ = world.tell(.nodeDied(node: "n2", evidence: "somebody pulled its plug"))
    world.run(seconds: 4 * 3_600 - 2)
    #expect(world.controller.cluster.nodes[1].state == .isolated)
    world.run(seconds: 3)
    #expect(world.controller.cluster.nodes[1].state == .ready)
  }

  @Test("every agent reports once in a week, and nobody is ever suspected")
  func rollCall() throws {
    var world = try PretendWorld(PretendWorld.settings(250))
    world.run(seconds: 1)
    let joined = world.commands.count { $0.hasPrefix("agentReport") }
    world.run(seconds: 7 * 86_400 + 10)
    #expect(joined == 250 && world.commands.count { $0.hasPrefix("agentReport") } == 500)
    #expect(world.firstTime { if case .nodeSuspected = $0 { true } else { false } } == nil)
  }

  @Test("a process that takes up the journal boots every machine anew, and jobs go on from their checkpoints")
  func reopened() throws {
    let settings = PretendWorld.settings(2)
    var world = try PretendWorld(settings)
    world.run(seconds: 1)
    let id = try world.submit(["sleep", "1h"], nodes: 2, checkpointEvery: 600)
    world.run(seconds: 2_000)
    try world.reopen(settings)
    world.run(seconds: 4_000)
    let kinds = world.kinds(of: id)
    #expect(kinds.contains("nodeFault") && kinds.contains("started from 1800") && kinds.last == "completed")
    #expect(try world.job(id).attempt == 2)
  }

  @Test("the journal of another fleet is refused", arguments: [1, 10] as [Int32])
  func otherFleet(nodes: Int32) throws {
    var world = try PretendWorld(PretendWorld.settings(2))
    world.run(seconds: 1)
    let told = #expect(throws: PretendMismatch.self) { try world.reopen(PretendWorld.settings(nodes)) }
    #expect(told?.known == (nodes == 1 ? "n2" : "n1") && told?.expected == (nodes == 1 ? nil : "n01"))
  }

  @Test("policy and topology are declared once, and what a person applied since is kept")
  func declared() throws {
    var settings = PretendSettings(
      fleet: SimFleet(nodes: 4, devicesPerNode: 8, nodesPerRack: 2))
    settings.workload = .none
    settings.declared = PolicyPart(priorities: [PriorityClass(name: "high", value: 9)])
    var world = try PretendWorld(settings)
    world.run(seconds: 1)
    #expect(world.controller.cluster.policy.priorities.map(\.name) == ["high"])
    var policy = world.controller.cluster.policy
    policy.projects = [ProjectPolicy(name: "research")]
    _ = world.tell(.applyPolicy(policy))
    try world.reopen(settings)
    world.run(seconds: 1)
    #expect(world.controller.cluster.policy == policy)
    #expect(world.controller.cluster.nodeDetails[3].labels == [Label(key: "rack", value: "r2")])
  }
}
