import Glibc
import MusterCore

/// The host's clock: wall time that only goes forward. It is read once at the start and then follows the boot-time clock,
/// so that a jump of the system's time neither ends a lease nor prolongs one.
struct HostClock: Sendable {
  private let clock: SteadyClock

  init() { self.init(wall: HostClock.read(CLOCK_REALTIME), notBefore: .zero) }

  private init(wall: Int64, notBefore: Instant) {
    let steady = HostClock.read(CLOCK_BOOTTIME)
    clock = SteadyClock(
      wall: Instant(nanoseconds: wall), steady: Instant(nanoseconds: steady), notBefore: notBefore)
  }

  /// Goes on from here, but not from before the journal's last fact: the wall clock may have been set back since.
  func notBefore(_ last: Instant) -> HostClock { HostClock(wall: now.nanoseconds, notBefore: last) }

  var now: Instant { clock.now(steady: Instant(nanoseconds: HostClock.read(CLOCK_BOOTTIME))) }

  private static func read(_ clock: clockid_t) -> Int64 {
    var t = timespec()
    clock_gettime(clock, &t)
    return Int64(t.tv_sec) * 1_000_000_000 + Int64(t.tv_nsec)
  }

  /// For measuring alone: it goes on whatever happens to the time of day, and means nothing but differences.
  static var monotonic: Instant { Instant(nanoseconds: read(CLOCK_MONOTONIC)) }

  /// A deadline for `pthread_cond_timedwait` on the monotonic clock.
  static func monotonic(after span: MusterCore.Span) -> timespec {
    let at = read(CLOCK_MONOTONIC) + span.nanoseconds
    return timespec(tv_sec: Int(at / 1_000_000_000), tv_nsec: Int(at % 1_000_000_000))
  }
}
