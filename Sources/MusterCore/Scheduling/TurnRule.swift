/// When a job gives way to others of its own priority: it goes on from checkpoints and has had its first turn. It loses
/// what it did since its last checkpoint, and its place until one is free again.
///
/// Only a shorter job with no more devices takes its place: its whole walltime is at most what the other has run. So no
/// jobs take each other's place in a circle: along a chain of those that do devices never grow, and walltimes fall. And
/// nobody waits for others longer than it has run.
public struct TurnRule: Hashable, Sendable {
  /// Who has run less stays.
  public var first: Span

  public init(first: Span) { self.first = first }

  public static let standard = TurnRule(first: .seconds(3600))

  func rights(devices: Int32, walltime: Span?) -> TurnRights {
    guard let walltime else { return TurnRights() }
    return TurnRights(devices: devices, ran: max(first, walltime))
  }
}

/// What one gang may take from others of its own priority.
struct TurnRights: Hashable, Sendable {
  /// Those that have at most so many devices.
  var devices: Int32 = 0
  /// And have run at least so long.
  var ran = Span(nanoseconds: .max)

  func mayTake(devices: Int32, ran: Span) -> Bool { devices <= self.devices && ran >= self.ran }

  /// Nothing that the other may not.
  func isWithin(_ other: TurnRights) -> Bool { devices <= other.devices && ran >= other.ran }
}
