import CMuster
import Glibc

/// Everything that runs under a shim, and its end.
struct Descendants {
  /// As init of a PID namespace we can reach all of it at once.
  let isInit: Bool

  /// SIGKILL to all of them; what they start meanwhile needs another call.
  func kill() {
    if isInit {
      Glibc.kill(-1, SIGKILL)
      return
    }
    for pid in Self.children(of: getpid()) { Glibc.kill(pid, SIGKILL) }
  }

  /// A signal to a rank's whole session, or, as init, to every process.
  func signal(_ number: Int32, sessions: [Int32]) {
    for session in sessions { Glibc.kill(-session, number) }
  }

  /// Children and theirs, to any depth. Orphans come to us: we are init or a subreaper.
  static func children(of pid: Int32) -> [Int32] {
    var out: [Int32] = []
    for task in names(in: "/proc/\(pid)/task") {
      let text = readSmallFile("/proc/\(pid)/task/\(task)/children") ?? ""
      for child in text.split(whereSeparator: \.isWhitespace).compactMap({ Int32($0) }) {
        out.append(child)
        out.append(contentsOf: children(of: child))
      }
    }
    return out
  }
}
