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
      agents[node]?.send(.intent(epoch: epoch, beat: nil, launches: controller.launches(for: node)))
    }
    var told: Set<MemberID> = []
    for member in dirty.members where told.insert(member).inserted {
      shims[member]?.send(.want(epoch: epoch, controller.shimOrder(for: member, acknowledges: nil)))
    }
  }
}

extension Controller {
  func launches(for node: NodeID) -> [MemberLaunch] {
    intent(for: node).map { launch in
      let role = launch.spec.role
      return MemberLaunch(
        member: launch.member, memberCount: launch.memberCount, role: role.name, firstRank: launch.firstRank,
        ranks: role.ranksPerNode, worldSize: role.worldSize,
        devices: (0..<64).filter { launch.devices & (1 << UInt64($0)) != 0 }, nodeList: launch.nodeList,
        jobName: launch.spec.name, user: launch.spec.user, project: launch.spec.project, command: role.command,
        environment: role.environment, workingDirectory: role.workingDirectory, memoryBytes: role.memoryBytes,
        cpus: role.cpus, resumeStep: launch.resumeStep, logLimitBytes: launch.spec.logLimitBytes, lease: limits.lease)
    }
  }

  func shimOrder(for member: MemberID, acknowledges beat: Int64?) -> ShimOrder {
    let want: ShimOrder.Want =
      switch order(for: member) {
      case .prepare: .prepare
      case .go(let address, let port): .go(masterAddress: address, masterPort: port)
      case .stop(let policy): .stop(signal: policy.signal, grace: policy.grace)
      case .release: .release
      }
    return ShimOrder(
      want: want, acknowledges: renews(member) ? beat : nil, probe: wantsProbe(member), lease: limits.lease)
  }
}
