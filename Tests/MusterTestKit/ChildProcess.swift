import CMuster
import Foundation
import Glibc
import MusterAgent
import MusterNode

/// A real program that a test started: it inherits no descriptor but its three, is waited for with a limit, and does
/// not outlive the test. (Foundation's `Process` has no limit, and a wait that never ends says nothing of why.)
public final class ChildProcess {
  public struct NotDone: Error, CustomStringConvertible {
    public var description: String
  }

  public let pid: Int32
  private let pidfd: Int32
  private let name: String
  /// As `waitpid` told it; nil while it was not waited for.
  private var status: ExitStatus?

  /// Descriptors stay the caller's.
  public init(
    _ path: String, _ arguments: [String] = [], environment: [String: String] = [:], in folder: String? = nil,
    input: Int32? = nil, output: Int32 = 1, error: Int32 = 2
  ) throws {
    let null = open("/dev/null", O_RDONLY | O_CLOEXEC)
    defer { close(null) }
    let child = try spawn(
      SpawnRequest(
        path: path, arguments: [path] + arguments, environment: environment.map { "\($0)=\($1)" },
        directory: folder, standardInput: input ?? null, standardOutput: output, standardError: error, flags: 0))
    (pid, pidfd) = (child.pid, child.pidfd)
    name = ([path] + arguments).joined(separator: " ")
  }

  deinit {
    end()
    close(pidfd)
  }

  public func signal(_ number: Int32) { muster_pidfd_signal(pidfd, number) }

  /// Waits for the end. - Returns: its exit code, 128 + the signal that ended it.
  /// - Throws: `NotDone` when it still ran after so long; it was killed then.
  public func wait(seconds: Double = 60) throws -> Int32 {
    var entry = pollfd(fd: pidfd, events: Int16(POLLIN), revents: 0)
    let deadline = Date(timeIntervalSinceNow: seconds)
    while status == nil {
      let left = deadline.timeIntervalSinceNow
      guard left > 0 else {
        end()
        throw NotDone(description: "`\(name)` still ran after \(seconds) s and was killed")
      }
      if poll(&entry, 1, Int32(left * 1000) + 1) > 0 { reap() }
    }
    return status.map { $0.signal == 0 ? $0.code : 128 + $0.signal } ?? -1
  }

  /// Kills it, if it still runs.
  public func end() {
    guard status == nil else { return }
    signal(SIGKILL)
    reap()
  }

  private func reap() {
    var told: Int32 = 0
    while waitpid(pid, &told, 0) < 0, errno == EINTR {}
    status = ExitStatus(wait: told)
  }
}
