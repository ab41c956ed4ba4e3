/// From when on a device is in another state.
public struct DeviceChange: Hashable, Sendable {
  /// On the samples' scale: where the change began, which is before the sample that made it certain.
  public var seconds: Double
  public var reading: DeviceReading
  /// Short sentences with numbers, of the window that decided.
  public var evidence: [String]
}

/// Tells what a device does from one sample after the other, knowing only what came before. The same for a live device
/// and for a recording.
///
/// Means over a window are read by `DeviceRules`. What they say must hold for longer than the window before it is a
/// change, and the change is placed back to where the samples differ most on both sides of it: at most a window before
/// it was first read. At five samples a second a change is told after about 6 s.
public struct DeviceClassifier: Sendable {
  public let thresholds: DeviceThresholds
  public let part: DevicePart?
  public private(set) var reading = DeviceReading(unknown: .settling)
  public private(set) var power: PowerScale

  /// From when on the present state is told.
  private var began = 0.0
  /// Nothing has been told since the first sample or since a silence.
  private var isSettling = true
  private var samples: [DeviceSample] = []
  private var candidate: (reading: DeviceReading, since: Double)?
  /// From when on too few samples of each window were not dark.
  private var darkSince: Double?
  private var leastMemory: Double?
  private var highestClock = 0.0
  private var residentSince: Double?
  private var hasWorked = false

  /// - Parameters:
  ///   - part: what the device is; nil learns the power limit from samples that the power cap holds down.
  ///   - powerLimitWatts: as set on the device; nil takes the part's.
  public init(part: DevicePart? = nil, powerLimitWatts: Double? = nil, thresholds: DeviceThresholds = .init()) {
    self.thresholds = thresholds
    self.part = part
    power = PowerScale(limit: powerLimitWatts ?? part?.watts, limitSource: powerLimitWatts == nil ? .part : .given)
    if power.limit == nil { power.limitSource = .learned }
    takeFloorFromLimit()
  }

  /// The limit was set anew on the device, watts.
  public mutating func setPowerLimit(_ watts: Double) {
    guard watts != power.limit else { return }
    (power.limit, power.limitSource) = (watts, .given)
    takeFloorFromLimit()
  }

  /// What has become certain with this sample: mostly nothing. A sample whose time is not a number, or before that of
  /// the one before it, is passed over.
  public mutating func add(_ sample: DeviceSample) -> [DeviceChange] {
    guard sample.seconds.isFinite, sample.seconds >= samples.last?.seconds ?? -.infinity else { return [] }
    var changes: [DeviceChange] = []
    if let last = samples.last, sample.seconds - last.seconds > silenceBound { changes += silence(from: last.seconds) }
    if samples.isEmpty { began = sample.seconds }
    var sample = sample
    sample.isDark = Blackout(thresholds: thresholds, power: power).isDark(sample, after: samples.last)
    samples.append(sample)
    trim()
    let window = window()
    let means = DeviceMeans(window)
    learn(means, sample)
    let found = rules.read(means)
    learnFloor(means, found)
    if let change = consider(found, means, span: sample.seconds - (window.first?.seconds ?? sample.seconds)) {
      changes.append(change)
    }
    return changes
  }

  /// Whether the profiling counters of the latest sample were dark.
  public var isDark: Bool { samples.last?.isDark ?? false }

  /// Whether the power cap holds the clock down in the latest sample.
  public var isPowerCapped: Bool { samples.last.map { power.isCapped(DeviceMeans([$0]), thresholds) } ?? false }

  /// At the end of a recording that is too short for anything to be certain: what its samples say together.
  public mutating func finish() -> [DeviceChange] {
    guard isSettling, !samples.isEmpty, reading.cause == .settling || reading.cause == .silent else { return [] }
    let means = DeviceMeans(samples)
    let found = rules.read(means)
    let isTooSoon = found.state == .hung && means.seconds < thresholds.hang
    return isTooSoon ? [] : [change(to: found, at: began, means)]
  }

  /// The present state in sentences, from the latest window.
  public var evidence: [String] {
    DeviceEvidence(part: part, power: power, thresholds: thresholds).sentences(reading, DeviceMeans(window()))
  }

  // MARK: Deciding

