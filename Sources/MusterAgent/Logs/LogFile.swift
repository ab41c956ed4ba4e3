import CMuster
import Glibc

/// A rank's log: the rank writes to it directly. When it is longer than its limit, the middle is cut out of the disk and
/// the beginning and the end stay; `FILE.cut` says from where to where.
///
/// Between two looks (a beat apart) a rank may write more than the limit: the disk must bear half a second of it.
struct LogFile: ~Copyable {
  let path: String
  let descriptor: Int32
  let limitBytes: Int64
  private var cutTo: Int64 = 0
  private var cannotCut = false
  static let block: Int64 = 4096

  init(path: String, limitBytes: Int64) throws(SystemFailure) {
    self.path = path
    self.limitBytes = limitBytes
    descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw SystemFailure(call: "open \(path)", code: errno) }
  }

  deinit { close(descriptor) }

  /// The part that has to go so that half of the limit stays at each end; nil if nothing has to. Whole blocks.
  static func cut(size: Int64, limitBytes: Int64, cutTo: Int64) -> (from: Int64, to: Int64)? {
    let half = limitBytes / 2
    let from = (half + block - 1) / block * block
    let to = (size - half) / block * block
    // A little over the limit is no reason for a system call each time.
    guard to > from, to - max(cutTo, from) >= max(block, limitBytes / 16) else { return nil }
    return (from, to)
  }

  mutating func keepWithinLimit() {
    var status = stat()
    guard !cannotCut, fstat(descriptor, &status) == 0,
      let (from, to) = Self.cut(size: Int64(status.st_size), limitBytes: limitBytes, cutTo: cutTo)
    else { return }
    // Said first: a reader must never take a hole for what the rank wrote.
    guard writeFile(path + ".cut", "\(from) \(to)\n") == 0 else { return }
    guard muster_punch(descriptor, off_t(from), off_t(to - from)) == 0 else {
      cannotCut = true
      writeFile(path + ".cut", "unsupported: \(errorText(errno)): this log is not bounded here\n")
      return
    }
    cutTo = to
  }
}
