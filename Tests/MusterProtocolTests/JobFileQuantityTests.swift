import MusterCore
import Testing

@testable import MusterProtocol

@Suite struct JobFileQuantityTests {
  @Test(
    "times as people write them",
    arguments: [
      ("90s", 90_000), ("12h", 43_200_000), ("1h30m", 5_400_000), ("2d", 172_800_000), ("1d2h3m4s5ms", 93_784_005),
      ("500ms", 500), ("0s", 0), ("1:30:00", 5_400_000), ("01:30:00", 5_400_000), ("1-00:00:00", 86_400_000),
      ("100:00:00", 360_000_000), ("3650d", 315_360_000_000),
    ] as [(String, Int64)])
  func spans(text: String, milliseconds: Int64) throws {
    let span = try JobFileQuantities.span(text, quoted: true, zero: true).get()
    #expect(span == .milliseconds(milliseconds))
    // What is written from it reads back.
    #expect(try JobFileQuantities.span(JobFileQuantities.text(span), quoted: false, zero: true).get() == span)
  }

  @Test(
    "what is no time, and the rule that it broke",
    arguments: [
      ("90", .durationUnit), ("1.5h", .duration(zero: true)), ("h", .duration(zero: true)), ("", .duration(zero: true)),
      ("1m1h", .duration(zero: true)), ("1h1h", .duration(zero: true)), ("-1s", .duration(zero: true)),
      ("1 h", .duration(zero: true)), ("1w", .duration(zero: true)), ("3651d", .duration(zero: true)),
      ("99999999999999999999s", .duration(zero: true)), ("999999999999999999d", .duration(zero: true)),
      ("1:30", .duration(zero: true)), ("1:60:00", .duration(zero: true)), ("1:00:60", .duration(zero: true)),
      ("1-24:00:00", .duration(zero: true)), ("-1:00:00", .duration(zero: true)), ("1:0:0:0", .duration(zero: true)),
      ("1::00", .duration(zero: true)), ("1:000:00", .duration(zero: true)), ("x-1:00:00", .duration(zero: true)),
    ] as [(String, JobFileRule)])
  func noSpans(text: String, rule: JobFileRule) {
    #expect(brokenRule(JobFileQuantities.span(text, quoted: true, zero: true)) == rule)
  }

  @Test("a clock without quotes is refused: YAML reads it as a number")
  func clockQuotes() {
    #expect(brokenRule(JobFileQuantities.span("1:30:00", quoted: false, zero: true)) == .durationQuotes)
    #expect(brokenRule(JobFileQuantities.span("0s", quoted: false, zero: false)) == .duration(zero: false))
  }

  @Test(
    "sizes in thousands and in 1,024s",
    arguments: [
      ("512MiB", 512 << 20), ("16GiB", 16 << 30), ("2G", 2_000_000_000), ("2GB", 2_000_000_000), ("2Gi", 2 << 30),
      ("1K", 1000), ("1KiB", 1024), ("1T", 1_000_000_000_000), ("100B", 100), ("1024TiB", 1 << 50),
    ] as [(String, Int64)])
  func sizes(text: String, bytes: Int64) throws {
    #expect(try JobFileQuantities.memoryBytes(text).get() == bytes)
    #expect(try JobFileQuantities.memoryBytes(JobFileQuantities.text(memoryBytes: bytes)).get() == bytes)
  }

  @Test(
    "what is no size",
    arguments: [
      ("512", .memoryUnit), ("", .memory), ("GiB", .memory), ("0G", .memory), ("1.5G", .memory), ("1g", .memory),
      ("1iB", .memory), ("1P", .memory), ("1GiBB", .memory), ("1025TiB", .memory), ("-1G", .memory), ("1 G", .memory),
      ("999999999999999999T", .memory),
    ] as [(String, JobFileRule)])
  func noSizes(text: String, rule: JobFileRule) {
    #expect(brokenRule(JobFileQuantities.memoryBytes(text)) == rule)
  }

  @Test(
    "signals by name and number",
    arguments: [
      ("TERM", 15), ("SIGTERM", 15), ("15", 15), ("KILL", 9), ("HUP", 1), ("SYS", 31), ("64", 64),
    ] as [(String, Int32)])
  func signals(text: String, number: Int32) throws {
    #expect(try JobFileQuantities.signal(text).get() == number)
    #expect(try JobFileQuantities.signal(JobFileQuantities.text(signal: number)).get() == number)
  }

  @Test("what is no signal", arguments: ["term", "SIG", "", "0", "65", "-1", "SIGSIGTERM", "RTMIN"])
  func noSignals(text: String) {
    #expect(brokenRule(JobFileQuantities.signal(text)) == .signal)
  }

  private func brokenRule<T>(_ result: Result<T, JobFileRuleBroken>) -> JobFileRule? {
    if case .failure(let broken) = result { return broken.rule }
    return nil
  }
}
