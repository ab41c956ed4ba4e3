import Testing

@testable import MusterCore

@Suite struct CheckpointAdviceTests {
  /// No interval loses less than the suggested one by more than the estimate is off.
  @Test(
    "the suggested interval is near the least that a search finds", arguments: [(20, 3600), (60, 86_400), (5, 300)])
  func nearLeast(cost: Double, failures: Double) {
    let advice = CheckpointAdvice(interval: 600, cost: cost, failures: failures)
    let least = stride(from: cost, to: failures, by: cost / 50).map { cost / $0 + $0 / (2 * failures) }.min() ?? 0
    #expect(advice.suggestedLoss <= least * 1.03 && advice.suggestedLoss >= least * 0.999)
    #expect(advice.loss == cost / 600 + 600 / (2 * failures))
  }

  @Test("where a checkpoint costs more than twice the time between failures, that time is the interval")
  func hopeless() { #expect(CheckpointAdvice(interval: 10, cost: 100, failures: 40).suggested == 40) }

  @Test("no advice without a failure, a checkpoint and its cost")
  func silent() {
    var job = LedgerJob(project: 0, user: 0)
    (job.worked, job.faults, job.checkpoints) = (10_000_000, 2, 9)
    #expect(job.advice == nil)
    job.saving = 90_000
    #expect(job.advice?.cost == 10 && job.advice?.failures == 5000)
    job.faults = 0
    #expect(job.advice == nil)
  }
}
