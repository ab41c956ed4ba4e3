/// What a finding needs before it is told. Each has a default, and says where that comes from.
public enum Threshold: String, CaseIterable, Hashable, Sendable {
  case shortRun
  case measuredShare
  case warnShare
  case straggling
  case inputStall
  case starved
  case idleFor
  case launchBound
  case fp32Busy
  case fp32Tensor
  case memoryBound
  case lowUtilisation
  case lowMemory
  case lowUserHours
  case hung
  case redone
  case starting
  case powerCapped
  case walltimeUsed
  case walltimeAsked
  case mfuDisagreement

  /// How its number is written.
  public enum Unit: Sendable {
    /// 0...1.
    case share
    /// Seconds; in a file with their unit.
    case time
    /// Bytes; in a file with their unit.
    case memory
    /// GPU-hours.
    case gpuHours
  }

  public var unit: Unit {
    switch self {
    case .shortRun, .idleFor, .walltimeAsked: .time
    case .lowMemory: .memory
    case .lowUserHours: .gpuHours
    case .measuredShare, .warnShare, .straggling, .inputStall, .starved, .launchBound, .fp32Busy, .fp32Tensor,
      .memoryBound, .lowUtilisation, .hung, .redone, .starting, .powerCapped, .walltimeUsed, .mfuDisagreement:
      .share
    }
  }

  /// The default, and where it comes from.
  public var standard: Setting {
    switch self {
    case .shortRun: .init(600, "twice what jobstats judges from on (10 samples of 30 s)")
    case .measuredShare: .init(0.5, "our choice: where half of a run was not seen, what was seen does not speak for it")
    case .warnShare:
      .init(0.25, "our choice: jobstats' target is a mean utilisation of 50 %, and a quarter lost is half of it")
    case .straggling: .init(0.1, "a job straggles from a slow-down of 1.1 on (arXiv 2505.05713)")
    case .inputStall: .init(0.1, "waiting for data is among the commonest causes of low use (Gao et al., ICSE 2024)")
    case .starved:
      .init(0.25, "a GPU counts as starved while kernels run less than 45 to 55 % of the time: docs/devices.md")
    case .idleFor: .init(1_800, "half of what job_defense_shield first warns after (60 min)")
    case .launchBound: .init(0.25, "kernels that fill less than a quarter of the SMs: docs/devices.md")
    case .fp32Busy: .init(0.2, "our choice, not yet measured on a fleet: element-wise work keeps the pipe less busy")
    case .fp32Tensor: .init(0.02, "a decode of batch 1 still has 1.0 % on an H100: matrix units in use show more")
    case .memoryBound: .init(0.5, "our choice: most of the run")
    case .lowUtilisation: .init(0.2, "job_defense_shield: too strong a GPU from 20 % down")
    case .lowMemory: .init(10e9, "job_defense_shield, of too strong a GPU: at most 10 GB")
    case .lowUserHours: .init(24, "job_defense_shield, of too strong a GPU: users from 24 GPU-hours on")
    case .hung: .init(0.02, "our choice: a hang is never wanted, and ends are never quite at once")
    case .redone:
      .init(0.05, "our choice: a job that saves as often as it should loses about this (Young, CACM 17(9), 1974)")
    case .starting:
      .init(0.1, "our choice; Google counts start, preparation and compilation as lost time (ml-goodput-measurement)")
    case .powerCapped: .init(0.25, "an H100 in large matrices at 700 W runs at 69 % of its clock: docs/devices.md")
    case .walltimeUsed: .init(0.1, "jobstats: time used of at most 10 % of the limit")
    case .walltimeAsked: .init(3_600, "our choice: a short limit keeps no other job from starting")
    case .mfuDisagreement:
      .init(0.25, "counters come within 2 points of MFU once tiles are right (arXiv 2605.20799); ours were 4 % off")
    }
  }

  /// What it bounds, for people.
  public var meaning: String {
    switch self {
    case .shortRun: "a run that is shorter gets no advice"
    case .measuredShare: "counters speak for a run if they saw so much of it"
    case .warnShare: "a finding that cost so much of what was held is a warning"
    case .straggling: "ranks say that they wait for the slowest one for so much of the time between steps"
    case .inputStall: "ranks say that they wait for data for so much of the time between steps"
    case .starved: "without statuses: devices were starved for so much of the time"
    case .idleFor: "a device without work for so long is idle"
    case .launchBound: "kernels were too small for so much of the time"
    case .fp32Busy: "the fp32 pipe is at least so busy ..."
    case .fp32Tensor: "... and the tensor pipe at most so"
    case .memoryBound: "memory was the bound for so much of the time"
    case .lowUtilisation: "mean utilisation is at most this ..."
    case .lowMemory: "... memory in use on a GPU at most this ..."
    case .lowUserHours: "... and the user has held at least so much"
    case .hung: "so much of what was held was hung"
    case .redone: "so much of what was held had to be done again"
    case .starting: "so much of what was held was spent on starting"
    case .powerCapped: "the power cap held the clock for so much of the time"
    case .walltimeUsed: "so little of the walltime was used ..."
    case .walltimeAsked: "... of one that was at least so long"
    case .mfuDisagreement: "the two figures of MFU differ by so much of the larger one"
    }
  }

  /// What a file may say: of shares 0 to 1, of all others above zero.
  public var range: ClosedRange<Double> { unit == .share ? 0...1 : 0...1e15 }
}

/// A threshold's number, in seconds, bytes, GPU-hours or 0...1, and why it is this one.
public struct Setting: Hashable, Sendable {
  public var value: Double
  public var source: String

  public init(_ value: Double, _ source: String) {
    self.value = value
    self.source = source
  }
}

/// All thresholds: the defaults, and what a file says instead.
public struct Thresholds: Hashable, Sendable {
  private var settings = Threshold.allCases.map(\.standard)

  public init() {}

  public subscript(threshold: Threshold) -> Setting {
    get { settings[threshold.index] }
    set { settings[threshold.index] = newValue }
  }

  func callAsFunction(_ threshold: Threshold) -> Double { settings[threshold.index].value }
}

extension Threshold {
  /// Made once: findings of thousands of jobs look up some twenty thresholds each.
  private static let all = allCases
  fileprivate var index: Int { Self.all.firstIndex(of: self) ?? 0 }

  /// The day on which the defaults were last looked at.
  public static let standardDate = "2026-11-30"
}
