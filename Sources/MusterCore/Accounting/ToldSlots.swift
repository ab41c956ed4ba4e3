/// What ranks have said between two moments that they did instead of steps. It is taken to lie at the slot's end: where in
/// it each of it was is not said. Milliseconds since 1970.
struct ToldSlot: Hashable, Sendable {
  var from: Int64
  var to: Int64
  var times: StatusTimes

  typealias Part = (account: Account, from: Int64, to: Int64)

  /// In order of time, within the slot.
  var parts: [Part] {
    var parts: [Part] = []
    var stop = to
    for account in StatusTimes.accounts {
      let length = min(times[account].milliseconds, stop - from)
      guard length > 0 else { continue }
      parts.append((account, stop - length, stop))
      stop -= length
    }
    return parts.reversed()
  }

  static func + (a: ToldSlot, b: ToldSlot) -> ToldSlot { ToldSlot(from: a.from, to: b.to, times: a.times + b.times) }
}

extension OpenAttempt {
  /// Slots that are kept of an attempt. What is told at most once a minute is known to the minute for the last 24 minutes, and
  /// the more coarsely the longer ago it was.
  static var slotLimit: Int { 48 }

  /// - Parameters:
  ///   - times: since the attempt's start.
  ///   - until: up to when they have been said; what came before the last slot's end is added to that one.
  mutating func tell(_ times: StatusTimes, until: Int64) {
    var added = StatusTimes(slowRank: times.slowRank)
    for account in StatusTimes.accounts { added[account] = max(.zero, times[account] - toldSoFar[account]) }
    toldSoFar.formMaximum(times)
    let from = told.last?.to ?? since
    if until > from {
      // Nothing was said up to here: what is said next lies behind it.
      if added.sum == .zero, told.last?.times.sum == .zero {
        told[told.count - 1].to = until
      } else {
        told.append(ToldSlot(from: from, to: until, times: added))
      }
    } else if !told.isEmpty {
      told[told.count - 1].times = told[told.count - 1].times + added
    }
    if told.count > Self.slotLimit { told = Self.thinned(told, first: Self.slotLimit / 2) }
  }

  /// Neighbours of one UTC day become one, of the first so many.
  static func thinned(_ slots: [ToldSlot], first: Int) -> [ToldSlot] {
    var out: [ToldSlot] = []
    var i = 0
    while i < slots.count {
      if i + 1 < min(first, slots.count), (slots[i].to - 1) / Ledger.day == slots[i].from / Ledger.day,
        slots[i].from / Ledger.day == (slots[i + 1].to - 1) / Ledger.day
      {
        out.append(slots[i] + slots[i + 1])
        i += 2
      } else {
        out.append(slots[i])
        i += 1
      }
    }
    return out
  }

  /// Its last checkpoint came with ranks' word that they saved: nobody stepped on meanwhile.
  var hasSaidSave: Bool {
    guard checkpointAt != .zero else { return false }
    return told.contains { $0.to == checkpointAt.milliseconds && $0.times.checkpointing > .zero }
  }

  /// A stretch of its time, with what ranks said that they did instead taken out.
  func carve(_ account: Account, _ from: Int64, _ to: Int64) -> [Piece] {
    var pieces: [Piece] = []
    var at = from
    for slot in told where slot.from < to && slot.to > from {
      for part in slot.parts {
        let (begin, end) = (max(part.from, at), min(part.to, to))
        guard begin < end else { continue }
        if at < begin { pieces.append((account, at, begin)) }
        pieces.append((part.account, begin, end))
        at = end
      }
    }
    if at < to { pieces.append((account, at, to)) }
    return pieces
  }
}
