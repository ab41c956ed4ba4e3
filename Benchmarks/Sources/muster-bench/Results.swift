import Glibc

/// One line of the table.
struct Row {
  enum Target {
    case atLeast(Double)
    case atMost(Double)
    case none
  }
  var what: String
  var unit: String
  var samples: [Double]
  /// For the median.
  var target: Target
  /// For the worst sample, in the same direction.
  var worstTarget: Double?
  /// For the 99th percentile instead of the median.
  var isPercentile99 = false
  var note = ""

  var sorted: [Double] { samples.sorted() }
  var median: Double { percentile(sorted, 0.5) }
  var best: Double { isHigherBetter ? sorted.last ?? .nan : sorted.first ?? .nan }
  var worst: Double { isHigherBetter ? sorted.first ?? .nan : sorted.last ?? .nan }
  var isHigherBetter: Bool { if case .atLeast = target { true } else { false } }

  var reached: String {
    guard !samples.isEmpty else { return "no" }
    let value = isPercentile99 ? percentile(sorted, 0.99) : median
    switch target {
    case .none: return "-"
    case .atLeast(let limit): return value >= limit && worst >= worstTarget ?? -.infinity ? "yes" : "no"
    case .atMost(let limit): return value <= limit && worst <= worstTarget ?? .infinity ? "yes" : "no"
    }
  }

  var targetText: String {
    let kind = isPercentile99 ? "p99 " : ""
    let worst = worstTarget.map { ", worst \(figure($0))" } ?? ""
    switch target {
    case .none: return "-"
    case .atLeast(let limit): return "\(kind)≥ \(figure(limit))\(worst)"
    case .atMost(let limit): return "\(kind)≤ \(figure(limit))\(worst)"
    }
  }

  static let head = """
    | what | n | median | min | worst | target | reached | note |
    |---|---|---|---|---|---|---|---|
    """

  var line: String {
    let low = sorted.first ?? .nan
    return "| \(what) | \(samples.count) | \(figure(median)) \(unit) | \(figure(low)) | \(figure(worst))"
      + " | \(targetText) | \(reached) | \(note) |"
  }
}

/// The value below which that part of the sorted samples lies (nearest rank).
func percentile(_ sorted: [Double], _ part: Double) -> Double {
  guard !sorted.isEmpty else { return .nan }
  let rank = Int((part * Double(sorted.count)).rounded(.up)) - 1
  if part == 0.5 && sorted.count % 2 == 0 { return (sorted[rank] + sorted[rank + 1]) / 2 }
  return sorted[max(0, min(sorted.count - 1, rank))]
}

/// Three significant digits, thousands with commas.
func figure(_ value: Double) -> String {
  guard value.isFinite else { return "-" }
  if value >= 1_000 {
    var digits = Array(String(Int(value.rounded())))
    var place = digits.count - 3
    while place > 0 {
      digits.insert(",", at: place)
      place -= 3
    }
    return String(digits)
  }
  let places = value >= 100 ? 0 : value >= 10 ? 1 : 2
  var scale = 1.0
  for _ in 0..<places { scale *= 10 }
  let whole = Int((value * scale).rounded())
  guard places > 0 else { return String(whole) }
  let fraction = String(whole % Int(scale))
  return "\(whole / Int(scale))." + String(repeating: "0", count: places - fraction.count) + fraction
}

/// What the figures were taken on.
enum Machine {
  static func describe() throws -> String {
    let cores = sysconf(Int32(_SC_NPROCESSORS_ONLN))
    let model =
      (readText("/proc/cpuinfo") ?? "").split(separator: "\n").first { $0.hasPrefix("model name") }?
      .split(separator: ":").last.map { $0.drop { $0 == " " } } ?? "unknown"
    let kernel = (readText("/proc/sys/kernel/osrelease") ?? "unknown").prefix { $0 != "\n" }
    let load = (readText("/proc/loadavg") ?? "").split(separator: " ").prefix(3).joined(separator: " ")
    let sync = try diskSync()
    return "Machine: \(cores) cores, \(model), Linux \(kernel), load before \(load). Disk: 4 KiB append and fdatasync "
      + "median \(figure(sync.medianMilliseconds)) ms (worst \(figure(sync.worstMilliseconds))), \(figure(sync.rate)) a second."
  }

  static func diskSync() throws -> (medianMilliseconds: Double, worstMilliseconds: Double, rate: Double) {
    let folder = try makeFolder()
    defer { removeTree(folder) }
    let file = open(folder + "/sync", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw Failure("cannot write in \(folder)") }
    defer { close(file) }
    let block = [UInt8](repeating: 0x5a, count: 4_096)
    var times: [Double] = []
    let begin = bootNanoseconds()
    while times.count < 2_000 && bootNanoseconds() - begin < 3_000_000_000 {
      let before = bootNanoseconds()
      guard write(file, block, block.count) == block.count, fdatasync(file) == 0 else { throw Failure("cannot sync") }
      times.append(milliseconds(bootNanoseconds() - before))
    }
    let rate = Double(times.count) / (Double(bootNanoseconds() - begin) / 1e9)
    times.sort()
    return (percentile(times, 0.5), times.last ?? 0, rate)
  }
}
