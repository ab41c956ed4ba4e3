/// Where a node is in its life. Busy is not a state.
public enum NodeState: UInt8, CaseIterable, Hashable, Sendable {
  case joining = 0
  case verifying = 1
  case ready = 2
  case suspect = 3
  case isolated = 4
  case draining = 5
  case drained = 6
}

/// The hot part of a node: no references, 64 bytes, one a node in a dense array. Names and reasons are in `NodeDetail`.
public struct Node: Sendable {
  public internal(set) var state: NodeState
  /// Isolated on evidence: only `resume` brings it back. Otherwise (silence) it returns by itself.
  public internal(set) var onEvidence: Bool
  /// A drain asked for while the node was suspect or isolated still holds when it returns.
  public internal(set) var drainRequested: Bool
  public internal(set) var devices: Int32
  public internal(set) var members: Int32
  /// Bit i: device i belongs to nobody.
  public internal(set) var freeDevices: UInt64
  /// First of the members placed here, as a list through `Member.nextOnNode`; -1 is none.
  public internal(set) var firstMember: Int32
  /// Attempts that were placed here.
  public internal(set) var served: Int32 = 0
  public internal(set) var since: Instant

  /// May take new work as far as its state goes.
  public var isSchedulable: Bool { state == .ready }

  public var freeDeviceCount: Int { freeDevices.nonzeroBitCount }
}

/// The cold part of a node, beside `Node` at the same index.
public struct NodeDetail: Hashable, Sendable {
  public internal(set) var joined: NodeJoined
  public internal(set) var reason: String
  /// A person vouched that the machine is gone: another one may take its name.
  public internal(set) var fenced = false
  /// What its agent says of it; sorted by key.
  public internal(set) var labels: [Label] = []
}
