import Glibc
import MusterCore
import MusterProtocol

/// What is checked before a gang may go: working directory, command, limits, and the port that the first member holds.
struct Preparation: ~Copyable {
  /// The program's full path.
  private(set) var program = ""
  private(set) var port: Int32 = 0
  private var held: Int32 = -1

  init(_ environment: RankEnvironment) throws(Problem) {
    let launch = environment.input.launch
    let directory = launch.workingDirectory
    guard let status = FileStatus(directory) else {
      throw Problem(
        "workingDirectoryMissing",
        "working directory \(directory) \(Self.absence(errno)) on \(environment.input.node)")
    }
    guard status.type == S_IFDIR else {
      throw Problem(
        "workingDirectoryMissing", "working directory \(directory) is no directory on \(environment.input.node)")
    }
    guard access(directory, X_OK) == 0 else {
      throw Problem(
        "workingDirectoryForbidden", "working directory \(directory) may not be entered by \(environment.input.user)")
    }
    program = try Self.find(launch.command.first ?? "", directory: directory, path: environment.searchPath)
    if launch.holdsPort { try holdPort(environment.input.address) }
  }

  deinit { if held >= 0 { close(held) } }

  struct Problem: Error {
    var report: ShimReport.Problem
    init(_ code: String, _ message: String) { report = ShimReport.Problem(code: code, message: message) }
  }

  private static func absence(_ code: Int32) -> String {
    code == ENOENT ? "does not exist" : "cannot be reached (\(errorText(code)))"
  }

  /// The program as execvp(3) would find it.
  static func find(_ command: String, directory: String, path: String) throws(Problem) -> String {
    func check(_ file: String) throws(Problem) -> Bool {
      guard let status = FileStatus(file) else { return false }
      guard status.type == S_IFREG, access(file, X_OK) == 0 else {
        throw Problem("notExecutable", "\(file) cannot be executed: it is no file with the right to execute it")
      }
      return true
    }
    if command.contains("/") {
      let file = command.hasPrefix("/") ? command : "\(directory)/\(command)"
      guard try check(file) else { throw Problem("executableNotFound", "\(file) \(absence(errno))") }
      return file
    }
    var refused: Problem?
    for folder in path.split(separator: ":") {
      let file = "\(folder)/\(command)"
      do throws(Problem) {
        if try check(file) { return file }
      } catch {
        refused = error
      }
    }
    throw refused ?? Problem("executableNotFound", "\(command) was not found in PATH \(path)")
  }

  /// A port of the kernel's choice, new for each attempt, bound until just before the ranks start.
  private mutating func holdPort(_ host: String) throws(Problem) {
    let isV6 = host.contains(":")
    held = socket(isV6 ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var storage = sockaddr_storage()
    var size: socklen_t
    if isV6 {
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      inet_pton(AF_INET6, host, &address.sin6_addr)
      size = socklen_t(MemoryLayout<sockaddr_in6>.size)
      memcpy(&storage, &address, Int(size))
    } else {
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      inet_pton(AF_INET, host, &address.sin_addr)
      size = socklen_t(MemoryLayout<sockaddr_in>.size)
      memcpy(&storage, &address, Int(size))
    }
    let descriptor = held
    let code = withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(descriptor, address, size) == 0 && getsockname(descriptor, address, &size) == 0 ? 0 : errno
      }
    }
    guard code == 0 else {
      throw Problem("portUnavailable", "no port can be bound on \(host), this node's address: \(errorText(code))")
    }
    // sin_port and sin6_port lie at the same place.
    port = withUnsafeBytes(of: &storage) { Int32($0[2]) << 8 | Int32($0[3]) }
  }

  mutating func releasePort() {
    if held >= 0 { close(held) }
    held = -1
  }
}
