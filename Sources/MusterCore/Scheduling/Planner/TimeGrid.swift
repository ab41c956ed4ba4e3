/// The planner's buckets of time from `now` on: fine at first, coarser later. A hold takes every bucket that it touches,
/// so a coarse bucket makes promises later, never wrong.
///
/// Edges are multiples of their zone's step on the clock, not from `now`: a round a minute later has the same ones (and
/// finer ones between), so that what ends within a bucket ends within it again, and the start that a gang was promised
/// does not move away from it as time passes. The first bucket is what is left of the one that `now` lies in.
public struct TimeGrid: Hashable, Sendable {
  public struct Zone: Hashable, Sendable {
    /// Length of a bucket, in units of the grid.
    public var step: Int
    public var buckets: Int

    public init(step: Int, buckets: Int) {
      self.step = step
      self.buckets = buckets
    }
  }

  /// 5 minutes: walltimes are hours.
  public static let standardUnit = Span.seconds(300)

  /// 5 min to 6 h, 15 min to 2 d, 30 min to 10 d, 1 h to 20 d, then 3 h to 61 d: fine where the next starts are decided,
  /// coarse behind most walltimes, where a promise only has to keep its order. A hold takes all of its last bucket, and what is
  /// lost there moves every promise behind it: half hours to 10 days do more for those than 5 minutes to 12 h
  /// (`planner-bench grid` compares).
  public static let standard = TimeGrid(zones: [
    Zone(step: 1, buckets: 72), Zone(step: 3, buckets: 168), Zone(step: 6, buckets: 384), Zone(step: 12, buckets: 240),
    Zone(step: 36, buckets: 328),
  ])

  /// All edges are multiples of it. A fleet in virtual time, where jobs run for seconds, has a finer one.
  public let unit: Span
  /// A multiple of 8: the profile keeps minima over 8 buckets.
  public let bucketCount: Int
  let zones: [Zone]
  /// First unit of each bucket, and at `bucketCount` the horizon; the first unit is the one that `now` lies in.
  let starts: [Int32]
  /// The bucket of each unit.
  let bucketOfUnit: [UInt16]
  /// How much of the first unit is over.
  private var passed = Span.zero

  /// Each zone's step divides the next one's. `buckets` may differ a little where a zone must end at an edge of the next.
  public init(zones: [Zone], unit: Span = standardUnit) { self.init(zones, unit, firstUnit: 0) }

  private init(_ zones: [Zone], _ unit: Span, firstUnit: Int64) {
    precondition(unit > .zero, "the unit of a grid is \(unit): it must be longer than nothing")
    let count = zones.reduce(0) { $0 + $1.buckets }
    precondition(count % 8 == 0 && count > 0, "the number of buckets must be a multiple of 8")
    var starts: [Int32] = []
    var units: [UInt16] = []
    var nominal = 0
    for (i, zone) in zones.enumerated() {
      nominal += zone.step * zone.buckets
      let next = i + 1 < zones.count ? Int64(zones[i + 1].step) : 0
      while starts.count < count {
        let at = firstUnit + Int64(units.count)
        if next > 0, units.count >= nominal, at % next == 0 { break }
        // Up to the next multiple of the step: only the first one of all is shorter.
        let length = zone.step - Int(at % Int64(zone.step))
        starts.append(Int32(units.count))
        units.append(contentsOf: repeatElement(UInt16(starts.count - 1), count: length))
      }
    }
    (self.unit, bucketCount) = (unit, count)
    starts.append(Int32(units.count))
    (self.zones, self.starts, bucketOfUnit) = (zones, starts, units)
  }

  /// Where its edges lie as seen from a moment, among all that there are.
  func phase(_ now: Instant) -> Int {
    Int(now.nanoseconds / unit.nanoseconds % Int64(zones.last?.step ?? 1))
  }

  /// With the edges that it has at a moment.
  public func aligned(to now: Instant) -> TimeGrid {
    var grid = TimeGrid(zones, unit, firstUnit: Int64(phase(now)))
    grid.move(to: now)
    return grid
  }

  /// To another moment of the same phase.
  mutating func move(to now: Instant) {
    passed = Span(nanoseconds: now.nanoseconds % unit.nanoseconds)
  }

  public var horizon: Span { unit * Int64(starts[bucketCount]) - passed }

  /// From `now` to the bucket's start.
  public func start(ofBucket bucket: Int) -> Span {
    bucket == 0 ? .zero : unit * Int64(starts[bucket]) - passed
  }

  /// Twice the whole units that cover a span, at least 1, and 1 more if it takes another one when it begins now, within the
  /// first unit. What is longer than the horizon is as long as the horizon. Longer spans never have less.
  func units(_ span: Span) -> Int32 {
    if span >= horizon { return starts[bucketCount] &* 2 }
    if span <= .zero { return 2 }
    let whole = (span.nanoseconds - 1) / unit.nanoseconds + 1
    let now = (span.nanoseconds + passed.nanoseconds - 1) / unit.nanoseconds + 1
    return Int32(2 * whole + (now - whole))
  }

  /// The last bucket that a hold touches when it starts with `bucket`; `units` as the function of that name says. What
  /// reaches over the horizon takes all buckets to the last one: two holds that meet behind the horizon also meet there.
  func lastBucket(from bucket: Int, units: Int32) -> Int {
    let count = bucket == 0 ? (units &+ 1) >> 1 : units >> 1
    let end = Int(starts[bucket] &+ count) &- 1
    return end < bucketOfUnit.count ? Int(bucketOfUnit[end]) : bucketCount - 1
  }

  /// The first bucket that starts no earlier than `span` after `now`; `bucketCount` if none does.
  func firstBucket(notBefore span: Span) -> Int {
    if span <= .zero { return 0 }
    let first = Int((span.nanoseconds + passed.nanoseconds - 1) / unit.nanoseconds + 1)
    if first >= bucketOfUnit.count { return bucketCount }
    let bucket = Int(bucketOfUnit[first])
    return Int(starts[bucket]) == first ? bucket : bucket + 1
  }

  /// The bucket that holds the moment `span` after `now`; `bucketCount` behind the horizon.
  func bucket(containing span: Span) -> Int {
    if span <= .zero { return 0 }
    let at = (span.nanoseconds + passed.nanoseconds) / unit.nanoseconds
    return at >= bucketOfUnit.count ? bucketCount : Int(bucketOfUnit[Int(at)])
  }
}
