/// A reading in short sentences with the numbers that made it, so that a person can disagree.
struct DeviceEvidence {
  var part: DevicePart?
  var power: PowerScale
  var thresholds: DeviceThresholds

  /// - Parameter seconds: how long it lasted, where that is known.
  func sentences(_ reading: DeviceReading, _ means: DeviceMeans, seconds: Double? = nil) -> [String] {
    told(reading, means, seconds: seconds) + (reading.cause == .blackout ? [] : leftOut(means))
  }

  private func told(_ reading: DeviceReading, _ means: DeviceMeans, seconds: Double?) -> [String] {
    switch reading.state {
    case .idle: return idle(means)
    case .starting: return starting(means)
    case .working: return numbers(means, "kernels compute") + cap(means) + blind(means)
    case .starved: return numbers(means, starvation(means)) + cap(means) + blind(means)
    case .memoryBound: return numbers(means, memory(means)) + blind(means)
    case .launchBound: return numbers(means, "kernels too small or too short to fill the device") + blind(means)
    case .hung:
      return numbers(means, "a kernel spins") + [
        "a collective that waits for a peer that died or is late looks the same"
      ] + (means.isProfiled ? [scale] : blind(means))
    case .unknown: return unknown(reading.cause, means, seconds: seconds)
    }
  }

  // MARK: One state each

  private func idle(_ means: DeviceMeans) -> [String] {
    var found = numbers(means, "no kernel runs")
    if let memory = means[.memoryUsed], (means[.processes] ?? 0) >= 0.5 {
      found.append("a process holds \(Self.gibibytes(memory))")
    }
    return found
  }

  private func starting(_ means: DeviceMeans) -> [String] {
    var found = numbers(means, "a process is there and has not run any work yet")
    if let memory = means[.memoryUsed] { found.append("it holds \(Self.gibibytes(memory))") }
    if let rate = means[.pcieReceived], rate >= 50 { found.append("\(Self.whole(rate)) MiB/s come in over PCIe") }
    return found
  }

  private func starvation(_ means: DeviceMeans) -> String {
    guard let busy = means.busy, busy > 0, let sm = means[.sm] else { return "kernels are waited for" }
    return "while kernels run they use \(Self.percent(min(1, sm / busy))) of the SMs, then they are waited for"
  }

  private func memory(_ means: DeviceMeans) -> String {
    guard let busy = means.busy, busy > 0, let dram = means[.dram] else { return "memory is the bound" }
    return "memory is the bound: \(Self.percent(min(1, dram / busy))) of its peak while kernels run"
  }

  private func unknown(_ cause: UnknownCause?, _ means: DeviceMeans, seconds: Double?) -> [String] {
    switch cause {
    case .silent:
      return [seconds.map { "no sample for \(Self.tenths($0)) s" } ?? "no sample comes any more"]
    case .blackout:
      let told = [means[.utilisation].map { "\(Self.percent($0)) busy" }, watts(means)].compactMap { $0 }
      let against = told.isEmpty ? "" : " while the device tells \(told.joined(separator: " and "))"
      let often = means.darkCount < means.count ? " in \(means.darkCount) of \(means.count) samples" : ""
      return [
        "every profiling counter is 0\(often)\(against): the counters are dark, this is not idleness",
        "a profiler that holds them, or a driver that forbids them, does that", scale,
      ]
    case .notMeasured:
      return numbers(means, "what would tell its state is not measured")
        + (means.isProfiled ? [scale] : blind(means))
    case .unclear:
      return numbers(means, "a kernel neither computes nor moves data, yet it is not one that merely spins") + [scale]
    case .settling, nil:
      return ["too few samples to tell: \(means.count) in \(Self.tenths(means.seconds)) s"]
    }
  }

  // MARK: Parts of sentences

  private func numbers(_ means: DeviceMeans, _ conclusion: String) -> [String] {
    let shares: [(String, Double?)] = [
      ("busy", means.busy), ("SM", means[.sm]), ("tensor", means[.tensor]), ("DRAM", means[.dram]),
      ("memory in use", means.isProfiled ? nil : means[.memoryUtilisation]),
    ]
    let told = shares.compactMap { name, share in
      share.map { name == "busy" ? "\(Self.percent($0)) busy" : "\(name) \(Self.percent($0))" }
    }
    let all = [watts(means).map { "power \($0)" }].compactMap { $0 } + told
    return ["\(all.isEmpty ? "nothing measured" : all.joined(separator: ", ")): \(conclusion)"]
  }

  private func leftOut(_ means: DeviceMeans) -> [String] {
    means.darkCount == 0 ? [] : ["counters dark in \(means.darkCount) of \(means.count) samples, which are left out"]
  }

  private func watts(_ means: DeviceMeans) -> String? {
    means[.power].map { watts in
      "\(Self.whole(watts)) W" + (power.limit.map { " of \(Self.whole($0))" } ?? "")
    }
  }

  private func cap(_ means: DeviceMeans) -> [String] {
    guard power.isCapped(means, thresholds), let clock = means[.smClock] else { return [] }
    return ["the power cap holds the clock at \(Self.whole(clock)) MHz"]
  }

  private func blind(_ means: DeviceMeans) -> [String] {
    means.isProfiled ? [] : ["no profiling counters: judged by utilisation, memory utilisation and power alone", scale]
  }

  /// Where floor and limit come from.
  var scale: String {
    let floor: String
    switch (power.floor, power.floorSource) {
    case (nil, _): floor = "idle floor not known"
    case (let watts?, .learned): floor = "idle floor \(Self.whole(watts)) W, learned from idle samples"
    case (let watts?, _): floor = "idle floor \(Self.whole(watts)) W, estimated from the power limit"
    }
    let limit: String
    switch (power.limit, power.limitSource) {
    case (nil, _):
      limit = "power limit not known" + (power.top(thresholds).map { ", taken as \(Self.whole($0)) W" } ?? "")
    case (let watts?, .part): limit = "power limit \(Self.whole(watts)) W, of \(part?.name ?? "the part")"
    case (let watts?, .given): limit = "power limit \(Self.whole(watts)) W, as set"
    case (let watts?, _): limit = "power limit \(Self.whole(watts)) W, learned while the power cap held"
    }
    return "\(floor); \(limit)"
  }

  static func percent(_ share: Double) -> String { "\(whole(share * 100)) %" }
  static func whole(_ value: Double) -> String { String(Int64(value.rounded())) }
  static func tenths(_ value: Double) -> String {
    let all = Int64((value * 10).rounded())
    return "\(all / 10).\(abs(all % 10))"
  }
  private static func gibibytes(_ bytes: Double) -> String { "\(tenths(bytes / 1_073_741_824)) GiB" }
}
