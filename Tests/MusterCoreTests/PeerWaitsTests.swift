import Testing

@testable import MusterCore

@Suite struct PeerWaitsTests {
  private static func waits(_ seconds: [Int64?]) -> PeerWaits {
    var waits = PeerWaits()
    for (rank, waited) in seconds.enumerated() {
      if let waited { waits.add(rank: Int32(rank), waited: .seconds(waited)) }
    }
    return waits
  }

  @Test("what is waited beyond the one that waits least is lost, on the mean of all ranks")
  func lost() {
    let waits = Self.waits([30, 30, 10, 30])
    #expect(waits.slowRank == 2)
    #expect(waits.straggling(ranks: 4) == .seconds(15))
  }

  @Test("ranks that wait alike have no straggler's time; one alone, or none, has nobody to wait for")
  func alike() {
    #expect(Self.waits([20, 20, 20]).straggling(ranks: 3) == .zero)
    #expect(Self.waits([20]).straggling(ranks: 1) == .zero)
    #expect(Self.waits([]).straggling(ranks: 4) == .zero)
    #expect(Self.waits([]).slowRank == -1)
  }

  @Test("ranks that say nothing count as not having waited")
  func silent() {
    #expect(Self.waits([nil, 40, 0, nil]).straggling(ranks: 4) == .seconds(10))
    #expect(Self.waits([nil, 40, 0, nil]).slowRank == 2)
  }
}
