import Glibc

/// The right to write a data folder: an exclusive `flock` on its file `lock`, held as long as this value lives. The
/// kernel gives it up when the process dies, however it dies; the descriptor does not survive `exec`, so no rank or shim
/// keeps a dead server's lock.
struct FolderLock: ~Copyable {
  private let file: OpenFile

  private init(file: consuming OpenFile) { self.file = file }

  /// Throws `locked` if another process (or another journal of this one) holds it.
  static func take(folder: String) throws(JournalError) -> FolderLock {
    let file = try OpenFile(folder + "/lock", flags: O_RDWR | O_CREAT)
    guard flock(file.descriptor, LOCK_EX | LOCK_NB) == 0 else {
      guard errno == EWOULDBLOCK else { throw .lastCall("flock", folder + "/lock") }
      throw .locked(folder: folder, pid: try FolderLock.owner(file))
    }
    // For people and for the refused one's message only; the lock itself is the kernel's.
    try file.truncate(to: 0)
    try file.write(Array("\(getpid())\n".utf8))
    return FolderLock(file: file)
  }

  /// The pid that the owner wrote. Nil in the moment between its lock and its writing.
  private static func owner(_ file: borrowing OpenFile) throws(JournalError) -> Int32? {
    let text = String(decoding: try file.read(limit: 32), as: UTF8.self)
    return Int32(text.prefix { $0.isNumber })
  }
}
