import Glibc

/// A file of at most 1 MiB as text; nil if it cannot be read (it is gone, or not ours).
func readSmallFile(_ path: String) -> String? {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { return nil }
  defer { close(descriptor) }
  return readAll(descriptor)
}

func readAll(_ descriptor: Int32) -> String? {
  var out: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 16 << 10)
  while out.count < 1 << 20 {
    let n = read(descriptor, &buffer, buffer.count)
    if n < 0 {
      if errno == EINTR { continue }
      return nil
    }
    if n == 0 { break }
    out.append(contentsOf: buffer.prefix(n))
  }
  return String(decoding: out, as: UTF8.self)
}

/// Whole or not at all. - Returns: 0, or the errno.
@discardableResult
func writeFile(_ path: String, _ text: String, mode: mode_t = 0o600) -> Int32 {
  let temporary = path + ".new"
  let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
  guard descriptor >= 0 else { return errno }
  defer { close(descriptor) }
  let bytes = Array(text.utf8)
  guard write(descriptor, bytes, bytes.count) == bytes.count, rename(temporary, path) == 0 else { return errno }
  return 0
}

/// Makes a folder and those above it, mode 0700. - Returns: 0, or the errno.
func makeFolder(_ path: String) -> Int32 {
  if mkdir(path, 0o700) == 0 || errno == EEXIST { return 0 }
  guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return errno }
  let above = makeFolder(String(path[..<slash]))
  if above != 0 { return above }
  return mkdir(path, 0o700) == 0 || errno == EEXIST ? 0 : errno
}

/// Names in a folder, sorted; empty if it is not there.
func names(in folder: String) -> [String] {
  guard let directory = opendir(folder) else { return [] }
  defer { closedir(directory) }
  var out: [String] = []
  while let entry = readdir(directory) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) {
      $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
    if name != ".", name != ".." { out.append(name) }
  }
  return out.sorted()
}

func removeFolder(_ path: String) {
  for name in names(in: path) {
    let inner = path + "/" + name
    if unlink(inner) != 0, errno == EISDIR || errno == EPERM { removeFolder(inner) }
  }
  rmdir(path)
}

func errorText(_ code: Int32) -> String { String(cString: strerror(code)) }

/// The boot-time clock in milliseconds: it goes on while the machine sleeps and never jumps.
func bootMilliseconds() -> Int64 {
  var t = timespec()
  clock_gettime(CLOCK_BOOTTIME, &t)
  return Int64(t.tv_sec) * 1000 + Int64(t.tv_nsec) / 1_000_000
}
