/// Seeded random numbers: SplitMix64 (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
/// A stream for each purpose, so that one more draw here does not shift every other.
public struct Chance: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// Neighbouring seeds must not give the same stream shifted by one: they are mixed before they become a state.
  public init(seed: UInt64, purpose: UInt64) {
    state = seed
    let mixed = next()
    state = mixed ^ (purpose &* 0xd6e8_feb8_6659_fd93)
    state = next()
  }

  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  public mutating func below(_ n: Int) -> Int { Int(next() % UInt64(n)) }
  /// True in `permille` of 1,000 cases.
  public mutating func hits(_ permille: Int) -> Bool { below(1000) < permille }
  public mutating func between(_ low: Int64, _ high: Int64) -> Int64 { low + Int64(next() % UInt64(high - low + 1)) }
}
