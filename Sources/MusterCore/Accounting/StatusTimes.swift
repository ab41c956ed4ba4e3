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
