/// The bounds of a round, by what gangs ask for: several segments, one (a single leaf holds it) or part of a node.
struct GangBounds: ~Copyable {
  /// Bounds are kept for so many segment sizes; gangs of others are searched from the start.
  static let segmentLimit = 16

  enum Kind {
    case several(segment: Int)
    case one
    case part
    case none
  }

  struct Classes {
    var kind: Kind
    var own: StartBounds.Class
    /// Of its segment as a gang of its own.
    var oneSegment: StartBounds.Class
  }

  private var several = StartBounds()
  private var one = StartBounds()
  private var part = StartBounds()
  private var rows = RowBounds()
  /// By segment size: its index, -1 if there are too many.
  private var segmentIndex: [Int]
  private var segments = 1

  init() { segmentIndex = Array(repeating: -1, count: 256) }

  var bytes: Int { several.bytes + one.bytes + part.bytes + rows.bytes }

  mutating func reset(_ pending: borrowing [PendingGang], _ layout: FleetLayout, _ grid: TimeGrid) {
    var (gangs, ones, parts, units): ([Int32], [Int32], [Int32], [Int32]) = ([], [], [], [])
    for size in segmentIndex.indices { segmentIndex[size] = -1 }
    (segmentIndex[1], segments) = (0, 1)
    for i in pending.indices {
      units.append(pending[i].walltime.map(grid.units) ?? grid.units(grid.horizon))
      let (nodes, segment) = (pending[i].nodes, pending[i].segment)
      if nodes == 1 { parts.append(pending[i].devicesPerNode) }
      ones.append(segment)
      if nodes < 256, pending[i].within != nil { ones.append(nodes) }
      gangs.append(nodes)
      if segment > 0, segment < 256, segment != nodes, segmentIndex[Int(segment)] < 0, segments < Self.segmentLimit {
        segmentIndex[Int(segment)] = segments
        segments += 1
      }
    }
    several.reset(keys: layout.domains.count * segments, sizes: gangs, units: units, horizon: grid.bucketCount)
    one.reset(keys: layout.domains.count, sizes: ones, units: units, horizon: grid.bucketCount)
    part.reset(keys: layout.groups.count, sizes: parts, units: units, horizon: grid.bucketCount)
    rows.reset(domains: layout.domains.count, keys: segments + 1, buckets: grid.bucketCount)
  }

  func classes(nodes: Int32, segment: Int32, segments: Int32, partDevices: Int32, units: Int32) -> Classes {
    if partDevices > 0 {
      let own = part.classOf(size: partDevices, units: units)
      return Classes(kind: .part, own: own, oneSegment: one.classOf(size: 1, units: units))
    }
    let oneSegment = one.classOf(size: segment, units: units)
    if segments == 1 { return Classes(kind: .one, own: oneSegment, oneSegment: oneSegment) }
    let index = segmentIndex[Int(segment)]
    return Classes(
      kind: index < 0 ? .none : .several(segment: index), own: several.classOf(size: nodes, units: units),
      oneSegment: oneSegment)
  }

  /// No start in the domain before this bucket.
  func bound(domain: Int, isGroup: Bool, _ classes: Classes) -> Int {
    switch classes.kind {
    case .one: one.bound(domain, classes.own)
    case .several(let segment):
      // Where its nodes without segments find no room, or one of its segments does not, the gang does not either.
      max(
        several.bound(domain &* segments &+ segment, classes.own), several.bound(domain &* segments, classes.own),
        isGroup ? one.bound(domain, classes.oneSegment) : 0)
    case .part, .none: 0
    }
  }

  /// What is known of a domain's buckets for such gangs; nil if nothing is kept for their segment size.
  func known(domain: Int, _ classes: Classes) -> UnsafeMutablePointer<UInt16>? {
    switch classes.kind {
    case .one: rows.row(domain, 0)
    case .several(let segment): rows.row(domain, segment &+ 1)
    case .part, .none: nil
    }
  }

  /// For a node that is opened for a part.
  func knownOpen(domain: Int) -> UnsafeMutablePointer<UInt16> { rows.row(domain, 0) }

  func record(domain: Int, _ classes: Classes, start: Int) {
    switch classes.kind {
    case .one: one.record(domain, classes.own, start: start)
    case .several(let segment): several.record(domain &* segments &+ segment, classes.own, start: start)
    case .part, .none: break
    }
  }

  /// For a part: neither the group's lanes nor its leaves have a place before this bucket.
  func partBound(group: Int, _ classes: Classes) -> Int { part.bound(group, classes.own) }
  func recordPart(group: Int, _ classes: Classes, start: Int) { part.record(group, classes.own, start: start) }

  /// For a part: no leaf of the group's domain has a free node before this bucket.
  func openBound(domain: Int, _ classes: Classes) -> Int { one.bound(domain, classes.oneSegment) }
  func recordOpen(domain: Int, _ classes: Classes, start: Int) { one.record(domain, classes.oneSegment, start: start) }
}
