import CMuster
import Glibc

/// A process by number and start time: a number alone may be another process by now.
struct ProcessIdentity: Hashable, Sendable {
  var pid: Int32
  /// Clock ticks since boot, field 22 of /proc/PID/stat.
  var start: UInt64
}

enum ProcessTable {
  /// Fields of /proc/PID/stat after the command's name, which may hold anything; the first is the state.
  static func fields(_ pid: Int32) -> [Substring]? {
    guard let text = readSmallFile("/proc/\(pid)/stat"), let close = text.lastIndex(of: ")") else { return nil }
    return text[text.index(after: close)...].split(separator: " ")
  }

  static func identity(_ pid: Int32) -> ProcessIdentity? {
    guard let fields = fields(pid), fields.count > 19, let start = UInt64(fields[19]) else { return nil }
    return ProcessIdentity(pid: pid, start: start)
  }

  /// Still the same process, and something of it still runs.
  static func isAlive(_ process: ProcessIdentity) -> Bool {
    guard let row = row(process.pid) else { return false }
    return row.start == process.start && row.isAlive
  }

  /// What a process is to others.
  struct Row: Hashable {
    var pid: Int32
    var parent: Int32
    var session: Int32
    var start: UInt64
    /// No zombie; or one whose other threads still run (held in a driver, say).
    var isAlive: Bool
    var identity: ProcessIdentity { ProcessIdentity(pid: pid, start: start) }
  }

  static func row(_ pid: Int32) -> Row? {
    guard let fields = fields(pid), fields.count > 19, let parent = Int32(fields[1]), let session = Int32(fields[3]),
      let threads = Int32(fields[17]), let start = UInt64(fields[19])
    else { return nil }
    let isOver = fields[0] == "Z" || fields[0] == "X"
    return Row(pid: pid, parent: parent, session: session, start: start, isAlive: !isOver || threads > 1)
  }

  /// All that /proc shows now.
  static func all() -> [Row] { names(in: "/proc").compactMap { Int32($0) }.compactMap(row) }

  /// Whether the environment that the process was started with has a variable beginning so. False where we may not look.
  static func environment(of pid: Int32, has prefix: String) -> Bool {
    guard let text = readSmallFile("/proc/\(pid)/environ") else { return false }
    return text.utf8.split(separator: 0).contains { $0.starts(with: prefix.utf8) }
  }

  /// A descriptor that tells of its end, if it is still the same process.
  static func open(_ process: ProcessIdentity) -> Int32? {
    let pidfd = muster_pidfd_open(process.pid)
    guard pidfd >= 0 else { return nil }
    // The number cannot change hands while we hold the descriptor: if the start time is right now, it is the one.
    guard isAlive(process) else {
      close(pidfd)
      return nil
    }
    return pidfd
  }

  /// Whether the process behind a pidfd has ended; for init of a namespace: and everything in it.
  static func hasEnded(_ pidfd: Int32) -> Bool {
    var entry = pollfd(fd: pidfd, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, 0) > 0
  }

  /// The number that the host's /proc shows for a process of which we hold a pidfd.
  static func outerPID(hostProc: Int32, pidfd: Int32) -> Int32? {
    let descriptor = openat(hostProc, "self/fdinfo/\(pidfd)", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    for line in (readAll(descriptor) ?? "").split(separator: "\n") where line.hasPrefix("Pid:") {
      return Int32(line.dropFirst(4).filter { $0 != "\t" && $0 != " " })
    }
    return nil
  }
}
