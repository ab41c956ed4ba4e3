import MusterCore

/// Nodes that break, are repaired and looked at.
extension PretendFleet {
  /// How long somebody takes to look at a node that the core, or a person, took out of service: four hours.
  static var inspection: Int64 { Simulation.inspection }

  /// At a time: a hundred nodes.
  private static var rollCall: Int32 { 100 }

  /// So that each reports once in a week: far less than the core's patience with agents that do not (`Limits.pretend`).
  var rollCallEvery: Int64 {
    let calls = (settings.fleet.nodes + Self.rollCall - 1) / Self.rollCall
    return 7 * 86_400_000 / Int64(calls)
  }

  mutating func callRoll() {
    let end = min(settings.fleet.nodes, nextOfRoll + Self.rollCall)
    for node in nextOfRoll..<end where nodes[Int(node)].service != .broken {
      commands.append(.agentReport(node: NodeID(node), []))
    }
    nextOfRoll = end == settings.fleet.nodes ? 0 : end
    events.put(.rollCall, at: now + rollCallEvery)
  }

  mutating func nextFault() {
    guard let fault = faults?.draw(), let again = faults?.untilNext() else { return }
    events.put(.fault, at: now + again)
    guard let kind = settings.faults?.kinds[fault.kind] else { return }
    let struck =
      kind.scope == .rack ? settings.fleet.nodes(inRack: fault.place) : fault.place..<fault.place + 1
    if kind.takesOut {
      die(struck, kind.cause, kind: fault.kind)
    } else {
      // A whole rack of them would be one fault for each job on it; the first node's stands for it.
      if let node = struck.first(where: { nodes[Int($0)].service == .up }) { fail(on: node) }
    }
  }

  private mutating func die(_ struck: Range<Int32>, _ cause: String, kind: Int) {
    let dying = struck.filter { nodes[Int($0)].service == .up }
    guard !dying.isEmpty, let repairTime = faults?.repairMilliseconds(kind) else { return }
    // How far they had come is known before the nodes are gone.
    var spoken: Set<Int64> = []
    for node in dying {
      for job in nodes[Int(node)].jobs where spoken.insert(job).inserted {
        if let run = runs[job] { speak(run) }
      }
    }
    for node in dying {
      nodes[Int(node)].service = .broken
      commands.append(.nodeDied(node: settings.fleet.name(node), evidence: cause))
      events.put(.repair(node: node), at: now + repairTime)
    }
  }

  /// A fault without evidence against the node: a rank of one of its jobs ends badly.
  private mutating func fail(on node: Int32) {
    guard let job = nodes[Int(node)].jobs.first, let run = runs[job], run.phase == .running,
      let index = run.nodes.firstIndex(of: node)
    else { return }
    speak(run)
    let number = run.spec.ranks(ofMember: Int32(index)).lowerBound
    var rank = RankReport(rank: number, pid: 1, state: .running)
    if number == 0, let word = word(of: run) { rank = word }
    rank.state = .exited
    rank.exitCode = 1
    let member = MemberID(attempt: run.attempt, index: Int32(index))
    commands.append(.shimReport(member, ShimReport(state: .running, ranks: [rank])))
  }

  mutating func repair(_ node: Int32) {
    guard nodes[Int(node)].service == .broken else { return }
    nodes[Int(node)].service = .up
    nodes[Int(node)].boot += 1
    arrive(node)
    if !nodes[Int(node)].isDrained { commands.append(.resume(node: settings.fleet.name(node))) }
  }

  mutating func inspected(_ node: Int32) {
    guard nodes[Int(node)].service == .isolated, !nodes[Int(node)].isDrained else { return }
    commands.append(.resume(node: settings.fleet.name(node)))
  }

  /// The core, or a person, took a node out that had not died.
  mutating func nodeIsolated(_ node: Int32) {
    guard nodes[Int(node)].service == .up else { return }
    nodes[Int(node)].service = .isolated
    events.put(.inspected(node: node), at: now + Self.inspection)
  }

  mutating func nodeResumed(_ node: Int32) {
    nodes[Int(node)].isDrained = false
    if nodes[Int(node)].service == .isolated { nodes[Int(node)].service = .up }
  }
}
