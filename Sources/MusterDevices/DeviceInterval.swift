/// What one device, or several together, did in a stretch of time: means of the counters and time by state. Intervals
/// add up: ten seconds to a minute, devices to a node or a job.
///
/// Means are weighted by the milliseconds of the intervals that have the counter, so an interval without it changes
/// nothing.
public struct DeviceInterval: Hashable, Sendable {
  /// Device-milliseconds that were measured.
  public internal(set) var milliseconds: Int64 = 0
  /// Device-milliseconds by state, in the order of `DeviceState.allCases`; their sum is `milliseconds`.
  public internal(set) var states = [Int64](repeating: 0, count: DeviceState.allCases.count)
  /// Device-milliseconds of a blackout: the profiling counters were dark and the device was not idle. Neither work nor
  /// waste, but part of the time that is `unknown`; what those counters said then is in no mean.
  public internal(set) var darkMilliseconds: Int64 = 0
  /// Device-milliseconds in which the power cap held the clock down (`PowerScale.isCapped`).
  public internal(set) var cappedMilliseconds: Int64 = 0
  /// A lane a counter: value times milliseconds.
  var sums = Lanes.zero
  /// Milliseconds behind each lane.
  var weights = Lanes.zero
  /// MHz times activity times milliseconds, and activity times milliseconds, where both were measured.
  var clockByTensor = 0.0
  var tensorWeight = 0.0

  public init() {}

  /// - Parameters:
  ///   - samples: those in the stretch.
  ///   - times: milliseconds of the stretch by state; their sum is the stretch's length.
  ///   - dark: milliseconds of it in a blackout: of its samples those that are dark are in no mean of the profiling
  ///     counters, nor is any if all of it was dark.
  ///   - capped: milliseconds of it in which the power cap held the clock down.
  public init(
    _ samples: ArraySlice<DeviceSample>, times: [DeviceState: Int64], dark: Int64 = 0, capped: Int64 = 0
  ) {
    for (state, time) in times { self[state] = max(0, time) }
    milliseconds = states.reduce(0, +)
    guard milliseconds > 0 else { return }
    darkMilliseconds = min(max(0, dark), milliseconds)
    cappedMilliseconds = min(max(0, capped), milliseconds)
    let lit = DeviceMeans(samples.filter { !$0.isDark })
    // Power, clock and utilisation are not of those counters: they hold in a blackout, too.
    let all = DeviceMeans(samples.map(\.lit))
    for counter in DeviceCounter.allCases { set(counter, (counter.isProfiling ? lit : all)[counter]) }
    if let clock = lit.tensorClock { setClock(clock) }
  }

  /// Milliseconds that the profiling counters speak for.
  public var litMilliseconds: Int64 { milliseconds - darkMilliseconds }

  /// In the counter's own unit; nil if it was not measured.
  public subscript(counter: DeviceCounter) -> Double? {
    let weight = weights[counter.rawValue]
    return weight > 0 ? sums[counter.rawValue] / weight : nil
  }

  public private(set) subscript(state: DeviceState) -> Int64 {
    get { states[state.index] }
    set { states[state.index] = newValue }
  }

  /// 0...1 of the measured time; 0 where nothing was measured.
  public func share(_ state: DeviceState) -> Double {
    milliseconds > 0 ? Double(self[state]) / Double(milliseconds) : 0
  }

  /// The state that most of it was in; of several the first of `DeviceState.allCases`. A blackout's time speaks for none of
  /// them, unless it is nearly all there is (`DeviceThresholds.liveShare`). nil: nothing was measured.
  public var mainState: DeviceState? {
    guard milliseconds > 0 else { return nil }
    guard Double(litMilliseconds) >= DeviceThresholds.liveShare * Double(milliseconds) else { return .unknown }
    let times = DeviceState.allCases.map { self[$0] - ($0 == .unknown ? darkMilliseconds : 0) }
    return DeviceState.allCases.max { times[$0.index] < times[$1.index] }
  }

  /// What the matrices ran at: the mean of the SM clock, weighted by tensor activity; MHz.
  public var tensorClock: Double? { tensorWeight > 0 ? clockByTensor / tensorWeight : self[.smClock] }

  /// 10^12 FLOP/s of one device, from its counters (see `CounterMFU`), over the time that was not dark; nil if
  /// something that it needs is not there.
  /// - Parameter rate: what the matrices are known to run in; nil: the part's own precision.
  public func tflops(_ part: DevicePart, _ rate: MatrixRate? = nil) -> Double? {
    guard let tensor = self[.tensor], let clock = tensorClock, let sms = part.sms,
      let perClock = rate?.flopPerClockPerSM ?? part.flopPerClockPerSM
    else { return nil }
    return tensor * Double(sms) * Double(perClock) * clock * 1e-6
  }

