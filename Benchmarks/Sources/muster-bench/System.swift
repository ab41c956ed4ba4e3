import Glibc

/// What stops a benchmark; the text is for people.
struct Failure: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}

/// Nanoseconds of CLOCK_BOOTTIME, the clock that the ranks write too.
func bootNanoseconds() -> Int64 {
  var time = timespec()
  clock_gettime(CLOCK_BOOTTIME, &time)
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

func milliseconds(_ nanoseconds: Int64) -> Double { Double(nanoseconds) / 1e6 }

func sleepMilliseconds(_ count: Int) { usleep(UInt32(count) * 1_000) }

/// The whole file, nil when it cannot be read (a process that has just gone, a file that is not there yet).
func readFile(_ path: String) -> [UInt8]? {
  let file = open(path, O_RDONLY | O_CLOEXEC)
  guard file >= 0 else { return nil }
  defer { close(file) }
  var bytes: [UInt8] = []
  var part = [UInt8](repeating: 0, count: 65_536)
  while true {
    let count = read(file, &part, part.count)
    if count < 0 && errno == EINTR { continue }
    guard count >= 0 else { return nil }
    if count == 0 { return bytes }
    bytes += part[..<count]
  }
}

func readText(_ path: String) -> String? { readFile(path).map { String(decoding: $0, as: UTF8.self) } }

func writeText(_ text: String, to path: String) throws {
  let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
  guard file >= 0 else { throw Failure("cannot write \(path): errno \(errno)") }
  defer { close(file) }
  let bytes = Array(text.utf8)
  guard write(file, bytes, bytes.count) == bytes.count else { throw Failure("short write to \(path)") }
}

/// Bytes of a file, 0 when there is none.
func fileSize(_ path: String) -> Int64 {
  var status = stat()
  return stat(path, &status) == 0 ? Int64(status.st_size) : 0
}

func names(in folder: String) -> [String] {
  guard let stream = opendir(folder) else { return [] }
  defer { closedir(stream) }
  var found: [String] = []
  while let entry = readdir(stream) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) {
      $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
    if name != "." && name != ".." { found.append(name) }
  }
  return found
}

func removeTree(_ path: String) {
  var status = stat()
  guard lstat(path, &status) == 0 else { return }
  if status.st_mode & S_IFMT == S_IFDIR {
    for name in names(in: path) { removeTree(path + "/" + name) }
    rmdir(path)
  } else {
    unlink(path)
  }
}

/// A new folder below `parent`.
func makeFolder(in parent: String) throws -> String {
  var template = Array((parent + "/muster-bench-XXXXXX").utf8CString)
  guard mkdtemp(&template) != nil else { throw Failure("cannot make a folder in \(parent): errno \(errno)") }
  return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// A new folder that ends with this run of the benchmark.
func makeFolder() throws -> String {
  guard let root = environment(Guardian.root) else { throw Failure("\(Guardian.root) is not set") }
  return try makeFolder(in: root)
}

func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

/// A loopback port that is free now.
func freePort() throws -> Int {
  let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
  defer { close(listener) }
  var address = loopback(port: 0)
  var length = socklen_t(MemoryLayout<sockaddr_in>.size)
  let bound = withUnsafeMutablePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      bind(listener, $0, length) == 0 && getsockname(listener, $0, &length) == 0
    }
  }
  guard bound else { throw Failure("no free port: errno \(errno)") }
  return Int(UInt16(bigEndian: address.sin_port))
}

func loopback(port: Int) -> sockaddr_in {
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = UInt16(port).bigEndian
  address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
  return address
}

func connectLoopback(port: Int) throws -> Int32 {
  let connection = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
  var address = loopback(port: port)
  let connected = withUnsafePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      connect(connection, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
    }
  }
  guard connected else {
    close(connection)
    throw Failure("cannot connect to 127.0.0.1:\(port): errno \(errno)")
  }
  var one: Int32 = 1
  setsockopt(connection, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(4))
  return connection
}

/// One line to standard error: how far the benchmark is.
func say(_ line: String) {
  let bytes = Array((line + "\n").utf8)
  _ = write(2, bytes, bytes.count)
}
