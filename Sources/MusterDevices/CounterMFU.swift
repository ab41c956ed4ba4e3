/// FLOP/s and MFU from counters alone.
///
/// FLOP/s = tensor activity × SMs × FLOP a clock and SM × SM clock (OFU, arXiv 2605.20799). Tensor activity is a part
/// of the time, not a rate: on an H100 that its power cap holds at 1,371 MHz it is 24 points above the truth. The clock
/// is weighted by the activity, so that time in which nothing ran counts with neither.
///
/// The precision is not to be seen in it: fp8 makes twice the FLOP behind the same activity, of twice the peak.
/// Activity counts whole tiles, padding too: with few rows it is an upper bound (`paddedTiles`).
public struct CounterMFU: Hashable, Sendable {
  public enum Flag: String, CaseIterable, Sendable {
    /// Memory is the bound, not the matrix units.
    case memoryBound
    /// Most of the counted FLOPs may be padding: no more than `paddedBelow` of them a byte of memory traffic.
    case paddedTiles
    /// The power cap held the clock down.
    case powerCapped
    /// The profiling counters were dark: nothing can be derived.
    case blackout
    /// They were dark in some of the samples: what is told is of the others.
    case partlyDark
    /// Fewer samples than one in `sparseAbove` seconds: a pause of some seconds between them may be in it, or not. Of
    /// fewer than `leastSamples` nothing is derived.
    case sparse
    /// A counter that the formula needs is not measured.
    case notMeasured
  }

  /// 0...1.
  public var tensorActivity: Double?
  /// Weighted by tensor activity, MHz.
  public var smClockMHz: Double?
  /// 10^12 FLOP/s.
  public var tflops: Double?
  /// 0...1 of the part's dense peak; above 1 is possible where the clock is above that of the peak.
  public var mfu: Double?
  public var flags: [Flag]

  /// FLOP a byte. bf16 weights that are read once and multiplied by the narrowest tile, 8 columns (PTX wgmma and
  /// mma.m16n8k16), count 8 × 2 FLOP for 2 bytes: 8 a byte, however few of the columns are real. Up to twice that the
  /// padding may be most of it. Measured: a decode of batch 1 counts 8.9 and is 1.0, training of a small model 234.
  public static let paddedBelow = 16.0

  /// Seconds. Pauses of 4 s and more are segments of their own (docs/devices.md): three samples must fall into one.
  public static let sparseAbove = 2.1
  public static let leastSamples = 3

  public init(_ segment: DeviceSegment, part: DevicePart) {
    let means = segment.means
    flags = []
    if segment.isPowerCapped { flags.append(.powerCapped) }
    if segment.reading.state == .memoryBound { flags.append(.memoryBound) }
    if segment.reading.cause == .blackout || means.isDark {
      flags.append(.blackout)
      smClockMHz = means[.smClock]
      return
    }
    if means.darkCount > 0 { flags.append(.partlyDark) }
    let live = means.count - means.darkCount
    if means.seconds > Self.sparseAbove * Double(max(1, live - 1)) { flags.append(.sparse) }
    tensorActivity = means[.tensor]
    smClockMHz = means.tensorClock
    guard let tensor = means[.tensor], let clock = means.tensorClock, let peak = part.peakTflops, let sms = part.sms,
      let perClock = part.flopPerClockPerSM
    else {
      flags.append(.notMeasured)
      return
    }
    guard !flags.contains(.sparse) || live >= Self.leastSamples else { return }
    let rate = tensor * Double(sms) * Double(perClock) * clock * 1e-6
    tflops = rate
    mfu = rate / peak
    if let dram = means[.dram], let bandwidth = part.bandwidthTBs, tensor > 0.001,
      rate <= dram * bandwidth * Self.paddedBelow
    {
      flags.append(.paddedTiles)
    }
  }

  /// What the numbers of `init` rest on, for people.
  /// - Parameters:
  ///   - rate: as in `DeviceInterval.mfu`.
  ///   - why: of that precision, e.g. "as declared"; empty: it goes without saying.
  public static func basis(_ part: DevicePart, _ rate: MatrixRate? = nil, why: String = "") -> String? {
    guard let sms = part.sms, let perClock = rate?.flopPerClockPerSM ?? part.flopPerClockPerSM,
      let peak = rate?.peakTflops ?? part.peakTflops
    else { return nil }
    return "tensor activity x \(sms) SMs x \(perClock) FLOP a clock and SM x SM clock, over \(peak) TFLOP/s "
      + "(dense \(rate?.precision ?? part.precision.rawValue)\(why.isEmpty ? "" : ", \(why)"))"
  }
}
