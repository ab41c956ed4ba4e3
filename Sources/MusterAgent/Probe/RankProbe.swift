import Glibc
import MusterCore

/// Looks at a quiet rank from outside: its state, its CPU time since the last look, and what its main thread waits in.
struct RankProbe {
  private struct Look {
    var ticks: Int64
    var at: Int64
  }
  init() {}
  private init(subject: Int32) { self.subject = subject }

  /// The process that was looked at last.
  private var subject: Int32 = 0
  private var last: Look?
  private var firstRead: Int64?
  private var firstWritten: Int64 = 0
  private static let ticksPerSecond = Int64(sysconf(Int32(_SC_CLK_TCK)))

  /// - Parameter rank: as our own /proc numbers it.
  mutating func look(_ rank: Int32, now: Int64) -> Probe? {
    let pid = Self.worker(rank)
    if pid != subject { self = RankProbe(subject: pid) }
    guard let fields = ProcessTable.fields(pid), fields.count > 15 else { return nil }
    // utime, stime, and of waited-for children: fields 14 to 17 of proc(5).
    let ticks = fields[11...14].reduce(Int64(0)) { $0 + (Int64($1) ?? 0) }
    defer { last = Look(ticks: ticks, at: now) }
    let (read, written) = Self.bytes(pid)
    if firstRead == nil {
      firstRead = read
      firstWritten = written
    }
    // A share needs two looks.
    guard let before = last, now > before.at else { return nil }
    let permille = (ticks - before.ticks) * 1_000_000 / Self.ticksPerSecond / (now - before.at)
    let (call, descriptor) = Self.call(pid)
    return Probe(
      state: String(fields[0]), cpuPermille: permille, syscall: call, descriptor: descriptor,
      readBytes: read - (firstRead ?? read), writtenBytes: written - firstWritten)
  }

  /// A rank that only waits for a child (a shell, a launcher) is what that child does: the one that has used most CPU time,
  /// at most eight steps down.
  private static func worker(_ rank: Int32) -> Int32 {
    var pid = rank
    for _ in 0..<8 where ["wait4", "waitid"].contains(call(pid).name) {
      let children = (readSmallFile("/proc/\(pid)/task/\(pid)/children") ?? "").split(whereSeparator: \.isWhitespace)
        .compactMap { Int32($0) }
      guard let busiest = children.max(by: { ticks($0) < ticks($1) }) else { break }
      pid = busiest
    }
    return pid
  }

  private static func ticks(_ pid: Int32) -> Int64 {
    guard let fields = ProcessTable.fields(pid), fields.count > 15 else { return 0 }
    return fields[11...14].reduce(Int64(0)) { $0 + (Int64($1) ?? 0) }
  }

  /// Bytes that went to and from files and sockets, of /proc/PID/io: rchar and wchar.
  private static func bytes(_ pid: Int32) -> (read: Int64, written: Int64) {
    var (read, written): (Int64, Int64) = (0, 0)
    for line in (readSmallFile("/proc/\(pid)/io") ?? "").split(separator: "\n") {
      if line.hasPrefix("rchar: ") { read = Int64(line.dropFirst(7)) ?? 0 }
      if line.hasPrefix("wchar: ") { written = Int64(line.dropFirst(7)) ?? 0 }
    }
    return (read, written)
  }

  private static func call(_ pid: Int32) -> (name: String, descriptor: String) {
    guard let text = readSmallFile("/proc/\(pid)/syscall") else { return ("", "") }
    let words = text.split(whereSeparator: \.isWhitespace)
    guard let first = words.first, let number = Int(first), let name = Syscalls.names[number] else { return ("", "") }
    guard Syscalls.onDescriptor.contains(name), words.count > 1 else { return (name, "") }
    let argument = words[1].hasPrefix("0x") ? words[1].dropFirst(2) : words[1]
    return (name, Int(argument, radix: 16).map { kind(pid, $0) } ?? "")
  }

  /// pipe, socket, file, tty or other.
  private static func kind(_ pid: Int32, _ descriptor: Int) -> String {
    let path = "/proc/\(pid)/fd/\(descriptor)"
    guard let status = FileStatus(path) else { return "other" }
    switch status.type {
    case S_IFIFO: return "pipe"
    case S_IFSOCK: return "socket"
    case S_IFREG: return "file"
    case S_IFCHR: return isTerminal(path) ? "tty" : "other"
    default: return "other"
    }
  }

  private static func isTerminal(_ path: String) -> Bool {
    var buffer = [UInt8](repeating: 0, count: 256)
    let n = readlink(path, &buffer, buffer.count)
    let target = String(decoding: buffer.prefix(max(0, n)), as: UTF8.self)
    return target.hasPrefix("/dev/pts/") || target.hasPrefix("/dev/tty")
  }
}

/// Numbers of the calls in which ranks wait. Source: the kernel's syscall tables of x86-64 and arm64.
enum Syscalls {
  static let onDescriptor: Set<String> = [
    "read", "readv", "pread64", "write", "recvfrom", "recvmsg", "sendto", "accept", "accept4", "connect",
  ]
  #if arch(arm64)
    static let names: [Int: String] = [
      63: "read", 64: "write", 65: "readv", 67: "pread64", 73: "ppoll", 22: "epoll_pwait", 98: "futex", 72: "pselect6",
      207: "recvfrom", 212: "recvmsg", 206: "sendto", 101: "nanosleep", 115: "clock_nanosleep", 95: "waitid",
      260: "wait4",
      56: "openat", 202: "accept", 242: "accept4", 203: "connect",
    ]
  #else
    static let names: [Int: String] = [
      0: "read", 1: "write", 2: "open", 7: "poll", 17: "pread64", 19: "readv", 23: "select", 35: "nanosleep",
      42: "connect", 43: "accept", 44: "sendto", 45: "recvfrom", 47: "recvmsg", 61: "wait4", 202: "futex",
      230: "clock_nanosleep", 247: "waitid", 232: "epoll_wait", 257: "openat", 270: "pselect6", 271: "ppoll",
      281: "epoll_pwait",
      288: "accept4",
    ]
  #endif
}
