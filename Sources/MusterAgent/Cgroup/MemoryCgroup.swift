import Glibc

/// A member's memory limit, and whether the kernel killed for it. Version 2 where the memory controller is there, else
/// version 1; the root is a parameter so that tests can stand in for the kernel.
struct MemoryCgroup {
  enum Version: String {
    case v1 = "v1"
    case v2 = "v2"
  }
  let version: Version
  let path: String
  let limitBytes: Int64
  private(set) var killsBefore: Int64

  /// Makes a group under our own. - Parameter willMake: told the group's path before it is there.
  /// - Throws: why there can be none here.
  init(
    name: String, limitBytes: Int64, root: String = "/sys/fs/cgroup",
    own: String? = readSmallFile("/proc/self/cgroup"), willMake: (String) -> Void = { _ in }
  ) throws(SystemFailure) {
    let (version, parent) = try Self.parent(root: root, own: own ?? "")
    let path = "\(parent)/\(name)"
    willMake(path)
    if mkdir(path, 0o755) != 0, errno != EEXIST { throw SystemFailure(call: "mkdir \(path)", code: errno) }
    let file = version == .v2 ? "memory.max" : "memory.limit_in_bytes"
    let code = Self.put("\(path)/\(file)", "\(limitBytes)")
    if code != 0 {
      rmdir(path)
      throw SystemFailure(call: "write \(path)/\(file)", code: code)
    }
    if version == .v2 {
      // One rank out of memory must not leave the others of the member half alive.
      _ = Self.put("\(path)/memory.swap.max", "0")
    }
    self.version = version
    self.path = path
    self.limitBytes = limitBytes
    killsBefore = 0
    killsBefore = kills
  }

  /// The group in which we are, of the version that has a memory controller.
  static func parent(root: String, own: String) throws(SystemFailure) -> (Version, String) {
    for line in own.split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      let group = parts[2] == "/" ? "" : String(parts[2])
      if parts[1].split(separator: ",").contains("memory") { return (.v1, "\(root)/memory\(group)") }
      if parts[0] == "0" {
        let controllers = readSmallFile("\(root)\(group)/cgroup.subtree_control") ?? ""
        if controllers.split(whereSeparator: \.isWhitespace).contains("memory") { return (.v2, "\(root)\(group)") }
      }
    }
    throw SystemFailure(call: "no memory controller is delegated to us in \(root)", code: EACCES)
  }

  var procs: String { "\(path)/cgroup.procs" }

  /// Processes killed in this group for want of memory, so far.
  var kills: Int64 {
    let file = version == .v2 ? "memory.events" : "memory.oom_control"
    for line in (readSmallFile("\(path)/\(file)") ?? "").split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count == 2, words[0] == "oom_kill" { return Int64(words[1]) ?? 0 }
    }
    return 0
  }

  /// The evidence if the kernel killed here since the last call; empty if it did not.
  mutating func evidence() -> String {
    let now = kills
    guard now > killsBefore else { return "" }
    defer { killsBefore = now }
    let file = version == .v2 ? "memory.events" : "memory.oom_control"
    return "cgroup \(version.rawValue) \(file) oom_kill \(killsBefore) -> \(now), limit \(limitBytes >> 20) MiB"
  }

  func remove() { rmdir(path) }

  private static func put(_ file: String, _ text: String) -> Int32 {
    let descriptor = open(file, O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return errno }
    defer { close(descriptor) }
    return write(descriptor, text, text.utf8.count) < 0 ? errno : 0
  }
}

/// Lines of the kernel's log that say a process was killed for want of memory.
enum KernelLog {
  /// The pid that the line says was killed; nil for every other line. Both forms of mm/oom_kill.c:
  /// `Out of memory: Killed process 123 (python3) ...` and `Memory cgroup out of memory: Killed process 123 (...)`.
  static func killedForMemory(_ line: String) -> Int32? {
    let text = line.lowercased()
    guard let start = text.range(ofText: "out of memory: killed process ") else { return nil }
    return Int32(text[start...].prefix { $0.isNumber })
  }

  /// What the kernel wrote since the descriptor was last read. Nonblocking.
  static func read(_ descriptor: Int32) -> [String] {
    var out: [String] = []
    var buffer = [UInt8](repeating: 0, count: 8192)
    while true {
      let n = Glibc.read(descriptor, &buffer, buffer.count)
      if n < 0, errno == EPIPE { continue }  // overwritten before we read it: go on with what is there
      guard n > 0 else { return out }
      let text = String(decoding: buffer.prefix(n), as: UTF8.self)
      out.append(String(text.drop { $0 != ";" }.dropFirst()))
    }
  }

  /// At the end of the log, so that only what is written from now on is read; nil if we may not read it.
  static func open() -> Int32? {
    let descriptor = Glibc.open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    lseek(descriptor, 0, SEEK_END)
    return descriptor
  }
}

/// Ranks that the kernel's log says were killed for want of memory. All are kept: those killed in one moment are waited
/// for one after the other, and the log is read but once.
struct MemoryKills {
  private var lines: [Int32: String] = [:]

  mutating func take(_ new: [String], of pids: [Int32]) {
    for line in new {
      if let pid = KernelLog.killedForMemory(line), pids.contains(pid) { lines[pid] = line }
    }
  }

  /// Empty if there is none.
  func evidence(of pid: Int32) -> String { lines[pid].map { "kernel log: \($0)" } ?? "" }
}

extension String {
  /// Where the text after a needle begins.
  fileprivate func range(ofText needle: String) -> String.Index? {
    var at = startIndex
    while at < endIndex {
      if self[at...].hasPrefix(needle) { return index(at, offsetBy: needle.count) }
      at = index(after: at)
    }
    return nil
  }
}
