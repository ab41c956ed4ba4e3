/// What makes the planner fast without changing any start. Each can be left out, which is for tests and benchmarks
/// alone: answers are compared with and without it, `bounds` and `rows` at full size too, because small fleets do not
/// test them.
public struct PlannerShortcuts: OptionSet, Hashable, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// The bucket that fails says how far the search jumps, instead of to the next bucket.
  public static let jumps = PlannerShortcuts(rawValue: 1)
  /// Minima over 8 buckets stand for their rows.
  public static let minima = PlannerShortcuts(rawValue: 2)
  /// The free nodes of a domain are compared before its leaves are.
  public static let totals = PlannerShortcuts(rawValue: 4)
  /// What was found for a gang bounds every larger and longer one.
  public static let bounds = PlannerShortcuts(rawValue: 8)
  /// What a bucket was seen to hold is remembered as the most that it can hold.
  public static let rows = PlannerShortcuts(rawValue: 16)

  public static let all: PlannerShortcuts = [.jumps, .minima, .totals, .bounds, .rows]
}
