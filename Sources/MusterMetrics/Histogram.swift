/// How long something took, counted in buckets. A value: whoever measures keeps it, whoever shows it has a copy.
package struct Histogram: Hashable, Sendable {
  /// Upper bounds of the buckets, rising, each with the value itself in it; above the last one lies one more, without a
  /// bound.
  package let bounds: [Double]
  /// Beside `bounds`, and one for what lies above; each counts its own bucket alone.
  package private(set) var counts: [Int64]
  package private(set) var sum: Double = 0

  package init(bounds: [Double]) {
    precondition(zip(bounds, bounds.dropFirst()).allSatisfy(<), "the bounds of a histogram rise: \(bounds)")
    self.bounds = bounds
    counts = Array(repeating: 0, count: bounds.count + 1)
  }

  package var count: Int64 { counts.reduce(0, +) }

  package mutating func record(_ value: Double) {
    var bucket = 0
    while bucket < bounds.count, value > bounds[bucket] { bucket += 1 }
    counts[bucket] += 1
    sum += value
  }
}
