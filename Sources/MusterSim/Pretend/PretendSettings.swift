public import MusterCore
public import MusterProtocol

/// What a pretend fleet is, and what runs on it beside what people submit.
public struct PretendSettings: Sendable {
  public enum Workload: Sendable {
    /// Drawn jobs that keep the fleet busy.
    case mix
    /// Rows of a trace; after the last one it begins anew.
    case trace(Trace)
    /// Only what people submit.
    case none
  }

  public var fleet: SimFleet
  public var workload = Workload.mix
  /// Projects and priorities that are declared at the start, in place of those of their kind that hold.
  public var declared = PolicyPart()
  public var faults: FaultModel?
  /// Steps, that is seconds of work, between two checkpoints of a trace's jobs; 0: none.
  public var checkpointSteps: Int64 = 1_800
  public var seed: UInt64 = 1
  /// How often the ranks of a job say how far they have come.
  public var sayEvery = Span.seconds(60)

  public init(fleet: SimFleet) { self.fleet = fleet }
}

/// Why a pretend fleet cannot go on with a journal.
public struct PretendMismatch: Error, Hashable, Sendable, CustomStringConvertible {
  /// Its number, from 0.
  public var node: Int32
  public var known: String
  /// Nil: the fleet has no such node.
  public var expected: String?

  public var description: String {
    "the journal's node \(node + 1) is \"\(known)\", the fleet's \(expected.map { "is \"\($0)\"" } ?? "is none"): go on "
      + "with the fleet file that the journal began with, or begin in another folder"
  }
}
