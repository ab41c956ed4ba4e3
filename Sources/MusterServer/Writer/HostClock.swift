import Glibc
import MusterCore

/// The host's clock: wall time that only goes forward. It is read once at the start and then follows the boot-time clock,
/// so that a jump of the system's time neither ends a lease nor prolongs one.
struct HostClock: Sendable {
  private let offset: Int64

  init() { offset = HostClock.read(CLOCK_REALTIME) - HostClock.read(CLOCK_BOOTTIME) }

  var now: Instant { Instant(nanoseconds: HostClock.read(CLOCK_BOOTTIME) + offset) }

  private static func read(_ clock: clockid_t) -> Int64 {
    var t = timespec()
    clock_gettime(clock, &t)
    return Int64(t.tv_sec) * 1_000_000_000 + Int64(t.tv_nsec)
  }

  /// A deadline for `pthread_cond_timedwait` on the monotonic clock.
  static func monotonic(after span: MusterCore.Span) -> timespec {
    let at = read(CLOCK_MONOTONIC) + span.nanoseconds
    return timespec(tv_sec: Int(at / 1_000_000_000), tv_nsec: Int(at % 1_000_000_000))
  }
}
