import Glibc

/// An open file of the journal's folder, closed at the end of its scope and never inherited by a child's `exec`.
struct OpenFile: ~Copyable {
  let descriptor: Int32
  let path: String

  /// `mode` counts only when the flags create the file.
  init(_ path: String, flags: Int32, mode: mode_t = 0o600) throws(JournalError) {
    descriptor = open(path, flags | O_CLOEXEC, mode)
    self.path = path
    if descriptor < 0 { throw .lastCall("open", path) }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  func size() throws(JournalError) -> Int {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .lastCall("fstat", path) }
    return Int(status.st_size)
  }

  /// Bytes that the disk really holds for the file, which for a file with holes is less than its size.
  func allocatedBytes() throws(JournalError) -> Int64 {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .lastCall("fstat", path) }
    return Int64(status.st_blocks) * 512
  }

  func seek(to offset: Int64) throws(JournalError) {
    guard lseek(descriptor, Int(offset), SEEK_SET) >= 0 else { throw .lastCall("lseek", path) }
  }

  func truncate(to bytes: Int) throws(JournalError) {
    guard ftruncate(descriptor, bytes) == 0 else { throw .lastCall("ftruncate", path) }
  }

  func write(_ bytes: [UInt8]) throws(JournalError) {
    var written = 0
    while written < bytes.count {
      let n = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress.map { $0 + written }, $0.count - written) }
      if n < 0 {
        if errno == EINTR { continue }
        throw .lastCall("write", path)
      }
      written += n
    }
  }

  /// From the present position to the end, or `limit` bytes.
  func read(limit: Int = .max) throws(JournalError) -> [UInt8] {
    let place = lseek(descriptor, 0, SEEK_CUR)
    guard place >= 0 else { throw .lastCall("lseek", path) }
    let wanted = max(0, min(limit, try size() - place))
    var bytes = [UInt8](repeating: 0, count: wanted)
    var done = 0
    while done < wanted {
      let n = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress.map { $0 + done }, wanted - done) }
      if n < 0 {
        if errno == EINTR { continue }
        throw .lastCall("read", path)
      }
      if n == 0 { break }
      done += n
    }
    bytes.removeLast(wanted - done)
    return bytes
  }

  /// On disk when this returns. A failed sync is never tried again: the kernel may have dropped what it could not write.
  func sync() throws(JournalError) {
    guard fsync(descriptor) == 0 else { throw .lastCall("fsync", path) }
  }
}

/// A folder of the journal.
enum Folder {
  /// Creates it, and what is missing above it, readable by its owner only; one that is there is left as it is.
  static func create(_ path: String) throws(JournalError) {
    if mkdir(path, 0o700) == 0 { return try sync(parent(of: path)) }
    switch errno {
    case EEXIST: return
    case ENOENT where parent(of: path) != path:
      try create(parent(of: path))
      guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw .lastCall("mkdir", path) }
      try sync(parent(of: path))
    default: throw .lastCall("mkdir", path)
    }
  }

  /// Makes names that were created, renamed or removed in it last.
  static func sync(_ path: String) throws(JournalError) {
    try OpenFile(path, flags: O_RDONLY | O_DIRECTORY).sync()
  }

  /// The names in it, unordered; none if the folder does not exist.
  static func names(_ path: String) throws(JournalError) -> [String] {
    guard let folder = opendir(path) else {
      if errno == ENOENT { return [] }
      throw .lastCall("opendir", path)
    }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names
  }

  /// Whether there is a folder at the path.
  static func exists(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// A file's size in bytes, nil if there is none.
  static func fileBytes(_ path: String) -> Int64? {
    var status = stat()
    return stat(path, &status) == 0 ? Int64(status.st_size) : nil
  }

  static func parent(of path: String) -> String {
    var trimmed = Substring(path)
    while trimmed.count > 1, trimmed.last == "/" { trimmed.removeLast() }
    guard let slash = trimmed.lastIndex(of: "/") else { return "." }
    return slash == trimmed.startIndex ? "/" : String(trimmed[..<slash])
  }
}
