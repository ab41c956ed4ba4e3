import Glibc

func nanoseconds(_ clock: clockid_t) -> Int64 {
  var t = timespec()
  clock_gettime(clock, &t)
  return Int64(t.tv_sec) * 1_000_000_000 + Int64(t.tv_nsec)
}

/// Milliseconds of several runs: CPU time of this thread, and wall.
struct Times {
  var cpu: [Double] = []
  var wall: [Double] = []

  mutating func measure<T>(_ body: () -> T) -> T {
    let (cpuStart, wallStart) = (nanoseconds(CLOCK_THREAD_CPUTIME_ID), nanoseconds(CLOCK_MONOTONIC))
    let result = body()
    cpu.append(Double(nanoseconds(CLOCK_THREAD_CPUTIME_ID) - cpuStart) / 1e6)
    wall.append(Double(nanoseconds(CLOCK_MONOTONIC) - wallStart) / 1e6)
    return result
  }

  /// Median and least of CPU, median of wall.
  var text: String {
    let (c, w) = (cpu.sorted(), wall.sorted())
    return "\(padded(c[c.count / 2], 8)) \(padded(c[0], 8)) \(padded(w[w.count / 2], 8))"
  }
}

/// With two digits behind the point below 10, one above.
func padded(_ value: Double, _ width: Int) -> String {
  let digits = value < 10 ? 100.0 : 10.0
  let scaled = Int((value * digits).rounded())
  let fraction = String(scaled % Int(digits))
  let text =
    "\(scaled / Int(digits))." + String(repeating: "0", count: (digits == 100 ? 2 : 1) - fraction.count) + fraction
  return String(repeating: " ", count: max(0, width - text.count)) + text
}

func padded(_ value: Int, _ width: Int) -> String {
  let text = String(value)
  return String(repeating: " ", count: max(0, width - text.count)) + text
}
