import MusterCore
import Testing

@Suite struct SteadyClockTests {
  @Test("time follows the steady clock from the wall time of the start")
  func follows() {
    let clock = SteadyClock(
      wall: Instant(nanoseconds: 5_000), steady: Instant(nanoseconds: 100), notBefore: .zero)
    #expect(clock.now(steady: Instant(nanoseconds: 100)) == Instant(nanoseconds: 5_000))
    #expect(clock.now(steady: Instant(nanoseconds: 130)) == Instant(nanoseconds: 5_030))
  }

  @Test("where the wall clock was set back, time goes on from the last fact and does not stand still")
  func setBack() {
    let clock = SteadyClock(
      wall: Instant(nanoseconds: 5_000), steady: Instant(nanoseconds: 100), notBefore: Instant(nanoseconds: 9_000))
    #expect(clock.now(steady: Instant(nanoseconds: 100)) == Instant(nanoseconds: 9_000))
    #expect(clock.now(steady: Instant(nanoseconds: 101)) == Instant(nanoseconds: 9_001))
  }

  @Test("of a pretend fleet time passes faster")
  func faster() {
    let clock = SteadyClock(
      wall: Instant(nanoseconds: 5_000), steady: Instant(nanoseconds: 100), notBefore: .zero, speed: 100)
    #expect(clock.now(steady: Instant(nanoseconds: 100)) == Instant(nanoseconds: 5_000))
    #expect(clock.now(steady: Instant(nanoseconds: 103)) == Instant(nanoseconds: 5_300))
  }
}
