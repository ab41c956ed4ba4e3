public import MusterCore

/// What the core decides, as it crosses the wire.
extension Controller {
  /// The members that should exist on a node, as its agent is told.
  public func launches(for node: NodeID) -> [MemberLaunch] {
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

  /// What a shim is told; the beat is acknowledged, and its lease renewed, only while its attempt has not ended.
  public func shimOrder(for member: MemberID, acknowledges beat: Int64?) -> ShimOrder {
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
