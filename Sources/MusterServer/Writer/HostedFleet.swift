public import MusterCore

/// A fleet that lives in the controller's own process, on the writer's thread: what its agents and shims say are commands
/// like everybody's. Nobody connects to it.
///
/// It is asked in the writer's loop and not heard through a lane: a pretend shim says each thing once, and what a full
/// lane refuses would never be said again.
public protocol HostedFleet: AnyObject {
  /// The first thing that it hears: what the journal holds.
  /// - Throws: why it cannot be the fleet of this journal.
  func open(_ cluster: borrowing Cluster, now: Instant) throws
  /// Facts that are durable, in order, and the state after them.
  func see(_ facts: [Fact], _ cluster: borrowing Cluster)
  /// What is due at that moment, some thousand commands at the most: the rest at the next call.
  func due(_ now: Instant) -> [Command]
  /// When something is due next; a moment that is past while something is left.
  var nextDue: Instant { get }
}

extension Server.Options {
  /// Nodes, shims and ranks are pretended, and time passes faster.
  public struct Pretence: Sendable {
    /// How many seconds pass in one of the machine's; at least 1.
    public var speed: Int64
    /// Made on the writer's thread, and anew when its memory was thrown away.
    public var fleet: @Sendable () -> any HostedFleet
    /// What its devices do; nil: nothing is measured.
    public var devices: (any PretendedDevices)?

    public init(speed: Int64, fleet: @escaping @Sendable () -> any HostedFleet) {
      self.speed = speed
      self.fleet = fleet
    }
  }
}
