import Testing

@testable import MusterCore

@Suite struct CheckpointAdviceTests {
  @Test(
    "no interval loses less than the suggested one, by the same formula",
    arguments: [(20, 3600), (60, 86_400), (5, 300), (5, 20), (100, 40), (0.01, 1e7)])
  func least(cost: Double, failures: Double) {
    let advice = CheckpointAdvice(interval: failures, cost: cost, failures: failures)
    let grid =
      (1...4000).map { failures * 3 * Double($0) / 4000 } + (1...400).map { advice.suggested * Double($0) / 200 }
    for interval in grid {
      let other = CheckpointAdvice(interval: interval, cost: cost, failures: failures)
      #expect(other.loss >= advice.suggestedLoss - 1e-9, "\(interval)")
      #expect(other.suggested == advice.suggested && other.loss >= 0 && other.loss <= 1)
    }
  }

  /// Where failures are rare the loss is near Young's δ/t + (t + δ)/2M, and the least near √(2δM).
  @Test("with rare failures it is near Young's", arguments: [(20, 360_000), (60, 8_640_000)])
  func young(cost: Double, failures: Double) {
    let advice = CheckpointAdvice(interval: 1000, cost: cost, failures: failures)
    #expect(abs(advice.suggested / (2 * cost * failures).squareRoot() - 1) < 0.01)
    let young = cost / (1000 + cost) + (1000 + cost) / (2 * failures)
    #expect(abs(advice.loss - young) < 0.0002, "\(advice.loss), \(young)")
  }

  @Test("an interval near the suggested one, or that loses hardly more, is right as it is")
  func isRight() {
    let best = CheckpointAdvice(interval: 600, cost: 20, failures: 3600).suggested
    #expect(CheckpointAdvice(interval: best * 1.19, cost: 20, failures: 3600).isRight)
    #expect(CheckpointAdvice(interval: best * 0.81, cost: 20, failures: 3600).isRight)
    #expect(!CheckpointAdvice(interval: best * 2, cost: 20, failures: 3600).isRight)
    // Twice as long, and it costs a tenth of a percentage point.
    let rare = CheckpointAdvice(interval: 600, cost: 1, failures: 1_000_000)
    #expect(CheckpointAdvice(interval: rare.suggested * 2, cost: 1, failures: 1_000_000).isRight)
    // What was once told: every 15 s instead of every 15 s.
    #expect(CheckpointAdvice(interval: 15.2, cost: 1.3, failures: 100).isRight)
  }

  @Test("no advice without a failure, a checkpoint and its cost; what it gains is told in GPU-hours")
  func silent() throws {
    var job = LedgerJob(project: 0, user: 0)
    (job.worked, job.faults, job.checkpoints) = (10_000_000, 2, 9)
    #expect(job.advice == nil && job.gainGPUHoursAWeek(heldGPUMilliseconds: 1, 8) == nil)
    job.saving = 90_000
    let advice = try #require(job.advice)
    #expect(advice.cost == 10 && advice.failures == 5000 && !advice.isRight)
    // It worked in half of what it held.
    let gain = try #require(job.gainGPUHoursAWeek(heldGPUMilliseconds: 20_000_000 * 8, 8))
    #expect(abs(gain - (advice.loss - advice.suggestedLoss) * 0.5 * 8 * 168) < 1e-9 && gain > 1)
    job.faults = 0
    #expect(job.advice == nil)
  }

  @Test(
    "an attempt that an orderly stop ended is no failure; one of which a fault was found is", arguments: [false, true])
  func orderlyStop(hasFault: Bool) {
    var story = LedgerStoryTests.Story(nodes: 1)
    let attempt = AttemptID(job: JobID(1), number: 1)
    story.submit(0, 1)
    story.start(0, attempt, node: 0)
    story.say(0, .gangStarted(attempt: attempt))
    if hasFault {
      story.say(
        20,
        .faultFound(
          Fault(
            attempt: attempt, component: .rank, node: nil, rank: 0, cause: .exitCode, confidence: .high, evidence: [],
            action: .restartOnSameNodes, happenedAt: LedgerStoryTests.Story.at(20))))
    }
    story.ending(20, attempt, .jobFault, step: 10, 2, 20)
    #expect(story.ledger.figures(of: JobID(1), story.cluster)?.faults == (hasFault ? 1 : 0))
    story.ended(21, attempt)
    story.start(22, AttemptID(job: JobID(1), number: 2), node: 0)
    #expect(story.ledger.figures(of: JobID(1), story.cluster)?.faults == (hasFault ? 1 : 0), "settled")
  }
}
