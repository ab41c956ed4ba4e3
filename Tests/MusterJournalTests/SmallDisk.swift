import Foundation
import Testing

/// A disk of a few megabytes that a test can fill: a tmpfs, which only root can mount.
final class SmallDisk {
  static let needs: Comment = "needs root and mount(2): a small tmpfs is the disk that is filled"
  static let isPossible: Bool = {
    guard let disk = try? SmallDisk(bytes: 1 << 20) else { return false }  // not allowed here: the tests say so
    return Folder.exists(disk.path)
  }()

  private enum Folder {
    static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }
  }

  struct MountFailed: Error { var errno: Int32 }

  let path: String

  init(bytes: Int) throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("muster-disk-\(UUID())").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    guard mount("muster-test", path, "tmpfs", 0, "size=\(bytes)") == 0 else {
      let code = errno
      try FileManager.default.removeItem(atPath: path)
      throw MountFailed(errno: code)
    }
  }

  deinit {
    umount2(path, Int32(MNT_DETACH))
    rmdir(path)
  }

  func makeReadOnly() throws {
    guard mount("muster-test", path, "tmpfs", UInt(MS_REMOUNT | MS_RDONLY), nil) == 0 else {
      throw MountFailed(errno: errno)
    }
  }

  /// Writes a file until the disk has no byte left. Remove it to make room.
  func fill() throws -> String {
    let file = path + "/filler"
    let descriptor = open(file, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    defer { close(descriptor) }
    let block = [UInt8](repeating: 1, count: 4096)
    while write(descriptor, block, block.count) > 0 {}
    guard errno == ENOSPC else { throw MountFailed(errno: errno) }
    return file
  }
}
