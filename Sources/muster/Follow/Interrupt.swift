#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Ctrl-C and SIGTERM as something to wait for, beside sockets.
final class Interrupt {
  /// Readable once a signal has come.
  let descriptor: Int32
  /// The other end. A signal handler can reach nothing but a global; it is written once, before the handler is set.
  nonisolated(unsafe) private static var handlerEnd: Int32 = -1

  /// nil if the system has no pipe for us: then signals end the process as they always do.
  init?() {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return nil }
    descriptor = ends[0]
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    Self.handlerEnd = ends[1]
    // Whoever started us may have blocked them: masks are inherited.
    var ours = sigset_t()
    sigemptyset(&ours)
    for number in [SIGINT, SIGTERM] { sigaddset(&ours, number) }
    sigprocmask(SIG_UNBLOCK, &ours, nil)
    for number in [SIGINT, SIGTERM] {
      signal(number) { _ in
        // All that is safe here: one byte, and errno as it was.
        let saved = errno
        var byte: UInt8 = 0
        write(Interrupt.handlerEnd, &byte, 1)
        errno = saved
      }
    }
  }

  /// How many signals have come since the last call.
  func take() -> Int {
    var bytes = [UInt8](repeating: 0, count: 16)
    return max(0, read(descriptor, &bytes, bytes.count))
  }
}
