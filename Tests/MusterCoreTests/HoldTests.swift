import Testing

@testable import MusterCore

@Suite struct HoldTests {
  @Test("a job that waits is held and released, each as often as one likes; the facts are written once")
  func holdAndRelease() {
    var desk = Desk()
    _ = desk.submit(Wishes())
    _ = desk.controller.takeFresh()
    #expect(desk.say(.hold(JobID(1))) == .done && desk.job(1).isHeld)
    #expect(desk.say(.hold(JobID(1))) == .done)
    #expect(desk.say(.release(JobID(1))) == .done && !desk.job(1).isHeld)
    #expect(desk.say(.release(JobID(1))) == .done)
    #expect(desk.controller.takeFresh().map(\.event) == [.jobHeld(job: JobID(1)), .jobReleased(job: JobID(1))])
  }

  @Test("one that was submitted on hold is released, too")
  func submittedHeld() {
    var desk = Desk()
    var wishes = Wishes()
    wishes.isHeld = true
    _ = desk.submit(wishes)
    #expect(desk.job(1).isHeld)
    #expect(desk.say(.release(JobID(1))) == .done && !desk.job(1).isHeld)
  }

  @Test("what is not pending is refused with its state")
  func refused() {
    var desk = Desk()
    #expect(desk.say(.hold(JobID(7))) == .refused(.noSuchJob(JobID(7))))
    _ = desk.submit(Wishes())
    desk.say(.agentHello(NodeJoined(node: NodeID(0), name: "a", machine: "m", boot: "b", devices: 8), pid: 1))
    desk.say(.agentReport(node: NodeID(0), []))
    #expect(desk.job(1).state == .starting)
    #expect(desk.say(.hold(JobID(1))) == .refused(.jobNotPending(JobID(1), .starting)))
    #expect(desk.say(.release(JobID(1))) == .refused(.jobNotPending(JobID(1), .starting)))
    desk.say(.cancel(JobID(1)))
    #expect(desk.say(.hold(JobID(1))) == .refused(.jobNotPending(JobID(1), .stopping)))
    var held = Wishes()
    held.isHeld = true
    _ = desk.submit(held)
    desk.say(.cancel(JobID(2)))
    #expect(desk.say(.release(JobID(2))) == .refused(.jobHasEnded(JobID(2), .cancelled)))
  }

  @Test("who cancels says why, and the job ends with that; a person's wish says itself")
  func cancelReasons() {
    for reason in ["used nothing", "cancelled"] {
      var desk = Desk()
      _ = desk.submit(Wishes())
      desk.say(.cancel(JobID(1), reason: reason))
      #expect(desk.look { $0.endReason(0) } == reason)
      _ = desk.submit(Wishes())
      desk.say(.agentHello(NodeJoined(node: NodeID(0), name: "a", machine: "m", boot: "b", devices: 8), pid: 1))
      desk.say(.agentReport(node: NodeID(0), []))
      #expect(desk.job(2).state == .starting)
      desk.say(.cancel(JobID(2), reason: reason))
      desk.say(.cancel(JobID(2), reason: "too late"))
      #expect(desk.job(2).state == .stopping)
      desk.say(.nodeDied(node: "a", evidence: "its engine says so"))
      #expect(desk.job(2).state == .cancelled && desk.look { $0.endReason(1) } == reason)
      #expect(desk.controller.cancelReasons.isEmpty)
    }
  }
}
