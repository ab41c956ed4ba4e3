/// How long an attempt's ranks have said, instead of steps, what else they do, and waited for each other; cumulative.
public struct StatusTimes: Hashable, Sendable {
  public var checkpointing: Span = .zero
  public var evaluating: Span = .zero
  /// They wait for data.
  public var inputStall: Span = .zero
  /// They wait for the slowest of them (`PeerWaits`).
  public var straggling: Span = .zero
  /// The one that they wait for; -1: nobody said.
  public var slowRank: Int32 = -1

  public init(
    checkpointing: Span = .zero, evaluating: Span = .zero, inputStall: Span = .zero, straggling: Span = .zero,
    slowRank: Int32 = -1
  ) {
    self.checkpointing = checkpointing
    self.evaluating = evaluating
    self.inputStall = inputStall
    self.straggling = straggling
    self.slowRank = slowRank
  }

  public static let accounts: [Account] = [.checkpointing, .evaluating, .inputStall, .straggling]

  /// Zero for accounts that no status stands for.
  public subscript(account: Account) -> Span {
    get {
      switch account {
      case .checkpointing: checkpointing
      case .evaluating: evaluating
      case .inputStall: inputStall
      case .straggling: straggling
      case .productive, .starting, .redone, .hung, .preempted, .draining, .verifying, .broken,
        .heldForGang, .maintenance, .free, .unattributed:
        .zero
      }
    }
    set {
      switch account {
      case .checkpointing: checkpointing = newValue
      case .evaluating: evaluating = newValue
      case .inputStall: inputStall = newValue
      case .straggling: straggling = newValue
      case .productive, .starting, .redone, .hung, .preempted, .draining, .verifying, .broken,
        .heldForGang, .maintenance, .free, .unattributed:
        break
      }
    }
  }

  public var sum: Span { checkpointing + evaluating + inputStall + straggling }

  public static func + (a: StatusTimes, b: StatusTimes) -> StatusTimes {
    StatusTimes(
      checkpointing: a.checkpointing + b.checkpointing, evaluating: a.evaluating + b.evaluating,
      inputStall: a.inputStall + b.inputStall, straggling: a.straggling + b.straggling,
      slowRank: b.slowRank >= 0 ? b.slowRank : a.slowRank)
  }

  /// What was added between two of them.
  public static func - (a: StatusTimes, b: StatusTimes) -> StatusTimes {
    StatusTimes(
      checkpointing: a.checkpointing - b.checkpointing, evaluating: a.evaluating - b.evaluating,
      inputStall: a.inputStall - b.inputStall, straggling: a.straggling - b.straggling, slowRank: a.slowRank)
  }

  public mutating func formMaximum(_ other: StatusTimes) {
    if other.slowRank >= 0, other.straggling >= straggling { slowRank = other.slowRank }
    for account in Self.accounts { self[account] = max(self[account], other[account]) }
  }

  /// What a rank's `STATUS` means for the accounts, by its first word; nil: nothing.
  public static func account(ofStatus status: String) -> Account? {
    let word = status.prefix { $0.isLetter || $0 == "_" }.lowercased()
    return switch word {
    case "checkpointing", "checkpoint", "saving": .checkpointing
    case "evaluating", "evaluation", "eval", "validating", "validation": .evaluating
    case "waiting_for_data", "loading_data", "input": .inputStall
    case "waiting" where status.lowercased().hasPrefix("waiting for data"): .inputStall
    case "loading" where status.lowercased().hasPrefix("loading data"): .inputStall
    default: nil
    }
  }
}

/// Of one UTC day.
struct DayTold: Hashable, Sendable {
  /// Since 1970.
  var day: Int64
  var times: StatusTimes
}

extension OpenAttempt {
  mutating func tell(_ times: StatusTimes, at: Int64) {
    var added = StatusTimes(slowRank: times.slowRank)
    for account in StatusTimes.accounts { added[account] = max(.zero, times[account] - toldSoFar[account]) }
    toldSoFar.formMaximum(times)
    guard added.sum > .zero else { return }
    let day = at / Ledger.day
    if told.last?.day == day {
      told[told.count - 1].times = told[told.count - 1].times + added
    } else {
      told.append(DayTold(day: day, times: added))
    }
  }

  /// Work from one moment to another, with what ranks said that they did instead taken out: at the end of each UTC day's
  /// part, since when in a day it was is not kept.
  func carve(_ from: Int64, _ to: Int64, _ told: [DayTold]) -> [Piece] {
    guard !told.isEmpty else { return from < to ? [(.productive, from, to)] : [] }
    var pieces: [Piece] = []
    var at = from
    while at < to {
      let end = min(to, (at / Ledger.day + 1) * Ledger.day)
      var stop = end
      var others: [Piece] = []
      for entry in told where entry.day == at / Ledger.day {
        for account in StatusTimes.accounts {
          let length = min(entry.times[account].milliseconds, stop - at)
          guard length > 0 else { continue }
          others.append((account, stop - length, stop))
          stop -= length
        }
      }
      if at < stop { pieces.append((.productive, at, stop)) }
      pieces += others.reversed()
      at = end
    }
    return pieces
  }
}
