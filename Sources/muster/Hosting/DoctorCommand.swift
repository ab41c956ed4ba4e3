import ArgumentParser
import Foundation
import Glibc
import MusterAgent
import MusterProtocol

struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Say what this machine lacks, and the command that gives it.")

  @Flag(help: "Print JSON.")
  var json = false

  private struct Check {
    var name: String
    var isWell: Bool
    /// Without it Muster does not work; else something is only less good.
    var isNeeded: Bool
    var found: String
    var remedy: String
  }

  func run() throws {
    let checks = Self.checks()
    if json {
      let list = checks.map { check -> JSON in
        [
          "check": .string(check.name), "ok": .bool(check.isWell), "needed": .bool(check.isNeeded),
          "found": .string(check.found), "remedy": check.isWell ? .null : .string(check.remedy),
        ]
      }
      Terminal.out(JSON.array(list).pretty + "\n")
    } else {
      for check in checks {
        let mark = check.isWell ? "ok     " : check.isNeeded ? "MISSING" : "lacks  "
        Terminal.out("\(mark) \(check.name): \(check.found)\n")
        if !check.isWell { Terminal.out("          \(check.remedy)\n") }
      }
    }
    if checks.contains(where: { $0.isNeeded && !$0.isWell }) { throw CommandFailure.silent(code: 1) }
  }

  private static func checks() -> [Check] {
    [openFiles(), namespaces(), memoryController(), kernelLog(), deviceCounters(), python(), torch(), disk()]
  }

  private static func openFiles() -> Check {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    return Check(
      name: "open files", isWell: limit.rlim_cur >= 1024, isNeeded: true, found: "\(limit.rlim_cur)",
      remedy: "ulimit -n 65536 (a large fleet needs one for each node)")
  }

  private static func namespaces() -> Check {
    let works =
      succeeds("/usr/bin/unshare", ["--pid", "--mount", "--fork", "true"])
      || succeeds("/usr/bin/unshare", ["--user", "--map-current-user", "--pid", "--mount", "--fork", "true"])
    return Check(
      name: "PID namespaces", isWell: works, isNeeded: false,
      found: works ? "allowed" : "not allowed: ranks are bound to their shim by signals instead",
      remedy: "sysctl -w kernel.unprivileged_userns_clone=1, or run the agent as root")
  }

  private static func memoryController() -> Check {
    let own = (try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8)) ?? ""  // absent: no cgroups at all
    let v1 = own.split(separator: "\n").contains { $0.contains(":memory:") }
    let v2 = FileManager.default.fileExists(atPath: "/sys/fs/cgroup/cgroup.controllers")
    return Check(
      name: "memory limits", isWell: v1 || v2, isNeeded: false,
      found: v1 ? "cgroup v1" : v2 ? "cgroup v2 (needs Delegate=yes)" : "no memory controller: limits are not enforced",
      remedy: "run the agent by its systemd unit (Delegate=yes)")
  }

  private static func kernelLog() -> Check {
    let works = access("/dev/kmsg", R_OK) == 0
    return Check(
      name: "kernel log", isWell: works, isNeeded: false,
      found: works ? "readable" : "not readable: out of memory is told by the cgroup alone",
      remedy: "run the agent as root, or sysctl -w kernel.dmesg_restrict=0")
  }

  private static func deviceCounters() -> Check {
    let (isProfiled, found) = DeviceCounters.survey()
    return Check(
      name: "device counters", isWell: isProfiled, isNeeded: false, found: found,
      remedy: "NVML has profiling counters from Hopper on; else run a dcgm-exporter and give agents --dcgm-exporter URL"
    )
  }

  private static func python() -> Check {
    let works = access("/usr/bin/python3", X_OK) == 0
    return Check(
      name: "python3 (for the demo)", isWell: works, isNeeded: false, found: works ? "/usr/bin/python3" : "none",
      remedy: "apt-get install -y python3")
  }

  private static func torch() -> Check {
    let works = succeeds(
      "/usr/bin/python3", ["-c", "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)"])
    return Check(
      name: "PyTorch (for the demo)", isWell: works, isNeeded: false, found: works ? "installed" : "none",
      remedy: "apt-get install -y --no-install-recommends python3-torch python3-numpy libopenblas0-pthread")
  }

  private static func disk() -> Check {
    var status = statvfs()
    let folder = Paths.dataFolder()
    var path = folder
    while statvfs(path, &status) != 0, let slash = path.lastIndex(of: "/"), path != "/" {
      path = slash == path.startIndex ? "/" : String(path[..<slash])
    }
    let free = Int64(status.f_bavail) * Int64(status.f_frsize)
    return Check(
      name: "disk for the journal (\(folder))", isWell: free > 1 << 30, isNeeded: true, found: "\(free >> 20) MiB free",
      remedy: "make room, or choose another folder with --data or MUSTER_DATA")
  }

  private static func succeeds(_ program: String, _ arguments: [String]) -> Bool {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    do {
      try process.run()
    } catch {
      return false  // the program is not there
    }
    process.waitUntilExit()
    return process.terminationStatus == 0
  }
}
