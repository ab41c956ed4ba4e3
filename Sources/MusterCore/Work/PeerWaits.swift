/// How long the ranks of a gang have waited for its slowest one, from what each says that it has waited for others.
///
/// A synchronous step is as long as its slowest rank's. That one waits for nobody but the network, the others for it as
/// well: what a rank has waited beyond the one that waited least is lost to the straggler. As a time of the whole gang it
/// is the mean of that over all ranks, those that say nothing counted as not having waited. Sums since the attempt's
/// start are compared: where the slow rank is now this one and now that, it is too little, never too much. (MegaScale,
/// arXiv 2402.15627, and 2505.05713 find stragglers by the same comparison of ranks.)
public struct PeerWaits: Hashable, Sendable {
  private var sum: Int128 = 0
  private var count: Int64 = 0
  private var least = Span.zero
  /// The first of those that have waited least; -1: nobody has said.
  public private(set) var slowRank: Int32 = -1

  public init() {}

  /// Ranks come in order of their number.
  public mutating func add(rank: Int32, waited: Span) {
    if count == 0 || waited < least { (least, slowRank) = (waited, rank) }
    sum += Int128(waited.nanoseconds)
    count += 1
  }

  /// - Parameter ranks: of the gang, those that say nothing among them.
  public func straggling(ranks: Int32) -> Span {
    guard ranks > 0 else { return .zero }
    let lost = sum - Int128(least.nanoseconds) * Int128(count)
    return Span(nanoseconds: Int64(clamping: lost / Int128(ranks)))
  }
}