  private var rules: DeviceRules {
    DeviceRules(
      thresholds: thresholds, sms: part?.sms, power: power, current: reading.state, isResident: residentSince != nil,
      hasWorked: hasWorked)
  }

  private mutating func consider(_ found: DeviceReading, _ means: DeviceMeans, span: Double) -> DeviceChange? {
    guard let now = samples.last?.seconds else { return nil }
    let since = since(found, now)
    if found == reading, !isSettling {
      if found.cause != .blackout { candidate = nil }
      return nil
    }
    let isHang = found.state == .hung
    // Before anything is told the window is not full: it does not vouch for the time before the candidate.
    let hold = isHang ? thresholds.hang - (isSettling ? 0 : thresholds.window) : thresholds.hold
    // Three quarters of an interval more than the window: the samples of both sides are out of it.
    let isHeld = now - since >= max(hold, span + interval * 0.75) - 1e-6
    let steady = steadySince(found)
    let isSteady =
      steady.count >= steadySamples(found.state)
      && now - steady.seconds >= (isHang ? thresholds.hang : thresholds.steadyHold) - 1e-6
    guard isHeld || isSteady else { return nil }
    let first = min(since, steady.seconds)
    let start = isSettling ? began : changePoint(from: first - span - interval, to: first, found)
    return change(to: found, at: start, means)
  }

  /// A pause is a pause however far apart samples are: of the time that makes a state steady no more fit into it.
  private func steadySamples(_ state: DeviceState) -> Int {
    guard state == .idle, interval > thresholds.steadyHold / Double(thresholds.steadySamples) else {
      return thresholds.steadySamples
    }
    return max(thresholds.windowSamples, min(thresholds.steadySamples, Int(thresholds.steadyHold / interval) + 1))
  }

  /// From when on windows have said so. Dark ones say nothing of what those between them say.
  private mutating func since(_ found: DeviceReading, _ now: Double) -> Double {
    if found.cause == .blackout {
      let since = darkSince ?? now
      darkSince = since
      if now - since > thresholds.longestWindow { candidate = nil }
      return since
    }
    darkSince = nil
    if candidate?.reading != found { candidate = (found, now) }
    return candidate?.since ?? now
  }

  /// The first of the latest samples that on its own says what the window says, and how many there are from it on. Dark
  /// ones say nothing, unless it is of a blackout's begin or end.
  private func steadySince(_ found: DeviceReading) -> (seconds: Double, count: Int) {
    // What parts starting from idle is what a process holds, which is learned over windows.
    if found.state == .starting || reading.state == .starting, found.state == .idle || reading.state == .idle {
      return (samples.last?.seconds ?? 0, 0)
    }
    let rules = rules
    let isBlackout = found.cause == .blackout || reading.cause == .blackout
    let alike = samples.reversed().lazy.filter { isBlackout || !$0.isDark }.prefix {
      rules.read(DeviceMeans([$0])) == found
    }
    return (alike.last?.seconds ?? samples.last?.seconds ?? 0, alike.count)
  }

  private mutating func change(to found: DeviceReading, at seconds: Double, _ means: DeviceMeans) -> DeviceChange {
    (candidate, darkSince) = (nil, nil)
    isSettling = false
    reading = found
    began = max(began, seconds)
    switch found.state {
    case .working, .starved, .memoryBound, .launchBound, .hung: hasWorked = true
    case .idle, .starting, .unknown: break
    }
    let evidence = DeviceEvidence(part: part, power: power, thresholds: thresholds).sentences(found, means)
    return DeviceChange(seconds: began, reading: found, evidence: evidence)
  }

  private mutating func silence(from last: Double) -> [DeviceChange] {
    let means = DeviceMeans(window())
    let change = change(to: DeviceReading(unknown: .silent), at: last, means)
    samples = []
    isSettling = true
    return [change]
  }

