import Glibc

/// What every program that Prometheus scrapes says of its own process, under the names that its client libraries agreed
/// on (prometheus.io, "Writing client libraries", "Standard and runtime collectors").
package struct ProcessFigures: Hashable, Sendable {
  package var cpuSeconds: Double
  package var residentBytes: Int64
  package var virtualBytes: Int64
  package var threads: Int64
  /// Seconds since 1970.
  package var startedAt: Double
  /// nil: they could not be counted.
  package var openFiles: Int64?
  package var maxFiles: Int64

  /// Of this process, from `/proc`; nil where there is none, or it cannot be read.
  package static func read() -> ProcessFigures? {
    guard let stat = file("/proc/self/stat"), let boot = bootTime() else { return nil }
    return ProcessFigures(
      stat: stat, bootTime: boot, ticks: Double(sysconf(Int32(_SC_CLK_TCK))),
      pageBytes: Int64(sysconf(Int32(_SC_PAGESIZE))), openFiles: openFilesNow(), maxFiles: fileLimit())
  }

  /// From the line in `/proc/self/stat` (proc(5)): fields 14 and 15 are CPU ticks in user and system mode, 20 threads,
  /// 22 the start in ticks since boot, 23 and 24 memory in bytes and in pages. nil: it is no such line.
  init?(stat: String, bootTime: Double, ticks: Double, pageBytes: Int64, openFiles: Int64?, maxFiles: Int64) {
    // The program's name, in parentheses, may hold spaces and parentheses itself.
    guard let close = stat.lastIndex(of: ")") else { return nil }
    let fields = stat[stat.index(after: close)...].split { $0 == " " || $0 == "\n" }
    func field(_ number: Int) -> Int64? { fields.count > number - 3 ? Int64(fields[number - 3]) : nil }
    guard let user = field(14), let system = field(15), let threads = field(20), let start = field(22),
      let virtual = field(23), let pages = field(24), ticks > 0
    else { return nil }
    cpuSeconds = Double(user + system) / ticks
    self.threads = threads
    startedAt = bootTime + Double(start) / ticks
    virtualBytes = virtual
    residentBytes = pages * pageBytes
    self.openFiles = openFiles
    self.maxFiles = maxFiles
  }

  package var families: [MetricFamily] {
    var families = [
      MetricFamily(
        .counter, "process_cpu_seconds", unit: .seconds, "CPU time of this process, user and system.", real: cpuSeconds),
      MetricFamily(
        .gauge, "process_start_time_seconds", unit: .seconds, "When this process started, in seconds since 1970.",
        real: startedAt),
      MetricFamily(
        .gauge, "process_resident_memory_bytes", unit: .bytes, "Memory of this process that is in RAM.", residentBytes),
      MetricFamily(
        .gauge, "process_virtual_memory_bytes", unit: .bytes, "Address space of this process.", virtualBytes),
      MetricFamily(.gauge, "process_threads", "Threads of this process.", threads),
      MetricFamily(.gauge, "process_max_fds", "Files that this process may have open.", maxFiles),
    ]
    if let openFiles {
      families.append(MetricFamily(.gauge, "process_open_fds", "Files that this process has open.", openFiles))
    }
    return families
  }

  private static func bootTime() -> Double? {
    guard let text = file("/proc/stat"),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix("btime ") })
    else { return nil }
    return Double(line.dropFirst(6))
  }

  private static func fileLimit() -> Int64 {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
    return Int64(clamping: limit.rlim_cur)
  }

  private static func openFilesNow() -> Int64? {
    guard let folder = opendir("/proc/self/fd") else { return nil }
    defer { closedir(folder) }
    // Not counted: the folder itself, and the names of itself and its parent.
    var count: Int64 = -3
    while readdir(folder) != nil { count += 1 }
    return count
  }

  /// A file of at most 256 KiB. (`/proc/stat` has a line for each core, and the one we want after them.)
  private static func file(_ path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var (out, buffer) = ([UInt8](), [UInt8](repeating: 0, count: 16 << 10))
    while out.count < 256 << 10 {
      let n = Glibc.read(descriptor, &buffer, buffer.count)
      if n <= 0 { break }
      out.append(contentsOf: buffer.prefix(n))
    }
    return String(decoding: out, as: UTF8.self)
  }
}
