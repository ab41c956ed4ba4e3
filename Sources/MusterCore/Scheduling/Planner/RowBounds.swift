/// The most that one bucket of a domain can hold: chunks of one segment size, or nodes of one leaf. It is learned when a
/// search fails there, and stays true because the profile only shrinks in a round. Short gangs, which would otherwise try
/// every bucket of every domain, step over what is known not to hold them.
struct RowBounds: ~Copyable {
  static let unknown = UInt16.max
  private var memory: UnsafeMutablePointer<UInt16>
  private var capacity = 0
  private var keys = 1
  private var buckets = 0

  init() { memory = .allocate(capacity: 1) }

  deinit { memory.deallocate() }

  var bytes: Int { capacity * 2 }

  /// Key 0 is the nodes of one leaf, key i + 1 the chunks of segment size i of `GangBounds`.
  mutating func reset(domains: Int, keys: Int, buckets: Int) {
    (self.keys, self.buckets) = (keys, buckets)
    let needed = max(1, domains * keys * buckets)
    if needed > capacity {
      memory.deallocate()
      memory = .allocate(capacity: needed)
      capacity = needed
    }
    memory.initialize(repeating: Self.unknown, count: needed)
  }

  func row(_ domain: Int, _ key: Int) -> UnsafeMutablePointer<UInt16> { memory + (domain &* keys &+ key) &* buckets }
}