  /// The sample at which the means of what is before and after it differ most (the split with the least variance within
  /// both parts), no earlier than `from` and no later than `to`. Dark samples differ from others in a blackout's begin and
  /// end alone.
  private func changePoint(from: Double, to: Double, _ found: DeviceReading) -> Double {
    let isBlackout = found.cause == .blackout || reading.cause == .blackout
    let near = samples.filter { $0.seconds >= max(from, began) - 1e-6 && (isBlackout || !$0.isDark) }
    guard let first = near.first, let size = near.first.map({ _ in Self.features.count }) else { return to }
    let limit = power.limit ?? near.compactMap { $0[.power] }.max() ?? 1
    let rows = near.map { sample in
      Self.features.map { (sample[$0] ?? 0) / ($0 == .power ? max(limit, 1) : 1) }
    }
    var total = [Double](repeating: 0, count: size)
    for row in rows { for i in 0..<size { total[i] += row[i] } }
    var before = [Double](repeating: 0, count: size)
    var best = (gain: -1.0, seconds: first.seconds)
    for split in 1..<max(1, rows.count) where near[split].seconds <= to + 1e-6 {
      var gain = 0.0
      for i in 0..<size {
        before[i] += rows[split - 1][i]
        let (left, right) = (Double(split), Double(rows.count - split))
        let step = before[i] / left - (total[i] - before[i]) / right
        gain += step * step * left * right
      }
      if gain > best.gain { best = (gain, near[split].seconds) }
    }
    return best.seconds
  }

  private static let features: [DeviceCounter] = [.power, .graphics, .sm, .tensor, .dram, .utilisation]

  // MARK: The window

  private func window() -> ArraySlice<DeviceSample> {
    guard let last = samples.last else { return [] }
    var start = samples.count - 1
    while start > 0 {
      let age = last.seconds - samples[start - 1].seconds
      let isShort = samples.count - start < thresholds.windowSamples && age <= thresholds.longestWindow
      guard age < thresholds.window - 1e-6 || isShort else { break }
      start -= 1
    }
    return samples[start...]
  }

  /// Kept is what a change may be placed back to.
  private mutating func trim() {
    guard let last = samples.last else { return }
    let kept = thresholds.window + thresholds.longestWindow + thresholds.hold
    let old = samples.prefix(max(0, samples.count - 12)).prefix { last.seconds - $0.seconds > kept }
    // In one go, not at each sample: the array moves its rest.
    if old.count >= 32 || old.count * 2 > samples.count { samples.removeFirst(old.count) }
  }

  /// Seconds between the latest samples; 1 if there is one alone.
  private var interval: Double {
    let latest = samples.suffix(9)
    guard let first = latest.first, let last = latest.last, latest.count > 1 else { return 1 }
    return (last.seconds - first.seconds) / Double(latest.count - 1)
  }

  /// With fewer than three samples the interval is not known.
  private var silenceBound: Double {
    samples.count < 3 ? .infinity : max(thresholds.silence, 4 * interval)
  }

  // MARK: Learning the part's own levels

  private mutating func learn(_ means: DeviceMeans, _ sample: DeviceSample) {
    if let memory = means[.memoryUsed] { leastMemory = min(leastMemory ?? memory, memory) }
    let holdsMemory = (means[.memoryUsed] ?? 0) > (leastMemory ?? 0) + thresholds.contextMemory
    if holdsMemory || (means[.processes] ?? 0) >= 0.5 {
      residentSince = residentSince ?? sample.seconds
      if !hasWorked, let since = residentSince, sample.seconds - since > thresholds.longestStart { hasWorked = true }
    } else {
      residentSince = nil
      hasWorked = false
    }
    highestClock = max(highestClock, sample[.smClock] ?? 0)
    // A short peak sets the cap's bit, too, and leaves the clock where it was.
    if power.limitSource == .learned, (means.powerCapped ?? 0) > 0.9, let watts = means[.power],
      let clock = means[.smClock], clock < highestClock * thresholds.cappedClock
    {
      power.limit = max(power.limit ?? 0, watts)
      takeFloorFromLimit()
    }
  }

  /// The floor is learned from windows in which nothing ran at all: only then is the least power the idle one.
  private mutating func learnFloor(_ means: DeviceMeans, _ found: DeviceReading) {
    guard found.state == .idle || found.state == .starting, means.count > 1, let watts = means[.power], watts > 1,
      (means.busy ?? 1) < 0.01, (means[.utilisation] ?? 0) < 0.01
    else { return }
    if power.floorSource == .learned, let floor = power.floor, floor <= watts { return }
    power.floor = watts
    power.floorSource = .learned
  }

  private mutating func takeFloorFromLimit() {
    guard let limit = power.limit, power.floor == nil || power.floorSource == .estimated else { return }
    power.floor = limit * thresholds.idleShare
    power.floorSource = .estimated
  }
}
