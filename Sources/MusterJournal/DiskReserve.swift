import Glibc

/// A file of preallocated bytes beside the journal. When the disk is full it is emptied, and what running jobs still
/// have to say fits into its place.
struct DiskReserve {
  let folder: String
  let bytes: Int64
  private(set) var isHeld: Bool

  private var path: String { folder + "/reserve" }

  /// Looks whether an earlier run left it held.
  init(folder: String, bytes: Int64) throws(JournalError) {
    self.folder = folder
    self.bytes = bytes
    isHeld = bytes == 0
    guard !isHeld, Folder.fileBytes(path) != nil else { return }
    isHeld = try OpenFile(path, flags: O_RDONLY).allocatedBytes() >= bytes
  }

  /// Takes the space. False if the disk has none: nothing is kept then.
  mutating func hold() throws(JournalError) -> Bool {
    if isHeld { return true }
    let file = try OpenFile(path, flags: O_RDWR | O_CREAT)
    // posix_fallocate answers the error number and leaves errno alone.
    let failure = posix_fallocate(file.descriptor, 0, Int(bytes))
    if failure != 0 {
      try file.truncate(to: 0)
      if failure == ENOSPC || failure == EDQUOT { return false }
      throw .system(call: "posix_fallocate", path: path, errno: failure)
    }
    try file.sync()
    isHeld = true
    return true
  }

  /// Gives the space back. Synced, since some file systems reuse freed blocks only once the freeing is on disk.
  mutating func release() throws(JournalError) {
    guard isHeld, bytes > 0 else { return }
    // Somebody who needed space removed it: then it has been given back.
    guard Folder.fileBytes(path) != nil else {
      isHeld = false
      return
    }
    let file = try OpenFile(path, flags: O_RDWR)
    try file.truncate(to: 0)
    isHeld = false
    try file.sync()
  }
}
