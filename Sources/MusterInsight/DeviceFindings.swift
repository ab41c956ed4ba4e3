public import MusterDevices

/// What counters say. Nothing is said where they saw too little of the run; time in which they were dark is no waste and
/// speaks for nothing.
extension Insight {
  mutating func readDevices() {
    guard let devices = evidence.devices, evidence.isMeasured(thresholds) else { return }
    let total = devices.total
    readIdle(devices)
    readMatrices(total)
    readStarved(total)
    readLaunchBound(total)
    readLowUse(total)
    readNotes(total)
  }

  private func seenBy(_ devices: DeviceInterval) -> String {
    "counters of \(Words.hours(Double(devices.milliseconds) / 3_600_000)) GPU-hours"
  }

  /// GPU-hours in a share of what was measured: what nobody saw costs nothing.
  private func hours(_ share: Double) -> Double {
    share * min(evidence.gpuHoursHeld, evidence.devices?.deviceHours ?? 0)
  }

  // MARK: Devices without work

  private mutating func readIdle(_ devices: JobDevices) {
    guard let idle = IdleDevices(devices), idle.seconds >= thresholds(.idleFor) else { return }
    let count = max(evidence.devicesAsked, devices.devices.count)
    let length = Words.length(idle.seconds)
    // Those that were idle all the time were so in each part of it.
    let share =
      evidence.countersArePart
      ? Double(idle.count) / Double(max(1, devices.devices.count))
      : Double(idle.milliseconds) / Double(max(1, devices.total.milliseconds))
    let cost = hours(share)
    let seen = say([
      "no kernel ran on \(Words.gpus(idle.count)) since the attempt began, \(length) or more",
      seenBy(devices.total) + ", none of them dark",
    ])
    if idle.count == devices.devices.count, count == idle.count {
      add(
        .allIdle, say("\(Words.none(count)) used for \(length)"), costs: cost, evidence: seen,
        next: "look whether the program sees the GPUs (CUDA_VISIBLE_DEVICES, a build without CUDA); else ask for none")
    } else {
      add(
        .idleDevices, say("\(idle.count) of \(count) GPUs never used for \(length)"), costs: cost, evidence: seen,
        next: say(
          "ask for \(count - idle.count), or start a rank for each GPU (`ranksPerNode`, `torchrun --nproc-per-node`)"))
    }
  }

  // MARK: Devices with too little work

  /// The fp32 pipe also works element by element; with idle tensor pipes and so much of it, matrices are in it.
  private mutating func readMatrices(_ total: DeviceInterval) {
    // What a job's counters say comes before what its part is: that is looked up in a table.
    guard let fp32 = total[.fp32], let tensor = total[.tensor], total.darkMilliseconds == 0,
      fp32 >= thresholds(.fp32Busy), tensor <= thresholds(.fp32Tensor), let part = evidence.part,
      let peak = part.peakTflops, let sizes = PartSizes.of(part), let vector = sizes.fp32
    else { return }
    // What TF32, or where there is none the lower precision, would save of the time that the pipe was busy.
    let gain = (sizes.tf32 ?? peak) / vector
    add(
      .fp32Matrices,
      say(
        "matrices run in fp32: \(part.precision) has \(Words.tenths(peak / vector)) times the peak on this GPU"
          + (sizes.tf32.map { ", \(Words.tenths(peak / $0)) times if TF32 is on" } ?? "")),
      costs: hours(fp32 * (1 - 1 / gain)),
      evidence: say([
        "fp32 pipe busy \(Words.percent(fp32)) of the time, tensor pipe \(Words.percent(tensor))", seenBy(total),
        "\(part.name): \(Words.tenths(peak)) TFLOP/s dense \(part.precision), \(Words.tenths(vector)) fp32"
          + (sizes.tf32.map { ", \(Words.tenths($0)) TF32" } ?? ""),
      ]),
      next: say("torch.autocast with \(part.precision); or torch.set_float32_matmul_precision(\"high\") for TF32"))
  }

  private mutating func readStarved(_ total: DeviceInterval) {
    // Where ranks say what they wait for, that is known better.
    guard evidence.accounts.inputStall == 0 else { return }
    let starved = total.share(.starved)
    guard starved >= thresholds(.starved) else { return }
    // A starved device runs kernels in at most this part of its time.
    let most = DeviceThresholds().starvedBelow.stay
    let busy = total[.graphics] ?? total[.utilisation]
    add(
      .inputStall,
      say("GPUs wait \(Words.percent(starved * (1 - most))) of the time or more: data that comes too late looks so"),
      costs: hours(starved * (1 - most)),
      evidence: say(
        ["starved for \(Words.percent(starved)) of the time: kernels ran in less than half of it", seenBy(total)]
          + (busy.map { ["kernels ran in \(Words.percent($0)) of all time"] } ?? [])),
      next: "more loader workers and prefetch; say STATUS=waiting for data in the loop, to know it")
  }

