import Glibc

/// `lease` in a member's run folder: when the shim's lease ends, in milliseconds of the boot-time clock; 0 while nothing
/// runs that a lease bounds. The shim writes it, in place, when it changes; its agent acts on it should the shim be held.
struct LeaseFile: ~Copyable {
  private static let width = 20
  private let descriptor: Int32
  private var written: Int64 = -1

  init(folder: String) {
    descriptor = open(folder + "/lease", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  mutating func write(_ end: Int64?) {
    let end = end ?? 0
    guard end != written, descriptor >= 0 else { return }
    let digits = String(end)
    let line = Array((String(repeating: "0", count: max(0, Self.width - digits.count)) + digits + "\n").utf8)
    // One write of a line that never changes its length: a reader sees the old one or the new one.
    if pwrite(descriptor, line, line.count, 0) == line.count { written = end }
  }

  /// - Returns: nil if nothing runs that a lease bounds, or the shim has not written yet.
  static func read(folder: String) -> Int64? {
    guard let text = readSmallFile(folder + "/lease"), let end = Int64(text.prefix(width)), end > 0 else { return nil }
    return end
  }
}
