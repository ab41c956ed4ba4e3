import Glibc
import MusterCore

/// The host's clock: wall time that only goes forward. It is read once at the start and then follows the boot-time clock,
/// so that a jump of the system's time neither ends a lease nor prolongs one. Over a pretend fleet it goes faster.
struct HostClock: Sendable {
  private let clock: SteadyClock
  /// How many seconds of `now` pass in one of the machine's.
  let speed: Int64

  init(speed: Int64 = 1) { self.init(wall: HostClock.read(CLOCK_REALTIME), notBefore: .zero, speed: speed) }

  private init(wall: Int64, notBefore: Instant, speed: Int64) {
    let steady = HostClock.read(CLOCK_BOOTTIME)
    clock = SteadyClock(
      wall: Instant(nanoseconds: wall), steady: Instant(nanoseconds: steady), notBefore: notBefore, speed: speed)
    self.speed = speed
  }

  /// Goes on from here, but not from before the journal's last fact: the wall clock may have been set back since, and a
  /// faster clock is ahead of it.
  func notBefore(_ last: Instant) -> HostClock {
    HostClock(wall: now.nanoseconds, notBefore: last, speed: speed)
  }

  var now: Instant { clock.now(steady: Instant(nanoseconds: HostClock.read(CLOCK_BOOTTIME))) }

  /// What passes on this clock while so much passes on the machine's.
  func passing(in real: MusterCore.Span) -> MusterCore.Span { real * speed }

  private static func read(_ clock: clockid_t) -> Int64 {
    var t = timespec()
    clock_gettime(clock, &t)
    return Int64(t.tv_sec) * 1_000_000_000 + Int64(t.tv_nsec)
  }

  /// For measuring alone: it goes on whatever happens to the time of day, and means nothing but differences.
  static var monotonic: Instant { Instant(nanoseconds: read(CLOCK_MONOTONIC)) }

  /// When this clock will show that moment, as a deadline for `pthread_cond_timedwait` on the monotonic clock.
  func deadline(_ moment: Instant) -> timespec {
    let ahead = max(0, (moment - now).nanoseconds)
    // Rounded up: a wait that ends before its moment would turn in circles.
    return HostClock.monotonic(after: Span(nanoseconds: (ahead + speed - 1) / speed))
  }

  /// A deadline for `pthread_cond_timedwait` on the monotonic clock.
  static func monotonic(after span: MusterCore.Span) -> timespec {
    let at = read(CLOCK_MONOTONIC) + span.nanoseconds
    return timespec(tv_sec: Int(at / 1_000_000_000), tv_nsec: Int(at % 1_000_000_000))
  }
}
