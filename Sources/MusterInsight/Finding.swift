/// One thing that a job loses GPU time by, or could do better, with what it rests on.
public struct Finding: Hashable, Sendable {
  public enum Kind: String, CaseIterable, Sendable {
    /// In the order in which they are looked for. Time that one has counted no later one counts again.
    case hung, redone, starting, straggling, inputStall, allIdle, idleDevices, fp32Matrices, launchBound, lowUse
    case memoryBound, powerCapped, walltime, mfuDisagreement, impossibleMFU
  }

  public enum Severity: String, CaseIterable, Sendable { case note, warn }

  public var kind: Kind
  /// What is so, with its numbers.
  public var sentence: String
  /// What was seen, each on its own; never empty.
  public var evidence: [String]
  public var nextStep: String
  /// GPU-hours that it cost in the run; 0 for one that costs none, or nobody can say how many.
  public var gpuHours: Double
  /// The same in a week of running like this.
  public var gpuHoursAWeek: Double
  public var severity: Severity
}

/// How numbers stand in sentences.
enum Words {
  /// `62 %`; below 10 % with a tenth where that says more.
  static func percent(_ share: Double) -> String {
    let value = share * 100
    return value > 0 && value < 9.95 && abs(value - value.rounded()) >= 0.05
      ? "\(tenths(value)) %" : "\(whole(value)) %"
  }

  static func whole(_ value: Double) -> String { String(Int64(min(max(value, -1e15), 1e15).rounded())) }

  static func tenths(_ value: Double) -> String {
    let all = Int64((min(max(value, 0), 1e15) * 10).rounded())
    return all % 10 == 0 ? "\(all / 10)" : "\(all / 10).\(all % 10)"
  }

  /// `45 s`, `12 min`, `2 h`, `1.5 h`, `3 d`.
  static func length(_ seconds: Double) -> String {
    switch seconds {
    case ..<90: "\(whole(seconds)) s"
    case ..<5_400: "\(whole(seconds / 60)) min"
    case ..<172_800: "\(tenths(seconds / 3600)) h"
    default: "\(tenths(seconds / 86_400)) d"
    }
  }

  /// Below one with two digits that matter: what is little is not nothing.
  static func hours(_ gpuHours: Double) -> String {
    guard gpuHours > 0, gpuHours < 0.995 else { return gpuHours >= 100 ? whole(gpuHours) : tenths(gpuHours) }
    guard gpuHours >= 1e-6 else { return "less than 0.000001" }
    var (decimals, scale) = (2, 100.0)
    while gpuHours * scale < 9.95 { (decimals, scale) = (decimals + 1, scale * 10) }
    var digits = String(Int64((gpuHours * scale).rounded()))
    while digits.hasSuffix("0") { (digits, decimals) = (String(digits.dropLast()), decimals - 1) }
    return "0." + String(repeating: "0", count: max(0, decimals - digits.count)) + digits
  }

  static func gigabytes(_ bytes: Double) -> String { tenths(bytes / 1e9) + " GB" }

  /// `its GPU was never`, `none of its 8 GPUs was`.
  static func none(_ count: Int) -> String { count == 1 ? "its GPU was never" : "none of its \(count) GPUs was" }

  /// `1 GPU`, `8 GPUs`.
  static func gpus(_ count: Int) -> String { count == 1 ? "1 GPU" : "\(count) GPUs" }
}
