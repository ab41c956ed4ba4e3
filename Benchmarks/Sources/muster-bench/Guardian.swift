import CLinux
import Glibc

/// Everything the benchmark starts ends with it: the benchmark runs in a child, and whichever of the two is left
/// kills what is below it. Both are subreapers, so nobody slips away to init.
enum Guardian {
  private static let mark = "MUSTER_BENCH_CHILD"
  /// Names the folder of this run; everything written lies below it.
  static let root = "MUSTER_BENCH_ROOT"

  private static let endings = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]

  /// In the first process: runs the benchmark in a child, ends as it does. In the child: returns.
  static func guardThisRun() throws {
    _ = become_subreaper()
    signal(SIGPIPE, SIG_IGN)
    if environment(mark) != nil {
      if signal_at_parents_death(SIGTERM) != 0 || getppid() == 1 { exit(1) }
      endAtSignal()
      return
    }
    block(endings + [SIGCHLD])
    // On a disk (not in /tmp: it may be memory), or where MUSTER_BENCH_DIR says.
    setenv(root, try makeFolder(in: environment("MUSTER_BENCH_DIR") ?? "/var/tmp"), 1)
    let child = try start([selfPath()] + CommandLine.arguments.dropFirst(), environment: kept(), output: 1)
    while true {
      if wait(for: endings + [SIGCHLD]) != SIGCHLD {
        kill(child, SIGTERM)
      } else if let code = reap(child) {
        clear()
        exit(code)
      }
    }
  }

  /// A thread of its own hears the signals that end us and clears up.
  private static func endAtSignal() {
    block(endings)
    _ = start_thread { Guardian.endWhenTold() }
  }

  private static func endWhenTold() {
    let which = wait(for: endings)
    clear()
    _exit(128 + which)
  }

  private static func set(of numbers: [Int32]) -> sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    for number in numbers { sigaddset(&set, number) }
    return set
  }

  private static func block(_ numbers: [Int32]) {
    var set = set(of: numbers)
    pthread_sigmask(SIG_BLOCK, &set, nil)
  }

  private static func wait(for numbers: [Int32]) -> Int32 {
    var set = set(of: numbers)
    var which: Int32 = 0
    sigwait(&set, &which)
    return which
  }

  /// Takes in the dead. - Returns: the exit code of `child` if it is among them.
  private static func reap(_ child: pid_t) -> Int32? {
    var status: Int32 = 0
    while true {
      let ended = waitpid(-1, &status, WNOHANG)
      if ended <= 0 { return nil }
      if ended == child { return status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f) }
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
