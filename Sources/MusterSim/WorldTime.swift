import MusterCore

extension World {
  static let tick = Span.milliseconds(50)

  /// One tick of virtual time.
  mutating func step() throws(Failure) {
    now = now + World.tick
    if !isUp, now >= backAt {
      isUp = true
      backAt = .never
      // Its clock went on while it was away.
      let cluster = try replay()
      controller = Controller(cluster: cluster, limits: limits, now: now)
      try command(.start)
    }
    try deliver()
    for i in nodes.indices { liveAgent(i) }
    for member in shims.keys.sorted(by: World.inOrder) { try liveShim(member) }
    try command(.tick)
  }

  static func inOrder(_ a: MemberID, _ b: MemberID) -> Bool {
    (a.attempt.job, a.attempt.number, a.index) < (b.attempt.job, b.attempt.number, b.index)
  }

  private mutating func deliver() throws(Failure) {
    let due = queue.filter { $0.at <= now }.sorted { ($0.at, $0.order) < ($1.at, $1.order) }
    queue.removeAll { $0.at <= now }
    for entry in due { try deliver(entry.2) }
  }

  private mutating func deliver(_ message: Message) throws(Failure) {
    switch message {
    case .hello(let i):
      guard isUp, now >= stalledUntil, nodes[i].agentUp else { return }
      let hello = NodeJoined(
        node: NodeID(0), name: nodes[i].name, machine: "machine-\(i)", boot: "boot-\(nodes[i].boot)", devices: 4)
      if case .done = try command(.agentHello(hello, pid: 1)) { nodes[i].welcomed = controller.cluster.epoch }
    case .report(let i, let members):
      guard let node = controller.cluster.node(named: nodes[i].name), nodes[i].welcomed == controller.cluster.epoch
      else { return }
      try command(.agentReport(node: node, members))
      if isUp { sendIntent(Int(node.index)) }
    case .beat(_, let member, let beat, let report):
      guard isUp, now >= stalledUntil else { return }
      try command(.shimReport(member, report))
      if isUp { sendOrder(member, renews: beat) }
    case .intent(let i, let epoch, let launches): intended(i, epoch, launches)
    case .order(_, let member, let epoch, let order, let renews, let probe):
      guard var shim = shims[member] else { return }
      let mayEnd = shim.obey(order, renews: renews, probe: probe, epoch: epoch, now: now)
      shims[member] = shim
      nextBeat[member] = min(nextBeat[member] ?? now, now)
      if mayEnd { end(member) }
    case .died(let i): try command(.nodeDied(node: nodes[i].name, evidence: "the engine saw it"))
    }
  }

  /// The shim's process is gone, and with it everything under it.
  mutating func end(_ member: MemberID) {
    guard let shim = shims.removeValue(forKey: member) else { return }
    nextBeat[member] = nil
    nodes[shim.node].gone.insert(member)
    nodes[shim.node].nextReport = now
  }

  private mutating func intended(_ i: Int, _ epoch: Int64, _ launches: [Controller.Launch]) {
    guard nodes[i].agentUp, epoch >= nodes[i].welcomed else { return }
    let wanted = Set(launches.map(\.member))
    for launch in launches where shims[launch.member] == nil && !nodes[i].gone.contains(launch.member) {
      shims[launch.member] = SimShim(launch, node: i, seed: seed, now: now)
      nextBeat[launch.member] = now
    }
    for member in shims.keys.sorted(by: World.inOrder) where shims[member]?.node == i && !wanted.contains(member) {
      end(member)
    }
    nodes[i].gone = nodes[i].gone.filter { wanted.contains($0) }
  }

  private mutating func liveAgent(_ i: Int) {
    if nodes[i].dead { return }
    if !nodes[i].agentUp {
      guard now >= nodes[i].agentBackAt else { return }
      nodes[i].agentUp = true
      nodes[i].welcomed = -1
      nodes[i].nextReport = now
    }
    guard now >= nodes[i].nextReport else { return }
    nodes[i].nextReport = now + .seconds(1)
    if nodes[i].welcomed != controller.cluster.epoch || !isUp {
      send(.hello(node: i), node: i)
      nodes[i].nextReport = now + .milliseconds(200)
      return
    }
    var members = nodes[i].gone.map { AgentMember(member: $0, alive: false) }
    members += shims.values.filter { $0.node == i }.map { AgentMember(member: $0.launch.member, alive: true) }
    members.sort { World.inOrder($0.member, $1.member) }
    send(.report(node: i, members: members), node: i)
  }

  private mutating func liveShim(_ member: MemberID) throws(Failure) {
    guard var shim = shims[member] else { return }
    shim.prepare()
    let urgent = shim.live(now: now, lease: limits.lease)
    if urgent || now >= nextBeat[member] ?? now {
      nextBeat[member] = now + .milliseconds(500)
      let report = shim.report(now: now)
      send(.beat(node: shim.node, member, shim.beat, report), node: shim.node)
    }
    shims[member] = shim
    guard shim.runs else { return }
    try checkDevices(of: shim)
  }

  /// What really runs, seen from outside: no device with ranks of two attempts, no rank past its lease.
  private func checkDevices(of shim: SimShim) throws(Failure) {
    if now - shim.leaseFrom > limits.lease + World.tick {
      throw Failure(description: "ranks of \(shim.launch.member) run past their lease")
    }
    guard shim.launch.devices != 0 else { return }
    for other in shims.values where other.node == shim.node && other.launch.member != shim.launch.member && other.runs {
      if other.launch.devices & shim.launch.devices != 0 {
        throw Failure(description: "\(shim.launch.member) and \(other.launch.member) run on the same device")
      }
    }
  }
}
