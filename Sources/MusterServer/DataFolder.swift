import Glibc

/// The server's folder: the journal, and the files that tell clients where it is and how to be let in.
public struct DataFolder: Sendable {
  public let path: String

  public init(path: String) { self.path = path }

  public enum Failure: Error, CustomStringConvertible {
    case unreadable(path: String, errno: Int32)
    case unwritable(path: String, errno: Int32)
    case isPretended(path: String)
    case isReal(path: String)

    public var description: String {
      switch self {
      case .unreadable(let path, let code): "\(path) cannot be read: \(String(cString: strerror(code)))"
      case .unwritable(let path, let code): "\(path) cannot be written: \(String(cString: strerror(code)))"
      case .isPretended(let path):
        "\(path) holds the journal of a pretend fleet, which no real one may go on with: choose another folder with "
          + "--data, or go on with it with `muster up --simulate`"
      case .isReal(let path):
        "\(path) holds the journal of a real fleet, which no pretend one may go on with: choose another folder with --data"
      }
    }
  }

  /// What people show to the API.
  public func peopleToken() throws -> String { try token("token") }
  /// What agents and shims show to the link; it opens nothing else.
  public func nodeToken() throws -> String { try token("node-token") }
  /// What Prometheus shows to be told the metrics; it opens nothing else.
  public func metricsToken() throws -> String { try token("metrics-token") }

  /// The token in that file, made on first use: 256 bits from the kernel, mode 0600.
  private func token(_ name: String) throws -> String {
    let file = "\(path)/\(name)"
    if let text = try read(file) {
      let token = text.split(whereSeparator: \.isWhitespace).first.map(String.init) ?? ""
      if token.count >= 32 { return token }
    }
    // The system's generator is the kernel's getrandom on Linux.
    let bytes = (0..<32).map { _ in UInt8.random(in: .min ... .max) }
    let digits = Array("0123456789abcdef")
    let token = String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    try write(whole: file, token + "\n", mode: 0o600)
    return token
  }

  /// There from the first start of a pretend fleet on.
  private var mark: String { "\(path)/pretended" }

  /// A journal is of a real fleet or of a pretend one, for ever. The mark is there before the journal is.
  func claim(isPretended: Bool) throws {
    let hasMark = try read(mark) != nil
    if hasMark == isPretended { return }
    guard isPretended else { throw Failure.isPretended(path: path) }
    if access("\(path)/journal.sqlite", F_OK) == 0 { throw Failure.isReal(path: path) }
    try write(
      whole: mark, "The nodes and jobs in this folder's journal are pretended, by `muster up --simulate`.\n",
      mode: 0o644)
  }

  public func writeAddress(_ address: String) throws {
    try write(whole: "\(path)/address", address + "\n", mode: 0o644)
  }

  private func read(_ file: String) throws -> String? {
    let descriptor = open(file, O_RDONLY | O_CLOEXEC)
    if descriptor < 0 {
      if errno == ENOENT { return nil }
      throw Failure.unreadable(path: file, errno: errno)
    }
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 4096)
    let n = Glibc.read(descriptor, &buffer, buffer.count)
    guard n >= 0 else { throw Failure.unreadable(path: file, errno: errno) }
    return String(decoding: buffer.prefix(n), as: UTF8.self)
  }

  private func write(whole file: String, _ text: String, mode: mode_t) throws {
    if mkdir(path, 0o700) != 0, errno != EEXIST { throw Failure.unwritable(path: path, errno: errno) }
    try Self.write(file, text, mode: mode)
  }

  /// Whole or not at all: written beside it, then renamed over it.
  static func write(_ file: String, _ text: String, mode: mode_t) throws {
    let temporary = file + ".new"
    unlink(temporary)
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard descriptor >= 0 else { throw Failure.unwritable(path: temporary, errno: errno) }
    defer { close(descriptor) }
    let bytes = Array(text.utf8)
    guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count, fsync(descriptor) == 0,
      rename(temporary, file) == 0
    else { throw Failure.unwritable(path: file, errno: errno) }
  }
}
