import CMuster
import Glibc

/// A rank's log: the rank writes to it directly. When it is longer than its limit, the middle is cut out of the disk and
/// the beginning and the end stay; `FILE.cut` says from where to where. That file has its size from the start and is
/// rewritten in place: on a disk that is full by then, the cut is what makes room.
///
/// Between two looks (a beat apart) a rank may write more than the limit: the disk must bear half a second of it.
struct LogFile: ~Copyable {
  let path: String
  let descriptor: Int32
  let limitBytes: Int64
  private var cutTo: Int64 = 0
  private var cannotCut = false
  private var cutFile: Int32
  private static let cutFileSize = 160
  static let block: Int64 = 4096

  init(path: String, limitBytes: Int64) throws(SystemFailure) {
    self.path = path
    self.limitBytes = limitBytes
    descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    cutFile = -1
    guard descriptor >= 0 else { throw SystemFailure(call: "open \(path)", code: errno) }
    // Where that fails (the disk is full already), it is tried again before each cut.
    _ = say("0 0")
  }

  deinit {
    close(descriptor)
    if cutFile >= 0 { close(cutFile) }
  }

  /// One write of a text that never changes its length: a reader sees the old one or the new one.
  private mutating func say(_ text: String) -> Bool {
    if cutFile < 0 { cutFile = open(path + ".cut", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600) }
    guard cutFile >= 0 else { return false }
    let bytes = Array(text.utf8.prefix(Self.cutFileSize - 1))
    let line = bytes + [UInt8](repeating: 32, count: Self.cutFileSize - 1 - bytes.count) + [10]
    return pwrite(cutFile, line, line.count, 0) == line.count
  }

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
    guard !cannotCut, let size = FileStatus(descriptor)?.size,
      let (from, to) = Self.cut(size: size, limitBytes: limitBytes, cutTo: cutTo)
    else { return }
    // Said first: a reader must never take a hole for what the rank wrote.
    guard say("\(from) \(to)") else { return }
    guard muster_punch(descriptor, off_t(from), off_t(to - from)) == 0 else {
      cannotCut = true
      _ = say("unsupported: \(errorText(errno)): this log is not bounded here")
      return
    }
    cutTo = to
  }
}
