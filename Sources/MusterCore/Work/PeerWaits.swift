/// How long the ranks of a gang have waited for its slow one, from what each says that it has waited for others.
///
/// A synchronous step is as long as its slowest rank's. That one waits for nobody but the network, the others for it as
/// well: what a rank has waited beyond the one that waited least is lost to the straggler. As a time of the whole gang it
/// is the mean of that over all ranks, those that say nothing counted as not having waited. (MegaScale, arXiv 2402.15627,
/// and 2505.05713 find stragglers by the same comparison of ranks.)
///
/// The slow rank changes, so the comparison is made interval by interval. Ranks' words are not of one moment: what one
/// has said already another says a beat later, and where all wait alike each interval would find another rank that seems
/// to have waited least. Therefore a change of the slow rank has its price, as much as a word can be late: of all ways to
/// name a slow rank for each interval the one with the least waits of the ranks named, and prices, is taken. It is found
/// step by step (Viterbi, IEEE Transactions on Information Theory 13, 1967), with one number a rank.
///
/// So what is told is too much by one late word at most, however long the attempt; each change of the slow rank makes it
/// too little by two at most. 32 bytes a rank: 1 MB for a gang of 31,248.
struct PeerWaits: Hashable, Sendable {
  /// What a rank says.
  struct Word: Hashable, Sendable {
    var rank: Int32
    /// Since its attempt began.
    var waited: Span
    /// How often it has said so: a rank that has waited for nobody says the same again.
    var said: Int64
  }

  private struct Rank: Hashable, Sendable {
    /// As it said at the end of the last interval. Nanoseconds.
    var waited: Int64 = 0
    /// What nobody can help of all intervals, if this is the slow rank now. Nanoseconds.
    var needed: Int64 = 0
    /// What nobody could help up to its last word, in the cheapest way. Nanoseconds.
    var base: Int64 = 0
    /// -1: it has not said a word.
    var said: Int64 = -1
  }

  /// A part of `straggling`, and the rank that was slow.
  private struct Blame: Hashable, Sendable {
    var rank: Int32
    var time: Span
  }

  private var ranks: [Rank]
  /// Waits beyond what nobody can help, of all ranks together. Nanoseconds.
  private var lost: Int128 = 0
  private var blames: [Blame] = []
  /// Of the gang's time; it never shrinks.
  private(set) var straggling = Span.zero

  /// - Parameters:
  ///   - ranks: of the gang, those that say nothing among them; numbered from 0.
  ///   - words: what they have said up to now.
  ///   - told: what was told of this attempt before; what happened between that and now is not known. Zero: nothing was,
  ///     and all that is said until now is the first interval.
  ///   - slowRank: as told; -1: none.
  init(ranks count: Int32, _ words: [Word] = [], told: Span = .zero, slowRank: Int32 = -1) {
    ranks = Array(repeating: Rank(), count: Int(max(0, count)))
    straggling = told
    if slowRank >= 0 { blames = [Blame(rank: slowRank, time: told)] }
    compare(words, late: nil)
    let toldOfAll = Int128(told.nanoseconds) * Int128(count)
    guard !words.isEmpty, toldOfAll > lost else { return }
    // Which rank was slow until now is lost with the controller that knew it: from here on any of them may be.
    let said = words.reduce(Int128(0)) { $0 + Int128($1.waited.nanoseconds) }
    let needed = Int64(clamping: (said - toldOfAll) / Int128(words.count))
    for word in words { (ranks[Int(word.rank)].needed, ranks[Int(word.rank)].base) = (needed, needed) }
    lost = toldOfAll
  }

  /// The one for which most was waited; of several the one that was slow later. -1: none.
  var slowRank: Int32 {
    var most = Blame(rank: -1, time: .zero)
    for blame in blames where blame.time >= most.time { most = blame }
    return most.rank
  }

  /// It has said something since the last interval.
  func isNew(_ word: Word) -> Bool {
    let known = ranks[Int(word.rank)]
    return known.said != word.said || known.waited != word.waited.nanoseconds
  }

  /// Ends an interval. Nobody is taken to have waited for ranks that have said nothing in it; what they have waited counts
  /// when they say it.
  /// - Parameters:
  ///   - words: of all ranks that say anything.
  ///   - late: the most that a rank has said at once in this interval: words as of the interval's beginning may have
  ///     lacked so much. Nil: not every rank has said something since, so that it is not known, and the slow rank is
  ///     taken not to have changed at the interval's beginning.
  mutating func compare(_ words: [Word], late: Span?) {
    let before = ranks.lazy.filter { $0.said >= 0 }.map(\.needed).min() ?? 0
    let price = late?.nanoseconds
    var least = Int64.max
    var slow: Int32 = -1
    for word in words where isNew(word) {
      let i = Int(word.rank)
      if let price, ranks[i].said >= 0 { ranks[i].needed = min(ranks[i].needed, before + price) }
      ranks[i].needed += grown(word)
      if ranks[i].needed < least { (least, slow) = (ranks[i].needed, word.rank) }
    }
    guard slow >= 0 else { return }
    for word in words {
      let i = Int(word.rank)
      guard isNew(word) else {
        ranks[i].needed = least + (price ?? 0)
        continue
      }
      let grown = grown(word)
      lost += Int128(grown - (least - ranks[i].base))
      (ranks[i].waited, ranks[i].base, ranks[i].said) = (ranks[i].waited + grown, least, word.said)
    }
    blame(slow)
  }

