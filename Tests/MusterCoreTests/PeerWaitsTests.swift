import Testing

@testable import MusterCore

@Suite struct PeerWaitsTests {
  /// Ranks that say what they have waited, and what is made of it. Seconds.
  struct Gang {
    var waits: PeerWaits
    /// Nil: it has not said a word.
    private var words: [PeerWaits.Word?]

    init(ranks: Int) { (waits, words) = (PeerWaits(ranks: Int32(ranks)), Array(repeating: nil, count: ranks)) }

    /// Each waits so long more, and says so; nil: it says nothing.
    mutating func interval(_ seconds: [Int64?], late: Span? = .milliseconds(500)) {
      for (rank, waited) in seconds.enumerated() {
        guard let waited else { continue }
        var word = words[rank] ?? PeerWaits.Word(rank: Int32(rank), waited: .zero, said: 0)
        word.waited = word.waited + .seconds(waited)
        word.said += 1
        words[rank] = word
      }
      waits.compare(words.compactMap { $0 }, late: late)
    }

    var straggling: Span { waits.straggling }
    var slowRank: Int32 { waits.slowRank }
  }

  private static func gang(_ seconds: [Int64?]) -> Gang {
    var gang = Gang(ranks: seconds.count)
    gang.interval(seconds)
    return gang
  }

  @Test("what is waited beyond the one that waits least is lost, on the mean of all ranks")
  func lost() {
    let gang = Self.gang([30, 30, 10, 30])
    #expect(gang.slowRank == 2)
    #expect(gang.straggling == .seconds(15))
  }

  @Test("ranks that wait alike have no straggler's time; one alone, or none, has nobody to wait for")
  func alike() {
    #expect(Self.gang([20, 20, 20]).straggling == .zero)
    #expect(Self.gang([20]).straggling == .zero)
    #expect(Self.gang([nil, nil]).straggling == .zero)
    #expect(Self.gang([nil, nil]).slowRank == -1)
  }

  @Test("ranks that say nothing count as not having waited")
  func silent() {
    let gang = Self.gang([nil, 40, 0, nil])
    #expect(gang.straggling == .seconds(10))
    #expect(gang.slowRank == 2)
  }

  @Test("where another rank becomes the slow one, what was waited for each is lost, but for one late word")
  func changes() {
    var gang = Gang(ranks: 4)
    for _ in 0..<10 { gang.interval([0, 10, 10, 10]) }
    #expect(gang.straggling == .seconds(75))
    for _ in 0..<10 { gang.interval([10, 0, 10, 10]) }
    // 150 s, and half a second of each rank that the change costs. By the sums alone it were 50 s.
    #expect(gang.straggling == .milliseconds(149_500))
    #expect(gang.slowRank == 0, "for which they waited longest")
    gang.interval([10, 0, 10, 10])
    #expect(gang.slowRank == 1)
  }

  @Test("a word that comes late is no straggler, however often another rank's does")
  func late() {
    var gang = Gang(ranks: 4)
    // All wait 10 s alike in each interval; at its end the last 2 s of one of them are not said yet.
    gang.interval([8, 10, 10, 10], late: .seconds(2))
    for end in 1...20 {
      var seconds: [Int64?] = [10, 10, 10, 10]
      seconds[(end + 3) % 4] = 12
      seconds[end % 4] = 8
      gang.interval(seconds, late: .seconds(2))
      #expect(gang.straggling == .milliseconds(1500), "three ranks, 2 s: once")
    }
  }

  @Test("a rank that says nothing in an interval is waited for by nobody in it, and compared again when it speaks")
  func pause() {
    func thirds(_ seconds: Int64) -> Span { Span(nanoseconds: seconds * 1_000_000_000 / 3) }
    var gang = Gang(ranks: 3)
    gang.interval([0, 10, 10])
    #expect(gang.straggling == thirds(20))
    gang.interval([nil, 10, 10])
    #expect(gang.straggling == thirds(20), "the two that speak wait alike")
    gang.interval([nil, 4, 10])
    // 6 s of the third for the second, but 0.5 s of both: the second is slow in place of the first.
    #expect(gang.straggling == thirds(25))
    // The first says at once what it has waited in three intervals: 6 s more than the second, but the 0.5 s.
    gang.interval([30, 10, 10], late: .seconds(30))
    #expect(gang.straggling == Span(nanoseconds: 30_500_000_000 / 3))
    gang.interval([0, 10, 10])
    #expect(gang.straggling == thirds(49))
  }

  @Test("an interval that is not over is told, and does not end by that")
  func trial() {
    var gang = Gang(ranks: 2)
    gang.interval([0, 10])
    var trial = gang
    trial.interval([nil, 10], late: nil)
    #expect(trial.straggling == .seconds(5), "the one that has spoken has waited for nobody that is known")
    gang.interval([0, 20])
    #expect(gang.straggling == .seconds(15))
  }

  @Test("after a restart the comparison goes on from what was told")
  func restart() {
    func words(_ seconds: [Int64], said: Int64) -> [PeerWaits.Word] {
      seconds.enumerated().map { PeerWaits.Word(rank: Int32($0), waited: .seconds($1), said: said) }
    }
    // The slow rank had changed: the sums alone make 50 s of it.
    var waits = PeerWaits(ranks: 4, words([100, 100, 200, 200], said: 9), told: .seconds(120), slowRank: 1)
    #expect(waits.straggling == .seconds(120) && waits.slowRank == 1)
    waits.compare(words([110, 110, 200, 210], said: 10), late: .seconds(1))
    #expect(waits.straggling == .milliseconds(127_500))
    #expect(waits.slowRank == 1, "for which they waited longest")
    // What was not told yet is in the sums.
    waits = PeerWaits(ranks: 4, words([0, 100, 100, 100], said: 9), told: .seconds(60), slowRank: 0)
    #expect(waits.straggling == .seconds(75) && waits.slowRank == 0)
  }

  @Test("what nobody can help is the cheapest of all ways to name a slow rank for each interval", arguments: 0..<40)
  func cheapest(seed: UInt64) {
    var random = seed &* 2_654_435_769 &+ 12_345
    func draw() -> Int64 {
      random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int64(random >> 40) % 10
    }
    let (ranks, intervals, price) = (3, 6, Int64(4))
    let waited = (0..<intervals).map { _ in (0..<ranks).map { _ in draw() } }
    var gang = Gang(ranks: ranks)
    var told = Span.zero
    for (i, seconds) in waited.enumerated() {
      gang.interval(seconds, late: .seconds(price))
      // Every way: a number with a digit for each interval.
      let ways = (0..<Array(repeating: ranks, count: i + 1).reduce(1, *)).map { way -> Int64 in
        var (rest, cost, before) = (way, Int64(0), -1)
        for interval in 0...i {
          let rank = rest % ranks
          rest /= ranks
          cost += waited[interval][rank] + (before >= 0 && before != rank ? price : 0)
          before = rank
        }
        return cost
      }
      let sum = waited.prefix(i + 1).reduce(0) { $0 + $1.reduce(0, +) }
      let lost = sum - Int64(ranks) * (ways.min() ?? 0)
      told = max(told, Span(nanoseconds: lost * 1_000_000_000 / Int64(ranks)))
      #expect(gang.straggling == told, "after interval \(i)")
    }
  }
}
