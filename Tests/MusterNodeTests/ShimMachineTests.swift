import MusterCore
import MusterNode
import MusterProtocol
import Testing

@Suite struct ShimMachineTests {
  static func order(_ want: ShimOrder.Want, acknowledges: Int64? = nil) -> ShimOrder {
    ShimOrder(want: want, acknowledges: acknowledges, probe: false, lease: .seconds(30))
  }
  static let go = order(.go(masterAddress: "10.0.0.1", masterPort: 29500))
  static let stop = order(.stop(signal: 15, grace: .seconds(1)))

  static func machine(ranks: Int32 = 2) -> ShimMachine {
    ShimMachine(firstRank: 4, rankCount: ranks, lease: 30_000, now: 0)
  }
  static func running(ranks: Int32 = 2) -> ShimMachine {
    var machine = machine(ranks: ranks)
    machine.prepared(nil)
    _ = machine.ordered(go, epoch: 1, now: 0)
    machine.started(pids: (0..<ranks).map { 100 + $0 })
    return machine
  }

  @Test("nothing starts before the gang is prepared, and only once")
  func goesOnce() {
    var machine = Self.machine()
    #expect(machine.ordered(Self.go, epoch: 1, now: 0) == [])
    machine.prepared(nil)
    #expect(machine.ordered(Self.go, epoch: 1, now: 0) == [.start(masterAddress: "10.0.0.1", masterPort: 29500)])
    machine.started(pids: [7, 8])
    #expect(machine.ordered(Self.go, epoch: 1, now: 1) == [])
    #expect(machine.report(port: 0, now: 10).ranks.map(\.pid) == [7, 8])
  }

  @Test("the warning of the walltime goes to ranks that run, once in a shim's life")
  func warnsOnce() {
    var warning = Self.go
    warning.warn = 10
    var machine = Self.machine()
    machine.prepared(nil)
    #expect(machine.ordered(warning, epoch: 1, now: 0) == [.start(masterAddress: "10.0.0.1", masterPort: 29500)])
    machine.started(pids: [7, 8])
    #expect(machine.ordered(Self.go, epoch: 1, now: 1) == [])
    #expect(machine.ordered(warning, epoch: 1, now: 1) == [.signal(10)])
    #expect(machine.ordered(warning, epoch: 1, now: 2) == [])
    #expect(machine.ordered(warning, epoch: 2, now: 3) == [])
    #expect(machine.ordered(Self.stop, epoch: 2, now: 4) == [.signal(15)])
    var stopping = Self.running()
    _ = stopping.ordered(Self.stop, epoch: 1, now: 1)
    #expect(stopping.ordered(warning, epoch: 1, now: 2) == [])
  }

  @Test("a go that had waited until the lease was over starts nothing")
  func goAfterLease() {
    var machine = Self.machine()
    machine.prepared(nil)
    #expect(machine.ordered(Self.go, epoch: 1, now: 30_000) == [.killAll])
    #expect(machine.state == .failed)
    #expect(machine.problem?.code == "leaseExpired")
  }

  @Test("what a shim writes down of its lease moves with the beats that are acknowledged, and ends with the ranks")
  func leaseIsTold() {
    var machine = Self.running()
    #expect(machine.leaseEndsAt == 30_000)
    machine.beatSent(1, at: 400)
    _ = machine.ordered(Self.order(.go(masterAddress: "", masterPort: 1), acknowledges: 1), epoch: 1, now: 500)
    #expect(machine.leaseEndsAt == 30_400)
    _ = machine.ordered(Self.stop, epoch: 1, now: 600)
    machine.nothingLeft()
    #expect(machine.leaseEndsAt == nil)
  }

  @Test("a member that cannot start says so and ends only when it is released")
  func cannotStart() {
    var machine = Self.machine()
    machine.prepared(ShimReport.Problem(code: "executableNotFound", message: "/x does not exist"))
    #expect(machine.state == .failed)
    #expect(machine.ordered(Self.go, epoch: 1, now: 0) == [])
    #expect(machine.ordered(Self.order(.release), epoch: 1, now: 0) == [.exit])
  }

  @Test("stop signals once, then kills when the grace has passed")
  func stopThenKill() {
    var machine = Self.running()
    #expect(machine.ordered(Self.stop, epoch: 1, now: 100) == [.signal(15)])
    #expect(machine.ordered(Self.stop, epoch: 1, now: 600) == [])
    #expect(machine.tick(now: 1_099) == [])
    #expect(machine.tick(now: 1_100) == [.killAll])
    machine.nothingLeft()
    #expect(machine.state == .stopped)
  }

  @Test("a stop that is said again does not prolong the grace")
  func graceIsNotProlonged() {
    var machine = Self.running()
    _ = machine.ordered(Self.stop, epoch: 1, now: 0)
    _ = machine.ordered(Self.stop, epoch: 1, now: 900)
    #expect(machine.deadline == 1_000)
  }

  @Test("when the last rank has exited what it left behind is killed; exits are kept")
  func lastExit() {
    var machine = Self.running()
    #expect(machine.exited(4, ExitStatus(wait: 0), outOfMemory: "", now: 5) == [])
    #expect(machine.exited(5, ExitStatus(wait: 9), outOfMemory: "", now: 6) == [.killAll])
    machine.nothingLeft()
    let ranks = machine.report(port: 0, now: 10).ranks
    #expect(ranks.map(\.exitCode) == [0, 0])
    #expect(ranks.map(\.signal) == [0, 9])
  }

  @Test("the lease counts from when the acknowledged beat was sent, not from the answer")
  func leaseFromSend() {
    var machine = Self.running()
    machine.beatSent(1, at: 1_000)
    machine.beatSent(2, at: 2_000)
    _ = machine.ordered(Self.order(.go(masterAddress: "", masterPort: 1), acknowledges: 1), epoch: 1, now: 20_000)
    #expect(machine.lease.endsAt == 31_000)
    #expect(machine.tick(now: 30_999) == [])
    #expect(machine.tick(now: 31_000) == [.killAll])
    #expect(machine.report(port: 0, now: 10).problem?.code == "leaseExpired")
  }

  @Test("an answer without a beat's number renews nothing")
  func unaskedOrderRenewsNothing() {
    var machine = Self.running()
    machine.beatSent(1, at: 5_000)
    _ = machine.ordered(Self.go, epoch: 1, now: 6_000)
    #expect(machine.lease.endsAt == 30_000)
  }

  @Test("a controller of an older epoch is not obeyed")
  func olderEpoch() {
    var machine = Self.running()
    #expect(machine.welcomed(epoch: 5) == [])
    #expect(machine.ordered(Self.stop, epoch: 4, now: 0) == [.hangUp])
    #expect(machine.state == .running)
  }

  @Test("release of a running member stops it first")
  func releaseWhileRunning() {
    var machine = Self.running()
    #expect(machine.ordered(Self.order(.release), epoch: 1, now: 0).last == .exit)
  }
}
