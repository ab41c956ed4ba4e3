/// What a model of device can do at most.
public struct DevicePart: Hashable, Sendable {
  public enum Precision: String, Hashable, Sendable { case bf16, fp16 }

  public var name: String
  /// As NVML or the vendor's tool calls it.
  public var aliases: [String]
  /// Streaming multiprocessors or compute units.
  public var sms: Int?
  /// FLOP of the matrix units a clock and SM, at `precision`, dense.
  public var flopPerClockPerSM: Int?
  /// The clock that `peakTflops` is stated at, MHz.
  public var matrixPeakClockMHz: Int?
  /// Dense TFLOP/s at `precision`.
  public var peakTflops: Double?
  /// fp16 for parts that have no bf16.
  public var precision: Precision
  /// TB/s.
  public var bandwidthTBs: Double?
  /// Thermal design power, watts: the usual power limit.
  public var watts: Double?
  /// Whether NVML has profiling counters for it (Hopper and newer); nil if no sheet says.
  public var hasGPM: Bool?
  /// Names of the table's parts that it is: of several that a word means, see `matching`, or its own.
  public internal(set) var standsFor: [String]

  init(
    _ name: String, aliases: [String], sms: Int?, flopPerClock: Int?, peakClock: Int?, peak: Double?,
    _ precision: Precision, bandwidth: Double?, watts: Double?, hasGPM: Bool?
  ) {
    self.name = name
    self.aliases = aliases
    self.sms = sms
    flopPerClockPerSM = flopPerClock
    matrixPeakClockMHz = peakClock
    peakTflops = peak
    self.precision = precision
    bandwidthTBs = bandwidth
    self.watts = watts
    self.hasGPM = hasGPM
    standsFor = [name]
  }

  /// By its name or an alias, whatever the case; nil for one that the table does not have.
  public static func named(_ name: String) -> DevicePart? {
    byName[name.lowercased()]
  }

  /// Of two parts that share a name the first of the table.
  private static let byName = Dictionary(
    all.flatMap { part in ([part.name] + part.aliases).map { ($0.lowercased(), part) } },
    uniquingKeysWith: { first, _ in first })
}
