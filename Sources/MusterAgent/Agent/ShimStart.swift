import CMuster
import Glibc
import MusterCore
import MusterProtocol

/// Starts the shim of a member: in a namespace of its own where the system allows, told what to do over a pipe.
struct ShimStart {
  let options: AgentOptions
  let machine: Machine
  let launch: MemberLaunch
  let folder: RunFolder
  let flags: Int32
  /// Where the gang's other nodes reach this one.
  let address: String

  /// What this system lets us do, tried once with a process that does nothing.
  static func allowedFlags() -> Int32 {
    let namespace = Int32(MUSTER_SPAWN_SESSION | MUSTER_SPAWN_NAMESPACE)
    for flags in [namespace, namespace | Int32(MUSTER_SPAWN_USER_NAMESPACE)] {
      let request = SpawnRequest(
        path: "/bin/true", arguments: ["true"], environment: [], standardOutput: -1, standardError: -1, flags: flags)
      do {
        let child = try spawn(request)
        waitpid(child.pid, nil, 0)
        close(child.pidfd)
        return flags
      } catch {
        continue
      }
    }
    AgentMain.log("no PID namespaces here: ranks are bound to their shim by signals and a subreaper")
    return Int32(MUSTER_SPAWN_SESSION)
  }

  func run() throws(SystemFailure) -> Spawned {
    let code = makeFolder(folder.path)
    guard code == 0 else { throw SystemFailure(call: "mkdir \(folder.path)", code: code) }
    let log = open(folder.path + "/shim.log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard log >= 0 else { throw SystemFailure(call: "open \(folder.path)/shim.log", code: errno) }
    defer { close(log) }
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw SystemFailure(call: "pipe", code: errno) }
    defer {
      close(ends[0])
      close(ends[1])
    }
    let attempt = launch.member.attempt
    let input = ShimInput(
      launch: launch, credentials: options.credentials, addresses: options.addresses, node: options.name,
      machine: machine.identity, boot: machine.boot, runFolder: folder.path,
      logFolder: "\(options.dataFolder)/logs/\(attempt.job)/\(attempt.number)", address: address,
      user: ShimStart.user.name, home: ShimStart.user.home)
    let child: Spawned
    do throws(SpawnFailure) {
      child = try spawn(
        SpawnRequest(
          path: options.executable, arguments: ["muster", "shim"], environment: ["LANG=C.UTF-8"],
          standardInput: ends[0], standardOutput: log, standardError: log, flags: flags))
    } catch {
      throw SystemFailure(call: "start \(options.executable)", code: error.code)
    }
    if let identity = ProcessTable.identity(child.pid) { folder.record(shim: identity) }
    feed(ends[1], Array(input.json.text.utf8), to: child)
    return child
  }

  /// A launch larger than the pipe's 64 KiB goes as fast as the shim reads; should it die first, its end is seen anyway.
  private func feed(_ descriptor: Int32, _ bytes: [UInt8], to child: Spawned) {
    var sent = 0
    while sent < bytes.count {
      let n = bytes[sent...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if n < 0, errno == EINTR { continue }
      if n <= 0 { return }
      sent += n
    }
  }

  /// Ranks run as the agent's user.
  static let user: (name: String, home: String) = {
    guard let entry = getpwuid(geteuid()) else { return ("\(geteuid())", "/") }
    return (String(cString: entry.pointee.pw_name), String(cString: entry.pointee.pw_dir))
  }()
}
