import Glibc
import Logging
public import MusterInsight
public import MusterProtocol

/// What holds of thresholds, prices and idle jobs; from a file, which is read again when it changes.
public final class EfficiencySource: Sendable {
  /// Nil: the defaults hold.
  public let path: String?
  private let state: Box<State>

  private struct State: Sendable {
    var efficiency: Efficiency
    /// Of the text that was looked at last; equal: nothing has changed.
    var stamp: Stamp?
  }

  private struct Stamp: Hashable, Sendable {
    var seconds: Int
    var nanoseconds: Int
    var size: Int64
    var inode: UInt64
  }

  /// Why a file cannot be used.
  public enum Failure: Error, Sendable, CustomStringConvertible {
    case unreadable(path: String)
    case wrong(path: String, JobFileErrors)

    public var description: String {
      switch self {
      case .unreadable(let path): "efficiency file \(path): cannot be read, or is larger than 1 MiB"
      case .wrong(let path, let errors): errors.message(file: path)
      }
    }
  }

  public init() {
    path = nil
    state = Box(State(efficiency: Efficiency()))
  }

  /// - Throws: what is wrong with the file, all of it.
  public init(path: String) throws(Failure) {
    self.path = path
    let stamp = Self.stamp(path)
    state = Box(State(efficiency: try Self.read(path), stamp: stamp))
  }

  public var current: Efficiency { state.get().efficiency }

  static let look = Duration.seconds(5)

  /// Looks for changes until the task is cancelled. A file with a problem changes nothing; the log says what it is.
  func watch(_ logger: Logger) async throws {
    while true {
      try await Task.sleep(for: Self.look)
      refresh(logger)
    }
  }

  func refresh(_ logger: Logger) {
    guard let path else { return }
    let stamp = Self.stamp(path)
    guard stamp != state.get().stamp else { return }
    do throws(Failure) {
      state.set(State(efficiency: try Self.read(path), stamp: stamp))
      logger.notice("efficiency file \(path) was read again")
    } catch {
      state.set(State(efficiency: current, stamp: stamp))
      logger.error("the efficiency file was changed and is not used; what held before goes on: \(error)")
    }
  }

  private static func read(_ path: String) throws(Failure) -> Efficiency {
    guard let text = text(path) else { throw .unreadable(path: path) }
    switch EfficiencyFile.parse(yaml: text) {
    case .success(let efficiency): return efficiency
    case .failure(let errors): throw .wrong(path: path, errors)
    }
  }

  private static func text(_ path: String) -> String? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: EfficiencyFile.limitBytes + 1)
    let count = fread(&bytes, 1, bytes.count, file)
    guard ferror(file) == 0, count <= EfficiencyFile.limitBytes else { return nil }
    return String(decoding: bytes[..<count], as: UTF8.self)
  }

  private static func stamp(_ path: String) -> Stamp? {
    var found = stat()
    guard stat(path, &found) == 0 else { return nil }
    return Stamp(
      seconds: found.st_mtim.tv_sec, nanoseconds: found.st_mtim.tv_nsec, size: Int64(found.st_size),
      inode: UInt64(found.st_ino))
  }
}
