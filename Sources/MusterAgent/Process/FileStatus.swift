import CMuster
import Glibc

/// What stat(2) says of a file.
struct FileStatus: Hashable, Sendable {
  /// Bytes.
  var size: Int64
  var inode: UInt64
  /// Type and rights.
  var mode: UInt32
  var modifiedSeconds: Int64
  var modifiedNanoseconds: Int64

  /// Of the file that the path leads to; nil, with errno, if the system does not say.
  init?(_ path: String) {
    var found = muster_file()
    guard muster_stat(path, &found) == 0 else { return nil }
    self.init(found)
  }

  /// Of an open file.
  init?(_ descriptor: Int32) {
    var found = muster_file()
    guard muster_fstat(descriptor, &found) == 0 else { return nil }
    self.init(found)
  }

  private init(_ found: muster_file) {
    size = found.size
    inode = found.inode
    mode = found.mode
    modifiedSeconds = found.modified_seconds
    modifiedNanoseconds = found.modified_nanoseconds
  }

  /// S_IFREG, S_IFDIR and so on.
  var type: UInt32 { mode & S_IFMT }
}
