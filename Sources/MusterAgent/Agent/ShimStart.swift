import CMuster
import Glibc
import MusterCore
import MusterProtocol

/// Starts the shim of a member: in a namespace of its own where the system allows, told what to do over its standard input.
struct ShimStart {
  let options: AgentOptions
  /// Where the agent itself has found the controller.
  let dialFirst: String?
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
    let attempt = launch.member.attempt
    let input = ShimInput(
      launch: launch, credentials: options.credentials, addresses: options.addresses.beginning(with: dialFirst),
      node: options.name,
      machine: machine.identity, boot: machine.boot, runFolder: folder.path,
      logFolder: "\(options.dataFolder)/logs/\(attempt.job)/\(attempt.number)", address: address,
      user: ShimStart.user.name, home: ShimStart.user.home)
    let standardInput = try Self.file(holding: Array(input.json.text.utf8))
    defer { close(standardInput) }
    let child: Spawned
    do throws(SpawnFailure) {
      child = try spawn(
        SpawnRequest(
          path: options.executable, arguments: ["muster", "shim"], environment: ["LANG=C.UTF-8"],
          standardInput: standardInput, standardOutput: log, standardError: log, flags: flags))
    } catch {
      throw SystemFailure(call: "start \(options.executable)", code: error.code)
    }
    if let identity = ProcessTable.identity(child.pid) {
      let code = folder.record(shim: identity, inNamespace: flags & Int32(MUSTER_SPAWN_NAMESPACE) != 0)
      guard code == 0 else {
        // Unrecorded it could not be found again after our own death: it must not run.
        muster_pidfd_signal(child.pidfd, SIGKILL)
        waitpid(child.pid, nil, 0)
        close(child.pidfd)
        throw SystemFailure(call: "write \(folder.path)/shim.json", code: code)
      }
    }
    return child
  }

  /// An unnamed file in memory: a shim that never reads, or dies first, holds nobody up, as it could with a pipe.
  private static func file(holding bytes: [UInt8]) throws(SystemFailure) -> Int32 {
    let descriptor = muster_memory_file("launch")
    guard descriptor >= 0 else { throw SystemFailure(call: "memfd_create", code: errno) }
    guard write(descriptor, bytes, bytes.count) == bytes.count, lseek(descriptor, 0, SEEK_SET) == 0 else {
      let code = errno
      close(descriptor)
      throw SystemFailure(call: "write a launch", code: code)
    }
    return descriptor
  }

  /// Ranks run as the agent's user.
  static let user: (name: String, home: String) = {
    guard let entry = getpwuid(geteuid()) else { return ("\(geteuid())", "/") }
    return (String(cString: entry.pointee.pw_name), String(cString: entry.pointee.pw_dir))
  }()
}
