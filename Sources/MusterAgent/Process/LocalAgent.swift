import CMuster
import Glibc

/// An agent on this machine as an engine sees it from outside: by its folder.
public struct LocalAgent: Sendable {
  public let name: String
  public let folder: String
  public private(set) var pid: Int32 = 0
  private var pidfd: Int32 = -1
  /// Of shims that died without their agent; nil while nobody has looked.
  private var leftovers: [Leftovers]?

  public init(name: String, folder: String) {
    self.name = name
    self.folder = folder
  }

  public var isRunning: Bool { pidfd >= 0 }
  /// Readable when the agent has ended; -1 if none runs.
  public var endDescriptor: Int32 { pidfd }

  /// Takes up an agent that already runs on the folder. - Returns: whether there is one.
  public mutating func adopt() -> Bool {
    guard let text = readSmallFile(folder + "/agent.json"), let identity = Self.identity(text),
      let descriptor = ProcessTable.open(identity)
    else { return false }
    pid = identity.pid
    pidfd = descriptor
    return true
  }

  private static func identity(_ text: String) -> ProcessIdentity? {
    let numbers = text.split { !$0.isNumber }.prefix(2)
    guard numbers.count == 2, let pid = Int32(numbers[0]), let start = UInt64(numbers[1]) else { return nil }
    return ProcessIdentity(pid: pid, start: start)
  }

  /// Starts an agent in a session of its own, so that the terminal's Ctrl-C does not reach it.
  /// - Returns: 0, or the errno.
  public mutating func start(executable: String, arguments: [String]) -> Int32 {
    let made = makeFolder(folder)
    guard made == 0 else { return made }
    let log = open(folder + "/agent.log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard log >= 0 else { return errno }
    defer { close(log) }
    let null = open("/dev/null", O_RDONLY | O_CLOEXEC)
    defer { close(null) }
    let environment = ["LANG=C.UTF-8", "PATH=\(RankEnvironment.path)"]
    do throws(SpawnFailure) {
      let child = try spawn(
        SpawnRequest(
          path: executable, arguments: ["muster", "agent"] + arguments, environment: environment,
          standardInput: null, standardOutput: log, standardError: log, flags: Int32(MUSTER_SPAWN_SESSION)))
      pid = child.pid
      pidfd = child.pidfd
      return 0
    } catch {
      return error.code
    }
  }

  public var hasEnded: Bool { pidfd < 0 || ProcessTable.hasEnded(pidfd) }

  /// The agent has ended: lets go of it.
  public mutating func collect() {
    guard pidfd >= 0 else { return }
    waitpid(pid, nil, WNOHANG)
    close(pidfd)
    pidfd = -1
    pid = 0
    leftovers = nil
  }

  public func kill() { if pidfd >= 0 { muster_pidfd_signal(pidfd, SIGKILL) } }

  /// How many shims live in the folder, and how many members there are.
  public func shims() -> (alive: Int, members: Int) {
    let folders = RunFolder.all(in: folder)
    return (folders.count { $0.shim.map(ProcessTable.isAlive) ?? false }, folders.count)
  }

  /// Kills what dead shims have left, while there is no agent to do it. Called again and again; never waits.
  /// - Returns: whether nothing is left.
  public mutating func isNothingLeft() -> Bool {
    let now = bootMilliseconds()
    var left =
      leftovers
      ?? RunFolder.all(in: folder).filter { !$0.isNamespace }.map { Leftovers(of: $0, aliveLately: [], now: now) }
    let table = left.isEmpty ? [] : ProcessTable.all()
    for i in left.indices { _ = left[i].look(table, adopter: nil) }
    left.removeAll(where: \.isGone)
    leftovers = left
    return left.isEmpty
  }

  /// A shim, or what it left, that is held in the kernel is waited for so long. Milliseconds.
  static let patience: Int64 = 5_000

  /// Ends all shims, and with them their ranks; the agent has ended before.
  public func killShims() {
    var left: [Leftovers] = []
    let until = bootMilliseconds() + Self.patience
    for folder in RunFolder.all(in: folder) {
      let ranks = folder.isNamespace ? [] : folder.ranks.filter(ProcessTable.isAlive)
      if let shim = folder.shim, let descriptor = ProcessTable.open(shim) {
        muster_pidfd_signal(descriptor, SIGKILL)
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        while poll(&entry, 1, Int32(clamping: max(0, until - bootMilliseconds()))) < 0, errno == EINTR {}
        close(descriptor)
      }
      if !folder.isNamespace { left.append(Leftovers(of: folder, aliveLately: ranks, now: bootMilliseconds())) }
    }
    while !left.isEmpty, bootMilliseconds() < until {
      let table = ProcessTable.all()
      for i in left.indices { _ = left[i].look(table, adopter: nil) }
      left.removeAll(where: \.isGone)
      if !left.isEmpty { poll(nil, 0, Int32(Leftovers.interval)) }
    }
  }
}
