/// The planner's buckets of time from `now` on: fine at first, coarser later. A hold takes every bucket that it touches,
/// so a coarse bucket makes promises later, never wrong.
public struct TimeGrid: Hashable, Sendable {
  public struct Zone: Hashable, Sendable {
    /// Length of a bucket, in units of `TimeGrid.unit`.
    public var step: Int
    public var buckets: Int

    public init(step: Int, buckets: Int) {
      self.step = step
      self.buckets = buckets
    }
  }

  /// All edges are multiples of 5 minutes from `now`.
  public static let unit = Span.seconds(300)

  /// 5 min to 6 h, 15 min to 2 d, 30 min to 10 d, 1 h to 20 d, then 3 h to 61 d: fine where the next starts are decided,
  /// coarse behind most walltimes, where a promise only has to keep its order. A hold takes all of its last bucket, and what is
  /// lost there moves every promise behind it: half hours to 10 days do more for those than 5 minutes to 12 h
  /// (`planner-bench grid` compares).
  public static let standard = TimeGrid(zones: [
    Zone(step: 1, buckets: 72), Zone(step: 3, buckets: 168), Zone(step: 6, buckets: 384), Zone(step: 12, buckets: 240),
    Zone(step: 36, buckets: 328),
  ])

  /// A multiple of 8: the profile keeps minima over 8 buckets.
  public let bucketCount: Int
  /// First unit of each bucket, and at `bucketCount` the horizon.
  let starts: [Int32]
  /// The bucket of each unit.
  let bucketOfUnit: [UInt16]

  public init(zones: [Zone]) {
    var starts: [Int32] = []
    var units: [UInt16] = []
    for zone in zones {
      for _ in 0..<zone.buckets {
        units.append(contentsOf: repeatElement(UInt16(starts.count), count: zone.step))
        starts.append(Int32(units.count - zone.step))
      }
    }
    precondition(starts.count % 8 == 0 && starts.count > 0, "the number of buckets must be a multiple of 8")
    bucketCount = starts.count
    starts.append(Int32(units.count))
    self.starts = starts
    bucketOfUnit = units
  }

  public var horizon: Span { Self.unit * Int64(starts[bucketCount]) }

  /// From `now` to the bucket's start.
  public func start(ofBucket bucket: Int) -> Span { Self.unit * Int64(starts[bucket]) }

  /// Whole units that cover a span, at least 1. What is longer than the horizon is as long as the horizon.
  func units(_ span: Span) -> Int32 {
    if span >= horizon { return starts[bucketCount] }
    if span <= .zero { return 1 }
    return Int32((span.nanoseconds - 1) / Self.unit.nanoseconds + 1)
  }

  /// The last bucket that a hold of so many units touches when it starts with `bucket`. What reaches over the horizon
  /// takes all buckets to the last one: two holds that meet behind the horizon also meet there.
  func lastBucket(from bucket: Int, units: Int32) -> Int {
    let end = Int(starts[bucket] &+ units) &- 1
    return end < bucketOfUnit.count ? Int(bucketOfUnit[end]) : bucketCount - 1
  }

  /// The first bucket that starts no earlier than `span` after `now`; `bucketCount` if none does.
  func firstBucket(notBefore span: Span) -> Int {
    if span <= .zero { return 0 }
    let unit = Int((span.nanoseconds - 1) / Self.unit.nanoseconds + 1)
    if unit >= bucketOfUnit.count { return bucketCount }
    let bucket = Int(bucketOfUnit[unit])
    return Int(starts[bucket]) == unit ? bucket : bucket + 1
  }

  /// The bucket that holds the moment `span` after `now`; `bucketCount` behind the horizon.
  func bucket(containing span: Span) -> Int {
    if span <= .zero { return 0 }
    let unit = span.nanoseconds / Self.unit.nanoseconds
    return unit >= bucketOfUnit.count ? bucketCount : Int(bucketOfUnit[Int(unit)])
  }
}
