import MusterCore

extension World {
  /// Work and faults for a while, then everything heals and must come to an end.
  public mutating func run(stormSeconds: Int64 = 90, calmSeconds: Int64 = 1500) throws(Failure) {
    try command(.start)
    let stormEnds = now + .seconds(stormSeconds)
    while now < stormEnds {
      try step()
      if work.hits(25) { try submit() }
      if storm.hits(20) { try strike() }
    }
    try checkReplay()
    heal()
    let deadline = now + .seconds(calmSeconds)
    var nextCare = now
    while now < deadline {
      try step()
      if now >= nextCare {
        nextCare = now + .seconds(5)
        try care()
        if try isSettled() { break }
      }
    }
    try checkEnd()
  }

  private mutating func submit() throws(Failure) {
    let restart = RestartPolicy(
      limit: Int32(work.below(4)), fence: FencePolicy.allCases[work.below(FencePolicy.allCases.count)])
    let role = RoleSpec(
      nodes: Int32(1 + work.below(4)), devicesPerNode: Int32(work.below(5)), ranksPerNode: Int32(1 + work.below(2)),
      command: ["train"], workingDirectory: "/")
    let spec = JobSpec(
      name: "job", user: "u", priority: Int32(work.below(3)), role: role,
      walltime: work.hits(80) ? .seconds(work.between(5, 60)) : nil, restart: restart,
      stop: StopPolicy(grace: .seconds(work.between(0, 3))))
    if case .jobs(let ids) = try command(
      .submit([spec], key: work.hits(50) ? "key-\(work.below(5))" : "", requestHash: 1)),
      isUp
    {
      acknowledged.append(contentsOf: ids)
    }
  }

  /// One fault or one order at a bad moment.
  private mutating func strike() throws(Failure) {
    let i = storm.below(nodes.count)
    let running = shims.keys.sorted(by: World.inOrder)
    switch storm.below(16) {
    case 0, 1, 2:  // a rank is killed
      guard !running.isEmpty else { return }
      let member = running[storm.below(running.count)]
      guard var shim = shims[member], let r = shim.ranks.firstIndex(where: { $0.state == .running }) else { return }
      shim.exit(r, code: 0, signal: 9, at: now)
      if !shim.runs { shim.state = .stopped }
      shims[member] = shim
      nextBeat[member] = now
    case 3, 4:  // a shim is killed, and its ranks with it
      if !running.isEmpty { end(running[storm.below(running.count)]) }
    case 5, 6:  // an agent is killed and comes back
      nodes[i].agentUp = false
      nodes[i].agentBackAt = now + .milliseconds(storm.between(100, 8000))
    case 7: kill(node: i)
    case 8, 9: nodes[i].cutUntil = now + .milliseconds(storm.between(300, 25_000))
    case 10: if isUp { try restart(downFor: .milliseconds(storm.between(100, 6000))) }
    case 11: commitFails = isUp
    case 12: stalledUntil = now + .milliseconds(storm.between(500, 6000))
    case 13: try command(.drain(node: nodes[i].name, reason: "storm"))
    case 14:
      try command(.resume(node: nodes[i].name))
      if nodes[i].dead { revive(i) }
    default:
      if let job = acknowledged.last, storm.hits(400) { try command(.cancel(job)) }
      if nodes[i].dead, storm.hits(300) { try command(.fence(node: nodes[i].name)) }
    }
  }

  /// Agent, shims and ranks at once; the engine says so, or the machine boots anew.
  private mutating func kill(node i: Int) {
    for member in shims.keys.sorted(by: World.inOrder) where shims[member]?.node == i { end(member) }
    nodes[i].agentUp = false
    if storm.hits(600) {
      nodes[i].dead = true
      if storm.hits(700) {
        sentCount += 1
        queue.append((now + .milliseconds(350), sentCount, .died(node: i)))
      }
    } else {
      nodes[i].boot += 1
      nodes[i].gone = []
      nodes[i].agentBackAt = now + .milliseconds(storm.between(500, 20_000))
    }
  }

  private mutating func revive(_ i: Int) {
    nodes[i].dead = false
    nodes[i].agentUp = false
    nodes[i].agentBackAt = now
  }

  private mutating func heal() {
    for i in nodes.indices {
      nodes[i].cutUntil = .zero
      if nodes[i].dead { revive(i) }
    }
    stalledUntil = .zero
    commitFails = false
  }

  /// What operators do when the storm is over.
  private mutating func care() throws(Failure) {
    guard isUp else { return }
    for i in nodes.indices {
      if nodes[i].dead { revive(i) }
      guard let node = controller.cluster.node(named: nodes[i].name) else { continue }
      switch controller.cluster.nodes[Int(node.index)].state {
      case .isolated, .draining, .drained: try command(.resume(node: nodes[i].name))
      case .ready, .suspect, .joining, .verifying: break
      }
    }
  }

  private func isSettled() throws(Failure) -> Bool {
    guard isUp else { return false }
    return controller.cluster.active.isEmpty && controller.cluster.pending.allSatisfy { isTooLarge($0) }
  }

  private func isTooLarge(_ slot: Int32) -> Bool {
    if case .waits(.fleetTooSmall) = controller.placement(for: slot) { return true }
    return false
  }

  /// Liveness: every job ended or has a stated reason to wait; nothing acknowledged was lost.
  private func checkEnd() throws(Failure) {
    try checkReplay()
    for slot in controller.cluster.active {
      throw Failure(
        description:
          "attempt \(controller.cluster.attemptID(slot)) never ended: \(controller.cluster.attempt(slot).phase)")
    }
    for slot in controller.cluster.pending where !isTooLarge(slot) {
      throw Failure(
        description: "job \(controller.cluster.job(slot).id) waits without a reason: \(controller.placement(for: slot))"
      )
    }
    for id in acknowledged where controller.cluster.slot(of: id) == nil {
      throw Failure(description: "acknowledged job \(id) is lost")
    }
  }

  /// The last facts, for people.
  public func tail(_ count: Int) -> String {
    facts.suffix(count).map { "  \(($0.at.nanoseconds - 1_000_000_000) / 1_000_000) ms  \($0.event)" }.joined(
      separator: "\n")
  }
}