  /// Since the last interval. Nanoseconds. A sum that shrinks is no sum: it has not grown.
  private func grown(_ word: Word) -> Int64 { max(0, word.waited.nanoseconds - ranks[Int(word.rank)].waited) }

  private mutating func blame(_ rank: Int32) {
    let told = Span(nanoseconds: Int64(clamping: lost / Int128(ranks.count)))
    guard told > straggling else { return }
    let added = told - straggling
    straggling = told
    if let i = blames.firstIndex(where: { $0.rank == rank }) {
      blames[i].time = blames[i].time + added
    } else {
      blames.append(Blame(rank: rank, time: added))
    }
  }
}

extension Cluster {
  /// What a controller that starts goes on from.
  mutating func tell(_ attempt: AttemptID, _ times: StatusTimes) {
    guard let slot = attemptSlot(attempt), times.slowRank >= 0, times.straggling >= attempts[slot].straggling else {
      return
    }
    (attempts[slot].straggling, attempts[slot].slowRank) = (times.straggling, times.slowRank)
  }
}

extension Controller {
  /// Looks at all ranks, so not for every beat.
  /// - Parameter isNow: a checkpoint or the attempt's end: what ranks have said until now is to be told.
  mutating func compareWaits(_ attempt: Int32, isNow: Bool) {
    guard cluster.attempts[attempt].phase < .stopping else { return }
    var seen = watch.attempt(attempt, id: cluster.attemptID(attempt))
    guard var waits = seen.waits else { return beginWaits(attempt) }
    guard isNow || now - seen.waitsLookedAt >= limits.statusTold else { return }
    if !isNow { seen.waitsLookedAt = now }
    let words = waitWords(attempt)
    let isComplete = words.allSatisfy(waits.isNew)
    if isComplete || now - seen.waitsComparedAt >= limits.waitPatience {
      waits.compare(words, late: seen.longestWait)
      (seen.waits, seen.longestWait) = (waits, .zero)
      (seen.waitsComparedAt, seen.waitsLookedAt) = (now, now)
    } else if isNow {
      // The interval goes on.
      waits.compare(words, late: nil)
    }
    seen.tell(waits)
    watch.attempts[Int(attempt)] = seen
  }

  /// After a controller's start only when the last member is heard: what they have said since the attempt's beginning is
  /// where the comparison goes on from.
  private mutating func beginWaits(_ attempt: Int32) {
    let known = cluster.attempts[attempt]
    var seen = watch.attempt(attempt, id: cluster.attemptID(attempt))
    guard seen.heard >= known.memberCount - known.membersStopped else { return }
    let words = waitWords(attempt)
    guard !words.isEmpty else { return }
    let waits = PeerWaits(
      ranks: steppingRanks(attempt), words, told: known.straggling, slowRank: known.slowRank)
    (seen.waits, seen.longestWait) = (waits, .zero)
    (seen.waitsComparedAt, seen.waitsLookedAt) = (now, now)
    seen.statusesTold.formMaximum(StatusTimes(straggling: known.straggling, slowRank: known.slowRank))
    seen.tell(waits)
    watch.attempts[Int(attempt)] = seen
  }

  private func waitWords(_ attempt: Int32) -> [PeerWaits.Word] {
    let stepping = steppingRanks(attempt)
    var words: [PeerWaits.Word] = []
    for slot in cluster.memberSlots(ofAttempt: attempt) {
      for rank in watch.knownMember(slot, id: cluster.memberID(slot))?.report?.ranks ?? [] where rank.rank < stepping {
        if let waited = rank.waited {
          words.append(PeerWaits.Word(rank: rank.rank, waited: waited, said: rank.waitsSaid))
        }
      }
    }
    return words
  }
}

extension Watch.AttemptWatch {
  /// Where all wait alike nobody is slow.
  fileprivate mutating func tell(_ waits: PeerWaits) {
    guard waits.straggling > .zero else { return }
    statuses.formMaximum(StatusTimes(straggling: waits.straggling, slowRank: waits.slowRank))
  }
}

extension ShimReport {
  /// The most that a rank has said at once, since the report before, that it has waited.
  func longestWait(since before: ShimReport?, below stepping: Int32) -> Span {
    guard let before else { return .zero }
    var longest = Span.zero
    for (i, rank) in ranks.enumerated() where rank.rank < stepping {
      guard let waited = rank.waited else { continue }
      let isBeside = before.ranks.indices.contains(i) && before.ranks[i].rank == rank.rank
      let old = isBeside ? before.ranks[i] : before.ranks.first { $0.rank == rank.rank }
      longest = max(longest, waited - (old?.waited ?? .zero))
    }
    return longest
  }
}