  /// 0...1 of the dense peak, from the counters; nil where it cannot be said.
  public func mfu(_ part: DevicePart, _ rate: MatrixRate? = nil) -> Double? {
    guard let tflops = tflops(part, rate), let peak = rate?.peakTflops ?? part.peakTflops else { return nil }
    return tflops / peak
  }

  public static func += (a: inout DeviceInterval, b: DeviceInterval) {
    a.milliseconds += b.milliseconds
    a.darkMilliseconds += b.darkMilliseconds
    a.cappedMilliseconds += b.cappedMilliseconds
    for i in a.states.indices { a.states[i] += b.states[i] }
    a.sums += b.sums
    a.weights += b.weights
    a.clockByTensor += b.clockByTensor
    a.tensorWeight += b.tensorWeight
  }

  private mutating func set(_ counter: DeviceCounter, _ value: Double?) {
    let weight = Double(counter.isProfiling ? litMilliseconds : milliseconds)
    guard let value, weight > 0 else { return }
    sums[counter.rawValue] = value * weight
    weights[counter.rawValue] = weight
  }

  private mutating func setClock(_ clock: Double) {
    guard let tensor = self[.tensor] else { return }
    tensorWeight = tensor * Double(litMilliseconds)
    clockByTensor = clock * tensorWeight
  }
}

extension DeviceInterval {
  /// Appends it packed: numbers of 7 bits a byte, counters by a mask, each in its own step (`DeviceCounter.step`). A
  /// device with every counter takes about 45 bytes. The counters' separate weights are not kept:
  /// all of the time, or for the profiling counters what was not dark.
  public func pack(into bytes: inout [UInt8]) {
    bytes.put(UInt64(milliseconds))
    bytes.put(UInt64(darkMilliseconds))
    bytes.put(UInt64(cappedMilliseconds))
    bytes.put(mask(states.map { $0 > 0 }))
    for time in states where time > 0 { bytes.put(UInt64(time)) }
    let counters = DeviceCounter.allCases
    bytes.put(mask(counters.map { self[$0] != nil }))
    for counter in counters {
      if let value = self[counter] { bytes.put(counter.quantized(value)) }
    }
    bytes.put(tensorWeight > 0 ? DeviceCounter.smClock.quantized(clockByTensor / tensorWeight) : 0)
  }

  /// - Throws: `PackedFault` for bytes that `pack` has not made; nothing is read past their end.
  public init(_ packed: inout PackedBytes) throws(PackedFault) {
    milliseconds = try packed.time()
    darkMilliseconds = try packed.time()
    cappedMilliseconds = try packed.time()
    let stateMask = try packed.number(below: 1 << UInt64(states.count))
    for i in states.indices where stateMask >> UInt64(i) & 1 == 1 { states[i] = try packed.time() }
    var (left, isWhole) = (milliseconds, true)
    for time in states { (left, isWhole) = (left - time, isWhole && time <= left) }
    guard isWhole, left == 0, darkMilliseconds <= milliseconds, cappedMilliseconds <= milliseconds else {
      throw .damaged
    }
    let counterMask = try packed.number(below: 1 << UInt64(DeviceCounter.allCases.count))
    for counter in DeviceCounter.allCases where counterMask >> UInt64(counter.rawValue) & 1 == 1 {
      set(counter, counter.value(try packed.number(below: 1 << 53)))
    }
    let clock = try packed.number(below: 1 << 53)
    if clock > 0 { setClock(DeviceCounter.smClock.value(clock)) }
  }

  private func mask(_ flags: [Bool]) -> UInt64 {
    flags.enumerated().reduce(0) { $1.element ? $0 | 1 << UInt64($1.offset) : $0 }
  }
}

extension DeviceCounter {
  /// What a packed value counts, in the counter's unit: 0.01 % of a share, 0.1 W, 1 MHz, 1 MiB of memory, a tenth of a
  /// process, 1 MiB/s.
  var step: Double {
    switch self {
    case .power, .processes: 0.1
    case .smClock, .pcieReceived, .pcieSent: 1
    case .memoryUsed: 1_048_576
    case .utilisation, .memoryUtilisation, .graphics, .sm, .occupancy, .integer, .tensor, .dram, .fp64, .fp32, .fp16:
      0.0001
    }
  }

  func quantized(_ value: Double) -> UInt64 { UInt64((min(max(value / step, 0), 0x1p52)).rounded()) }

  func value(_ quantized: UInt64) -> Double { Double(quantized) * step }
}

extension DeviceState {
  /// Its place in `allCases`: packed intervals rest on it, so new states go to the end.
  public var index: Int {
    switch self {
    case .idle: 0
    case .starting: 1
    case .working: 2
    case .starved: 3
    case .memoryBound: 4
    case .launchBound: 5
    case .hung: 6
    case .unknown: 7
    }
  }
}
