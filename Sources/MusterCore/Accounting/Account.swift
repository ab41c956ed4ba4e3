/// What a GPU-millisecond went for. Each has one account: where several would fit, the first that docs/efficiency.md
/// lists.
public enum Account: UInt8, CaseIterable, Hashable, Sendable {
  /// Work that counts: steps up to the one that the job went on from, or ended with.
  case productive = 0
  /// The gang saves its work and does no steps meanwhile.
  case checkpointing = 1
  /// The gang evaluates and does no steps meanwhile.
  case evaluating = 2
  /// From when devices are given to an attempt until its work goes on: processes, load, compile.
  case starting = 3
  /// Work that a fault took: done after the checkpoint that the next attempt went on from, and done again.
  case redone = 4
  /// After the last step of an attempt that was ended because it hung.
  case hung = 5
  /// Fast ranks wait for slow ones.
  case straggling = 6
  /// Ranks wait for data.
  case inputStall = 7
  /// What a preemption costs its victim: work since its checkpoint, and the time in which it stops.
  case preempted = 8
  /// Members that are being stopped, and free devices of a node that takes no more work because a drain was asked for.
  case draining = 9
  /// A node is looked at before it serves.
  case verifying = 10
  /// A node that may be gone, or is out of service for a fault or for silence.
  case broken = 11
  /// Nobody's, and kept for a gang for which others gave way.
  case heldForGang = 12
  /// Taken out by a person: a maintenance window, or drained.
  case maintenance = 13
  /// In service, and nobody's.
  case free = 14
  /// Held by a job, and nothing says what for: after its last step.
  case unattributed = 15

  /// As APIs and commands write it.
  public var name: String { Account.names[Int(rawValue)] }

  /// An answer about thousands of jobs names each account of each of them.
  private static let names = allCases.map { "\($0)" }
}

/// GPU-milliseconds by account.
public struct AccountTotals: Hashable, Sendable {
  private var values = SIMD16<Int64>(repeating: 0)

  public init() {}

  public subscript(account: Account) -> Int64 {
    get { values[Int(account.rawValue)] }
    set { values[Int(account.rawValue)] = newValue }
  }

  public static func += (a: inout AccountTotals, b: AccountTotals) { a.values = a.values &+ b.values }

  public var sum: Int64 { values.wrappedSum() }
}
