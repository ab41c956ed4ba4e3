import CLinux
import Glibc

/// Everything the benchmark starts ends with it: the benchmark runs in a child, and whichever of the two is left
/// kills what is below it. Both are subreapers, so nobody slips away to init.
enum Guardian {
  private static let mark = "MUSTER_BENCH_CHILD"
  /// Names the folder of this run; everything written lies below it.
  static let root = "MUSTER_BENCH_ROOT"

  /// In the first process: runs the benchmark in a child, ends as it does. In the child: returns.
  static func guardThisRun() throws {
    _ = become_subreaper()
    var signals = sigset_t()
    sigemptyset(&signals)
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] { sigaddset(&signals, signal) }
    signal(SIGPIPE, SIG_IGN)
    if environment(mark) != nil {
      _ = signal_at_parents_death(SIGTERM)
      if getppid() == 1 { exit(1) }
      pthread_sigmask(SIG_BLOCK, &signals, nil)
      var thread = pthread_t()
      pthread_create(
        &thread, nil,
        { _ in
          var signals = sigset_t()
          sigemptyset(&signals)
          for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] { sigaddset(&signals, signal) }
          var which: Int32 = 0
          sigwait(&signals, &which)
          clear()
          _exit(128 + which)
        }, nil)
      return
    }
    sigaddset(&signals, SIGCHLD)
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    // On a disk (not in /tmp: it may be memory), or where MUSTER_BENCH_DIR says.
    setenv(root, try makeFolder(in: environment("MUSTER_BENCH_DIR") ?? "/var/tmp"), 1)
    let child = try start([selfPath()] + CommandLine.arguments.dropFirst(), environment: kept(), output: 1)
    while true {
      var which: Int32 = 0
      sigwait(&signals, &which)
      if which != SIGCHLD {
        kill(child, SIGTERM)
        continue
      }
      var status: Int32 = 0
      while true {
        let ended = waitpid(-1, &status, WNOHANG)
        if ended <= 0 { break }
        if ended == child {
          clear()
          exit(status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f))
        }
      }
    }
  }

  /// Ends all that runs and removes all that was written.
  private static func clear() {
    killDescendants()
    if let folder = environment(root) { removeTree(folder) }
  }

  /// Our own variables; no other MUSTER_* reaches what we start.
  private static func kept() -> [String: String] {
    var variables = [mark: "1"]
    for name in [root, "MUSTER_BIN", "MUSTER_BENCH_EXAMPLES", "MUSTER_BENCH_TORCH_KILLS"] {
      variables[name] = environment(name)
    }
    return variables
  }
}

func selfPath() -> String {
  var buffer = [CChar](repeating: 0, count: 4_096)
  let count = readlink("/proc/self/exe", &buffer, buffer.count)
  return String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
