import MusterCore
import MusterProtocol

/// The connections of agents and shims, as the writer's thread knows them.
struct LinkTable: ~Copyable {
  private var agents: [NodeID: Peer] = [:]
  private var shims: [MemberID: Peer] = [:]

  mutating func connect(agent node: NodeID, _ peer: Peer) {
    // A newer connection of the same agent replaces the older one, which may be half open.
    agents[node]?.close()
    agents[node] = peer
  }
  mutating func connect(shim member: MemberID, _ peer: Peer) {
    shims[member]?.close()
    shims[member] = peer
  }
  /// - Returns: whether it was the present connection.
  mutating func disconnect(agent node: NodeID, _ peer: Peer) -> Bool {
    guard agents[node] === peer else { return false }
    agents[node] = nil
    return true
  }
  mutating func disconnect(shim member: MemberID, _ peer: Peer) -> Bool {
    guard shims[member] === peer else { return false }
    shims[member] = nil
    return true
  }

  var shimCount: Int { shims.count }
  func agent(_ node: NodeID) -> Peer? { agents[node] }
  func shim(_ member: MemberID) -> Peer? { shims[member] }
  func isCurrent(agent node: NodeID, _ peer: Peer) -> Bool { agents[node] === peer }
  func isCurrent(shim member: MemberID, _ peer: Peer) -> Bool { shims[member] === peer }

  mutating func closeAll() {
    for peer in agents.values { peer.close() }
    for peer in shims.values { peer.close() }
    agents = [:]
    shims = [:]
  }

  /// Sends anew what may have changed; only after the facts it follows from are durable.
  func deliver(_ dirty: Controller.Dirty, from controller: borrowing Controller) {
    guard !dirty.isEmpty else { return }
    let epoch = controller.cluster.epoch
    var done: Set<NodeID> = []
    for node in dirty.nodes where done.insert(node).inserted {
      agents[node]?.send(.intent(epoch: epoch, controller.nodeIntent(for: node)))
    }
    var told: Set<MemberID> = []
    for member in dirty.members where told.insert(member).inserted {
      shims[member]?.send(.want(epoch: epoch, controller.shimOrder(for: member, acknowledges: nil)))
    }
  }
}