  private mutating func readLaunchBound(_ total: DeviceInterval) {
    let bound = total.share(.launchBound)
    guard bound >= thresholds(.launchBound) else { return }
    // Less than this of the SMs was in use.
    let filled = DeviceThresholds().smallKernel
    add(
      .launchBound, say("kernels are too small to fill the GPU for \(Words.percent(bound)) of the time"),
      costs: hours(bound * (1 - filled)),
      evidence: say([
        "launch-bound for \(Words.percent(bound)) of the time"
          + (total[.sm].map { ", SMs in use \(Words.percent($0))" } ?? ""), seenBy(total),
      ]), next: "a larger batch, torch.compile or CUDA graphs: many small launches become few")
  }

  private mutating func readLowUse(_ total: DeviceInterval) {
    guard let busy = total[.utilisation] ?? total[.graphics], let memory = total[.memoryUsed], busy > 0,
      total.darkMilliseconds == 0, busy <= thresholds(.lowUtilisation), memory <= thresholds(.lowMemory),
      evidence.userGPUHours >= thresholds(.lowUserHours), !findings.contains(where: { $0.kind == .allIdle }),
      let part = evidence.part, let size = PartSizes.of(part)
    else { return }
    let smaller = part.smaller(memory: memory, busy: busy, dram: total[.dram]).prefix(2).map(\.family)
    guard !smaller.isEmpty else { return }
    func named(_ family: String) -> String { ("AEFHILMNORSX".contains(family.prefix(1)) ? "an " : "a ") + family }
    add(
      .lowUse,
      say(
        "utilisation \(Words.percent(busy)) and memory \(Words.percent(memory / (size.gigabytes * 1e9))) over "
          + "\(Words.hours(evidence.gpuHoursHeld)) GPU-hours: \(smaller.map(named).joined(separator: " or ")) would do"),
      costs: hours(1 - busy),
      evidence: say([
        "mean utilisation \(Words.percent(busy)), \(Words.gigabytes(memory)) in use of \(Words.tenths(size.gigabytes)) GB",
        seenBy(total), "the user has held \(Words.hours(evidence.userGPUHours)) GPU-hours",
      ]), next: say("`deviceTypes: [\(smaller.joined(separator: ", "))]`, or several such runs on one GPU"))
  }

  /// What costs nothing that could be counted, and is worth knowing.
  private mutating func readNotes(_ total: DeviceInterval) {
    let bound = total.share(.memoryBound)
    if bound >= thresholds(.memoryBound) {
      add(
        .memoryBound, say("memory is the bound for \(Words.percent(bound)) of the time: the matrix units wait for it"),
        evidence: say([
          "memory-bound for \(Words.percent(bound)) of the time"
            + (total[.dram].map { ", memory busy \(Words.percent($0))" } ?? ""), seenBy(total),
        ]), next: "a larger batch, fused kernels, a smaller number format; or a GPU with more TB/s a dollar")
    }
    // A clock that is held down is told with what the matrix units did, which nobody saw of dark time.
    guard total.darkMilliseconds == 0 else { return }
    let capped = Double(total.cappedMilliseconds) / Double(max(1, total.milliseconds))
    if capped >= thresholds(.powerCapped) {
      add(
        .powerCapped, say("the power cap holds the clock down for \(Words.percent(capped)) of the time"),
        evidence: say([
          "capped for \(Words.percent(capped)) of the time"
            + (total[.power].map { ", \(Words.whole($0)) W on average" } ?? "")
            + (total.tensorClock.map { ", matrices at \(Words.whole($0)) MHz" } ?? ""), seenBy(total),
        ]), next: "nothing for the job to do: dense matrices do that; a higher limit costs power, not time")
    }
  }
}

/// Devices of the running attempt on which nothing has ever run.
public struct IdleDevices: Hashable, Sendable {
  public var count = 0
  /// Device-milliseconds that were measured of them, and seconds that each of them was measured at least.
  public var milliseconds: Int64 = 0
  public var seconds = 0.0

  /// Nil where nothing can be said: there is none, counters that were dark for any of the time (all 0, which is not
  /// idleness), or none that tells whether something runs.
  public init?(_ devices: JobDevices) {
    let total = devices.total
    guard total.darkMilliseconds == 0, total[.graphics] != nil || total[.utilisation] != nil else { return nil }
    // What a driver does by itself stays below this.
    let most = DeviceThresholds().idleBelow.busy
    var least = Int64.max
    for device in devices.devices
    where device.activeAt == 0 && device.measured > 0 && device.busy <= most * Double(device.measured) {
      count += 1
      milliseconds += device.measured
      least = min(least, device.measured)
    }
    guard count > 0 else { return nil }
    seconds = Double(least) / 1000
    // The states, which are told with more than the mean, must say so, too; at first they are not certain.
    guard milliseconds - Int64(count) * Self.settling <= total[.idle] + total[.starting] else { return nil }
  }

  /// Milliseconds of a device in which its state is not certain yet, at most.
  static let settling: Int64 = 60_000
}
