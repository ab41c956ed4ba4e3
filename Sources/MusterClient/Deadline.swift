#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A moment on the monotonic clock, for waits. Milliseconds.
public struct Deadline: Hashable, Comparable, Sendable {
  var milliseconds: Int64

  public static let never = Deadline(milliseconds: .max)

  public static var now: Deadline {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Deadline(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
  }

  public static func after(milliseconds: Int64) -> Deadline {
    Deadline(milliseconds: now.milliseconds + milliseconds)
  }

  public static func < (a: Deadline, b: Deadline) -> Bool { a.milliseconds < b.milliseconds }

  /// When to go on to the next of so many things that are tried one after the other until this moment.
  func share(of count: Int64) -> Deadline {
    guard self != .never, count > 1 else { return self }
    let now = Deadline.now.milliseconds
    return Deadline(milliseconds: now + max(0, milliseconds - now) / count)
  }

  public var isPast: Bool { self <= Deadline.now }

  /// What `poll` takes: -1 waits for ever; never above a minute, so that a wait that ends early is asked again.
  var pollTimeout: Int32 {
    if self == .never { return -1 }
    return Int32(max(0, min(60_000, milliseconds - Deadline.now.milliseconds)))
  }
}

/// Waiting for several descriptors at once.
public enum Readiness {
  /// Waits until one of the descriptors can be read (or has ended), or the deadline has passed, or a signal came.
  /// Answers which are ready.
  public static func wait(for descriptors: [Int32], until deadline: Deadline) -> Set<Int32> {
    var entries = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    let count = poll(&entries, nfds_t(entries.count), deadline.pollTimeout)
    guard count > 0 else { return [] }
    return Set(entries.filter { $0.revents != 0 }.map(\.fd))
  }
}
