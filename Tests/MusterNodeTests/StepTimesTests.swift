import MusterCore
import MusterNode
import Testing

@Suite struct StepTimesTests {
  @Test("the longest step is one of those after the first two, and none that had a status")
  func longest() {
    var times = StepTimes()
    var report = RankReport(rank: 0, state: .running)
    times.describe(in: &report, now: 50)
    #expect(report.stepsSaid == 0 && report.firstStepAge == nil)
    // The second one compiles for a minute; an evaluation takes 30 s; a checkpoint 900 ms.
    var (now, status) = (Int64(0), "")
    for (gap, next) in [(100, ""), (60_000, ""), (200, ""), (900, "evaluating"), (30_000, ""), (250, "")] {
      now += Int64(gap)
      times.said(status: status, now: now)
      status = next
    }
    times.describe(in: &report, now: now + 40)
    #expect(report.stepsSaid == 6 && report.longestStep == .milliseconds(900))
    #expect(report.stepAge == .milliseconds(40) && report.firstStepAge == .milliseconds(91_390))
  }
}
