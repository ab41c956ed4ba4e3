import MusterCore
import MusterNode
import Testing

@Suite struct StatusClockTests {
  @Test("each status counts for its account until the next one, and an unknown one for none")
  func counts() {
    var clock = StatusClock()
    for (at, status) in [(100, "evaluating epoch 3"), (400, "Saving"), (450, "warming up"), (900, "waiting for data")] {
      clock.changed(to: status, now: Int64(at))
    }
    clock.pass(1000)
    clock.pass(1100)
    clock.changed(to: "", now: 1150)
    clock.pass(5000)
    var report = RankReport(rank: 0, state: .running)
    clock.describe(in: &report)
    #expect(
      report.statusTimes
        == StatusTimes(
          checkpointing: .milliseconds(50), evaluating: .milliseconds(300), inputStall: .milliseconds(250)))
  }
}
