/// Earliest starts already found, as bounds for what is still to come.
///
/// In a round the profile only shrinks: where a gang of n nodes and w time found nothing before bucket b, one of at least
/// n nodes and at least w time finds nothing before b either, as long as it asks for the same segment and domain. Sizes
/// and times are put in classes; what is recorded is rounded up and what is asked rounded down, so that a bound speaks
/// only of gangs that are at least as large and long.
struct StartBounds: ~Copyable {
  /// The class of one gang: `record` uses the upper, `bound` the lower.
  struct Class {
    var lowerSize: Int
    var upperSize: Int
    var lowerUnits: Int
    var upperUnits: Int
    var size: Int32
    /// Of the times of `beyond`.
    var lowerTime: Int
    var upperTime: Int
  }

  private var sizes: [Int32] = []
  private var units: [Int32] = []
  private var keys = 0
  private var memory: UnsafeMutablePointer<UInt16>
  private var capacity: Int
  /// `[key][time][line]`: the smallest size that finds nothing before a line with that time or a shorter one; the lines
  /// lie evenly up to the horizon. Sizes are exact here and times finer: gangs between two classes, and all that end
  /// behind the horizon, profit from each other.
  private var beyond: UnsafeMutablePointer<Int32>
  private typealias Quad = SIMD4<Int32>
  private var beyondCapacity = 0
  private var times: [Int32] = []
  private var horizon = 0
  private static let lines = 16
  /// Records write to all longer times: more of them cost more than they find.
  private static let timeLimit = 128
  private static let classLimit = 24

  /// Each in a cache line of its own.
  private static func allocate(_ count: Int) -> UnsafeMutablePointer<Int32> {
    UnsafeMutableRawPointer.allocate(byteCount: max(count, 16) * 4, alignment: 64).assumingMemoryBound(to: Int32.self)
  }

  init() {
    capacity = 0
    memory = .allocate(capacity: 1)
    beyond = Self.allocate(1)
  }

  deinit {
    memory.deallocate()
    beyond.deallocate()
  }

  var bytes: Int { capacity * 2 + beyondCapacity * 4 }

  /// Forgets all. Edges are taken from the values of the round, in rising order.
  mutating func reset(keys: Int, sizes: [Int32], units: [Int32], horizon: Int) {
    // Fewer classes where there are many domains: at most 16 MiB.
    let limit = keys * Self.classLimit * Self.classLimit > 8 << 20 ? 12 : Self.classLimit
    self.sizes = Self.edges(sizes, limit: limit)
    self.units = Self.edges(units, limit: limit)
    self.keys = keys
    let needed = keys * self.sizes.count * self.units.count
    if needed > capacity {
      memory.deallocate()
      memory = .allocate(capacity: needed)
      capacity = needed
    }
    memory.initialize(repeating: 0, count: needed)
    self.horizon = horizon
    // Fewer times where there are many domains: at most 32 MiB, or 16 of them.
    times = Self.edges(units, limit: max(16, min(Self.timeLimit, (8 << 20) / Self.lines / max(1, keys))))
    let cells = keys * Self.lines * times.count
    if cells > beyondCapacity {
      beyond.deallocate()
      beyond = Self.allocate(cells)
      beyondCapacity = cells
    }
    beyond.initialize(repeating: .max, count: cells)
  }

  /// At most `limit` of the distinct values, evenly.
  private static func edges(_ values: [Int32], limit: Int) -> [Int32] {
    var distinct: [Int32] = []
    for value in values.sorted() where value != distinct.last { distinct.append(value) }
    guard distinct.count > limit else { return distinct }
    return (0..<limit).map { distinct[$0 * (distinct.count - 1) / (limit - 1)] }
  }

  func classOf(size: Int32, units length: Int32) -> Class {
    let (lowerSize, upperSize) = Self.position(size, sizes)
    let (lowerUnits, upperUnits) = Self.position(length, units)
    let (lowerTime, upperTime) = Self.position(length, times)
    return Class(
      lowerSize: lowerSize, upperSize: upperSize, lowerUnits: lowerUnits, upperUnits: upperUnits, size: size,
      lowerTime: lowerTime, upperTime: upperTime)
  }

  /// The last edge that is at most `value` (-1: none), and the first that is at least `value` (count: none).
  private static func position(_ value: Int32, _ edges: [Int32]) -> (Int, Int) {
    var (low, high) = (0, edges.count)
    while low < high {
      let middle = (low + high) / 2
      if edges[middle] < value { low = middle + 1 } else { high = middle }
    }
    if low < edges.count && edges[low] == value { return (low, low) }
    return (low - 1, low)
  }

  /// No start before this bucket.
  @inline(__always)
  func bound(_ key: Int, _ c: Class) -> Int {
    let line = lineBound(key, c)
    guard c.lowerSize >= 0, c.lowerUnits >= 0 else { return line }
    return max(line, Int(memory[(key &* sizes.count &+ c.lowerSize) &* units.count &+ c.lowerUnits]))
  }

  /// The farthest line before which so large and long a gang is known to find nothing. A size that a far line refuses is
  /// refused by all nearer ones.
  @inline(__always)
  private func lineBound(_ key: Int, _ c: Class) -> Int {
    guard c.lowerTime >= 0 else { return 0 }
    let lines = UnsafeRawPointer(beyond + (key &* times.count &+ c.lowerTime) &* Self.lines)
    let size = Quad(repeating: c.size)
    var refused = Quad(repeating: 0)
    for i in 0..<Self.lines / 4 {
      let mask = lines.load(fromByteOffset: i &* 16, as: Quad.self) .<= size
      refused &-= unsafeBitCast(mask, to: Quad.self)
    }
    return Int(refused[0] &+ refused[1] &+ refused[2] &+ refused[3]) &* horizon / Self.lines
  }

  /// Nothing starts before `start`, for this class and all larger and longer ones.
  func record(_ key: Int, _ c: Class, start: Int) {
    recordLines(key, c, start &* Self.lines / horizon)
    let value = UInt16(truncatingIfNeeded: start)
    var size = c.upperSize
    while size < sizes.count {
      let row = memory + (key &* sizes.count &+ size) &* units.count
      var length = c.upperUnits
      // A cell is never above those of larger and longer classes: where it is high enough, so are all behind it.
      guard length < units.count, row[length] < value else { return }
      while length < units.count, row[length] < value {
        row[length] = value
        length &+= 1
      }
      size &+= 1
    }
  }

  /// The first so many lines are refused to its size, with its time and all longer ones.
  private func recordLines(_ key: Int, _ c: Class, _ count: Int) {
    guard count > 0, c.upperTime < times.count else { return }
    var row = beyond + (key &* times.count &+ c.upperTime) &* Self.lines
    let end = beyond + (key &+ 1) &* times.count &* Self.lines
    let size = Quad(repeating: c.size)
    let quads = (count &+ 3) / 4
    // Where the last of them is refused to it, so are those before it, and all with longer times.
    while row < end, row[count &- 1] > c.size {
      let raw = UnsafeMutableRawPointer(row)
      for i in 0..<quads {
        let old = raw.load(fromByteOffset: i &* 16, as: Quad.self)
        let inCount =
          Quad(Int32(4 &* i), Int32(4 &* i &+ 1), Int32(4 &* i &+ 2), Int32(4 &* i &+ 3))
          .< Quad(repeating: Int32(count))
        let new = old.replacing(with: size, where: (old .> size) .& inCount)
        raw.storeBytes(of: new, toByteOffset: i &* 16, as: Quad.self)
      }
      row += Self.lines
    }
  }
}
