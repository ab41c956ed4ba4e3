import MusterCore
import MusterNode
import MusterProtocol
import Testing

@Suite struct AgentMachineTests {
  static func member(_ job: Int64, _ attempt: Int32 = 1) -> MemberID {
    MemberID(attempt: AttemptID(job: JobID(job), number: attempt), index: 0)
  }
  static func launch(_ job: Int64, _ attempt: Int32 = 1) -> MemberLaunch {
    MemberLaunch(
      member: member(job, attempt), memberCount: 1, role: "main", firstRank: 0, ranks: 1, worldSize: 1, devices: [],
      nodeList: "n", jobName: "j", user: "u", project: "p", command: ["true"], environment: [], workingDirectory: "/",
      memoryBytes: 0, cpus: 0, resumeStep: 0, logLimitBytes: 1 << 20, lease: .seconds(30))
  }

  @Test("what is intended and not there is started, once")
  func starts() {
    var machine = AgentMachine()
    #expect(machine.intended(NodeIntent(launches: [Self.launch(1)]), epoch: 1) == [.startShim(Self.launch(1))])
    #expect(machine.intended(NodeIntent(launches: [Self.launch(1)]), epoch: 1) == [])
  }

  @Test("what is not intended is killed, and put away only when it is gone and was reported")
  func kills() {
    var machine = AgentMachine()
    machine.has(Self.member(1), shimPID: 7, alive: true)
    #expect(machine.intended(NodeIntent(launches: []), epoch: 1) == [.killShim(Self.member(1))])
    #expect(machine.ended(Self.member(1)) == [.report])
    #expect(machine.report.map(\.alive) == [false])
    #expect(machine.intended(NodeIntent(launches: []), epoch: 1) == [.removeFolder(Self.member(1))])
    #expect(machine.report == [])
  }

  @Test("a dead shim that is still intended is reported, never started anew")
  func deadIsNotRestarted() {
    var machine = AgentMachine()
    machine.has(Self.member(1), shimPID: 7, alive: false)
    #expect(machine.intended(NodeIntent(launches: [Self.launch(1)]), epoch: 1) == [])
    #expect(machine.report.map(\.alive) == [false])
  }

  @Test("a shim that does not act on the end of its lease is killed by its agent, a little later and once")
  func heldShim() {
    var machine = AgentMachine()
    machine.has(Self.member(1), shimPID: 7, alive: true)
    machine.leaseEnds(Self.member(1), at: 10_000)
    #expect(machine.deadline == 10_000 + AgentMachine.leasePatience)
    #expect(machine.tick(now: 10_000) == [])
    #expect(machine.tick(now: 10_300) == [.killShim(Self.member(1))])
    #expect(machine.tick(now: 10_300) == [])
    #expect(machine.deadline == nil)
  }

  @Test("a lease that was renewed, or that bounds nothing any more, kills nobody")
  func renewedLease() {
    var machine = AgentMachine()
    machine.has(Self.member(1), shimPID: 7, alive: true)
    machine.leaseEnds(Self.member(1), at: 10_000)
    machine.leaseEnds(Self.member(1), at: 20_000)
    #expect(machine.tick(now: 15_000) == [])
    machine.leaseEnds(Self.member(1), at: nil)
    #expect(machine.tick(now: 99_000) == [])
  }

  @Test("an agent reports as often as it is told to, at once when that is sooner, and as ever to a new connection")
  func pace() {
    var machine = AgentMachine()
    func told(_ seconds: Int64) -> [AgentMachine.Action] {
      machine.intended(NodeIntent(launches: [], reportEvery: .seconds(seconds)), epoch: 1)
    }
    #expect(told(5) == [] && machine.reportEvery == 5_000)
    #expect(told(2) == [.report] && machine.reportEvery == 2_000)
    #expect(told(2) == [])
    #expect(machine.welcomed(epoch: 1) == [.report] && machine.reportEvery == 1_000)
  }

  @Test("a member that was put away is never started anew: its end is reported again")
  func runsOnce() {
    var machine = AgentMachine()
    machine.has(Self.member(1), shimPID: 7, alive: true)
    _ = machine.intended(NodeIntent(launches: []), epoch: 1)
    _ = machine.ended(Self.member(1))
    _ = machine.intended(NodeIntent(launches: []), epoch: 1)
    #expect(machine.intended(NodeIntent(launches: [Self.launch(1)]), epoch: 1) == [.report])
    #expect(machine.report.map(\.alive) == [false])
  }

  @Test("an older controller is not obeyed")
  func olderEpoch() {
    var machine = AgentMachine()
    #expect(machine.welcomed(epoch: 3) == [.report])
    #expect(machine.intended(NodeIntent(launches: [Self.launch(1)]), epoch: 2) == [.hangUp])
    #expect(machine.report == [])
  }

  @Test("a shim that cannot be started is reported with its reason")
  func startFailed() {
    var machine = AgentMachine()
    _ = machine.intended(NodeIntent(launches: [Self.launch(1)]), epoch: 1)
    #expect(machine.couldNotStart(Self.member(1), "no memory") == [.report])
    #expect(machine.report.map(\.startFailed) == ["no memory"])
    #expect(!machine.hasLiveMembers)
  }
}
