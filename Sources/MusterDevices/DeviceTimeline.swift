/// A stretch of time in one state.
public struct DeviceSegment: Hashable, Sendable {
  /// On the samples' scale.
  public var fromSeconds: Double
  public var toSeconds: Double
  public var reading: DeviceReading
  /// Short sentences with numbers, of the segment's steady part.
  public var evidence: [String]
  /// Means over the steady part: of a state in which something runs, from the first sample to the last one in which
  /// it does; and without what is within 1.5 s, or 15 % of the length if that is less, of either end, where the state
  /// before still fades. Samples whose counters were dark are in none of them.
  public var means: DeviceMeans
  /// The power limit held the clock down.
  public var isPowerCapped: Bool
}

/// A recording, or what is kept of a live device, in segments.
public struct DeviceTimeline: Hashable, Sendable {
  public var segments: [DeviceSegment]
  /// As learned by the end.
  public var power: PowerScale
  public var part: DevicePart?

  /// - Parameter samples: in the order of their times; one that goes back is passed over.
  public init(_ samples: [DeviceSample], part: DevicePart?, thresholds: DeviceThresholds = .init()) {
    var classifier = DeviceClassifier(part: part, thresholds: thresholds)
    var starts: [DeviceChange] = []
    var samples = samples
    for i in samples.indices {
      Self.take(classifier.add(samples[i]), into: &starts)
      samples[i].isDark = classifier.isDark
    }
    Self.take(classifier.finish(), into: &starts)
    if starts.isEmpty, let first = samples.first {
      starts = [DeviceChange(seconds: first.seconds, reading: classifier.reading, evidence: [])]
    }
    let scale = classifier.power
    self.part = part
    power = scale
    let evidence = DeviceEvidence(part: part, power: scale, thresholds: thresholds)
    let end = samples.last?.seconds ?? 0
    segments = starts.indices.map { i in
      let (from, to) = (starts[i].seconds, i + 1 < starts.count ? starts[i + 1].seconds : end)
      let means = DeviceMeans(Self.steady(samples, from, to, starts[i].reading.state))
      return DeviceSegment(
        fromSeconds: from, toSeconds: to, reading: starts[i].reading,
        evidence: evidence.sentences(starts[i].reading, means, seconds: to - from), means: means,
        isPowerCapped: scale.isCapped(means, thresholds))
    }
  }

  /// A change at the start of the one before it takes its place; the same state twice is one segment.
  private static func take(_ changes: [DeviceChange], into starts: inout [DeviceChange]) {
    for change in changes {
      if let last = starts.last, last.seconds >= change.seconds { starts.removeLast() }
      if starts.last?.reading != change.reading { starts.append(change) }
    }
  }

  private static func steady(
    _ samples: [DeviceSample], _ from: Double, _ to: Double, _ state: DeviceState
  ) -> ArraySlice<DeviceSample> {
    guard !samples.isEmpty else { return [] }
    let start = min(samples.partitioningIndex { $0.seconds >= from }, samples.count - 1)
    let end = max(start + 1, samples.partitioningIndex { $0.seconds > to })
    var within = samples[start..<end]
    switch state {
    case .working, .starved, .memoryBound, .launchBound, .hung:
      func runs(_ sample: DeviceSample) -> Bool { (sample[.graphics] ?? sample[.utilisation] ?? 1) > 0.02 }
      if let first = within.firstIndex(where: runs), let last = within.lastIndex(where: runs) {
        within = within[first...last]
      }
    case .idle, .starting, .unknown: break
    }
    guard let first = within.first?.seconds, let last = within.last?.seconds else { return within }
    let edge = min(1.5, (last - first) * 0.15)
    let middle = within.filter { $0.seconds >= first + edge && $0.seconds <= last - edge }
    return middle.isEmpty ? within : ArraySlice(middle)
  }
}

extension Array {
  /// The first index for which it is true, if it is false before and true after some index.
  func partitioningIndex(where isAfter: (Element) -> Bool) -> Int {
    var (low, high) = (startIndex, endIndex)
    while low < high {
      let middle = (low + high) / 2
      if isAfter(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
