public import MusterCore

/// What the core decides, as it crosses the wire.
extension Controller {
  /// The members that should exist on a node, as its agent is told.
  /// `known`: the members that the agent has listed; they are named, the others are told in full.
  public func nodeIntent(for node: NodeID, beat: Int64? = nil, known: Set<MemberID> = []) -> NodeIntent {
    var intent = NodeIntent(beat: beat, launches: [], reportEvery: reportEvery(node))
    var bytes = 0
    for member in self.intent(for: node) {
      // What does not fit into one message comes with the answer to the next report, a second later.
      let size = Self.launchBytes(member.part.role)
      if known.contains(member.member) || (bytes > 0 && bytes + size > Self.intentBytes) {
        intent.others.append(member.member)
      } else {
        bytes += size
        intent.launches.append(launch(member))
      }
    }
    return intent
  }

  /// So much of commands and environments goes into one message. As JSON it may be six times as long, and a single
  /// launch more than this: still within what an agent reads (`intentLineLimit`).
  private static var intentBytes: Int { 256 << 10 }

  private static func launchBytes(_ role: RoleSpec) -> Int {
    role.command.reduce(512) { $0 + $1.utf8.count + 4 }
      + role.environment.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 8 }
  }

  private func launch(_ launch: Launch) -> MemberLaunch {
    let role = launch.part.role
    return MemberLaunch(
      member: launch.member, memberCount: role.nodes, role: role.name, firstRank: launch.firstRank,
      ranks: role.ranksPerNode, worldSize: role.worldSize,
      devices: (0..<64).filter { launch.devices & (1 << UInt64($0)) != 0 }, nodeList: launch.nodeList,
      jobName: launch.spec.name, user: launch.spec.user, project: launch.spec.project, command: role.command,
      environment: role.environment, workingDirectory: role.workingDirectory, memoryBytes: role.memoryBytes,
      cpus: role.cpus, resumeStep: launch.resumeStep, logLimitBytes: launch.spec.logLimitBytes, lease: limits.lease,
      roleMember: launch.part.firstMember, roleRank: launch.part.firstRank,
      array: launch.spec.wishes.array.map {
        LaunchArray(array: $0.array(of: launch.member.attempt.job), index: $0.index, count: $0.count)
      })
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
      want: want, acknowledges: renews(member) ? beat : nil, probe: wantsProbe(member), lease: limits.lease,
      warn: warning(for: member))
  }
}
