/// A stretch of time in one state.
public struct DeviceSegment: Hashable, Sendable {
  /// On the samples' scale.
  public var fromSeconds: Double
  public var toSeconds: Double
  public var reading: DeviceReading
  /// Short sentences with numbers, of the segment's steady part.
  public var evidence: [String]
  /// Means over the steady part: without what is within 1.5 s, or 15 % of the length if that is less, of either end,
  /// where the state before still fades.
  public var means: DeviceMeans
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
    for sample in samples { Self.take(classifier.add(sample), into: &starts, from: samples) }
    Self.take(classifier.finish(), into: &starts, from: samples)
    if starts.isEmpty, let first = samples.first {
      starts = [DeviceChange(seconds: first.seconds, reading: classifier.reading, evidence: [])]
    }
    self.part = part
    power = classifier.power
    let evidence = DeviceEvidence(part: part, power: power)
    let end = samples.last?.seconds ?? 0
    segments = starts.indices.map { i in
      let (from, to) = (starts[i].seconds, i + 1 < starts.count ? starts[i + 1].seconds : end)
      let means = DeviceMeans(Self.steady(samples, from, to))
      return DeviceSegment(
        fromSeconds: from, toSeconds: to, reading: starts[i].reading,
        evidence: evidence.sentences(starts[i].reading, means, seconds: to - from), means: means)
    }
  }

  /// A change at the start of the one before it takes its place; the same state twice is one segment.
  private static func take(_ changes: [DeviceChange], into starts: inout [DeviceChange], from samples: [DeviceSample]) {
    for change in changes {
      if let last = starts.last, last.seconds >= change.seconds { starts.removeLast() }
      if starts.last?.reading != change.reading { starts.append(change) }
    }
  }

  private static func steady(_ samples: [DeviceSample], _ from: Double, _ to: Double) -> ArraySlice<DeviceSample> {
    let edge = min(1.5, (to - from) * 0.15)
    let start = samples.partitioningIndex { $0.seconds >= from + edge }
    let end = samples.partitioningIndex { $0.seconds > to - edge }
    guard start < end else {
      let only = min(samples.partitioningIndex { $0.seconds >= from }, samples.count - 1)
      return samples[max(0, only)..<min(samples.count, only + 1)]
    }
    return samples[start..<end]
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
