import Glibc
import MusterDevices

/// What the devices of each job have done: of jobs that run in one file that is written anew, whole, each minute; of
/// others appended to a file for each thousand numbers, the newest word last. A file to which nothing was added for as
/// long as history is kept is deleted.
struct JobArchive {
  /// `DIR/rollups`.
  let path: String

  private static let mark: UInt32 = 0x314A_524D  // "MRJ1"
  private static let headSize = 16
  static let jobsAFile: Int64 = 1_000

  private var folder: String { "\(path)/jobs" }
  private var running: String { "\(folder)/running" }
  private func file(_ job: Int64) -> String { "\(folder)/\(job / Self.jobsAFile)" }

  private func makeFolder() throws(StoreFault) {
    for folder in [path, folder] where mkdir(folder, 0o700) != 0 && errno != EEXIST {
      throw StoreFault(path: folder, what: "make the folder", code: errno)
    }
  }

  /// In place of what was written before.
  func write(running jobs: [(job: Int64, devices: JobDevices)], now: Int64) throws(StoreFault) {
    guard !jobs.isEmpty || access(running, F_OK) == 0 else { return }
    try makeFolder()
    let new = running + ".new"
    unlink(new)
    try Self.append(new, jobs.flatMap { Self.record($0.job, $0.devices) }, now: now)
    guard rename(new, running) == 0 else { throw StoreFault(path: running, what: "put in place", code: errno) }
  }

  func append(_ job: Int64, _ devices: JobDevices, now: Int64) throws(StoreFault) {
    try makeFolder()
    try Self.append(file(job), Self.record(job, devices), now: now)
  }

  /// Jobs that ran when it was written last, as far as it is whole.
  func readRunning() -> [Int64: JobDevices] {
    var found: [Int64: JobDevices] = [:]
    Self.records(running) { job, bytes in found[job] = Self.decode(bytes()) }
    return found
  }

  func read(_ job: Int64) -> JobDevices? { read([job])[job] }

  /// Each file is read through once, however many of its jobs are wanted.
  func read(_ wanted: Set<Int64>) -> [Int64: JobDevices] {
    var found: [Int64: JobDevices] = [:]
    for file in Set(wanted.map(file)) {
      Self.records(file) { job, bytes in if wanted.contains(job) { found[job] = Self.decode(bytes()) ?? found[job] } }
    }
    return found
  }

  /// - Parameter before: seconds since 1970.
  func drop(before: Int64) {
    for name in RollupFolder.entries(folder) where Int64(name) != nil {
      var status = stat()
      if stat("\(folder)/\(name)", &status) == 0, Int64(status.st_mtim.tv_sec) < before { unlink("\(folder)/\(name)") }
    }
  }

  var bytes: Int64 { RollupFolder.entries(folder).reduce(0) { $0 + RollupFolder.size("\(folder)/\($1)") } }

  /// The mark, the job's number, the size of what follows, and that.
  private static func record(_ job: Int64, _ devices: JobDevices) -> [UInt8] {
    var packed: [UInt8] = []
    devices.pack(into: &packed)
    var out: [UInt8] = []
    out.append(little: mark)
    out.append(little: UInt64(bitPattern: job))
    out.append(little: UInt32(truncatingIfNeeded: packed.count))
    return out + packed
  }

  /// The file's time is the controller's, which of a pretend fleet is not the machine's.
  private static func append(_ file: String, _ out: [UInt8], now: Int64) throws(StoreFault) {
    let descriptor = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw StoreFault(path: file, what: "open", code: errno) }
    defer { close(descriptor) }
    let before = lseek(descriptor, 0, SEEK_END)
    var done = 0
    while done < out.count {
      let n = out.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress?.advanced(by: done), out.count - done) }
      if n < 0, errno == EINTR { continue }
      guard n > 0 else {
        let code = errno
        _ = ftruncate(descriptor, before)
        throw StoreFault(path: file, what: "write", code: code)
      }
      done += n
    }
    let at = timespec(tv_sec: Int(now / 1000), tv_nsec: 0)
    _ = futimens(descriptor, [at, at])
  }

  /// Calls `body` with each record; a damaged one hides what follows it.
  private static func records(_ file: String, _ body: (Int64, () -> [UInt8]) -> Void) {
    let descriptor = open(file, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    func bytes(_ offset: Int64, _ count: Int) -> [UInt8] {
      [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
        initialized = max(0, pread(descriptor, buffer.baseAddress, count, off_t(offset)))
      }
    }
    var offset: Int64 = 0
    while true {
      let head = bytes(offset, headSize)
      guard head.count == headSize, head.little(0, 4) == UInt64(mark) else { return }
      let (at, size) = (offset + Int64(headSize), Int(head.little(12, 4)))
      body(Int64(bitPattern: head.little(4, 8))) { bytes(at, size) }
      offset = at + Int64(size)
    }
  }

  private static func decode(_ bytes: [UInt8]) -> JobDevices? {
    var packed = PackedBytes(bytes)
    do throws(PackedFault) {
      return try JobDevices(&packed)
    } catch {
      return nil
    }
  }
}
