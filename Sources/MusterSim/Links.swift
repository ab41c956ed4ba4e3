import MusterCore
import MusterProtocol

/// Connections as the server sees them: `LinkSession` and `LinkTable`.
extension World {
  /// A message has come to the server's machine.
  mutating func atServer(_ c: Int, _ message: NodeMessage) {
    guard host.isUp, host.isListening else { return reset(c) }
    if !connections[c].serverOpen {
      // A first message opens it; to a connection that the server has closed it answers with a reset.
      guard connections[c].serverLife < 0 else { return reset(c) }
      connections[c].serverOpen = true
      connections[c].serverLife = host.life
      host.open.append(c)
    }
    guard connections[c].serverLife == host.life else { return reset(c) }
    hear(c, checkedCodec(message))
  }

  private mutating func hear(_ c: Int, _ message: NodeMessage) {
    if connections[c].isGreeting { return connections[c].backlog.append(message) }
    switch message {
    case .agentHello: connections[c].isGreeting = true
    case .shimHello(let hello): connections[c].member = hello.member
    case .report: guard connections[c].agent != nil else { return refuse(c, "hello comes first") }
    case .beat: guard connections[c].member != nil else { return refuse(c, "hello comes first") }
    case .logData, .telemetry: return
    }
    host.faults.append(.message(c, message))
    wakeWriter(at: now + timing.between(1_000, 300_000))
  }

  mutating func serverSeesEnd(_ c: Int) {
    guard connections[c].serverOpen, connections[c].serverLife == host.life, host.isUp else { return }
    connections[c].serverOpen = false
    host.faults.append(.ended(c))
    wakeWriter(at: now + 100_000)
  }

  private mutating func refuse(_ c: Int, _ reason: String) {
    sendDown(c, .refused(reason: reason, isFinal: false))
    serverCloses(c)
  }

  mutating func engineSays(_ i: Int, boot: Int) {
    guard host.isUp, !nodes[i].isOn, nodes[i].boot == boot else { return }
    guard inject(.engineSpoke, "node-\(i + 1) died", node: i) else { return }
    host.faults.append(.order(.nodeDied(node: nodes[i].name, evidence: "the engine saw it")))
    wakeWriter(at: now + 100_000)
  }

  mutating func requestArrives(_ r: Int) {
    guard host.isUp, host.isListening else {
      requests[r].isUnknown = true
      return
    }
    host.submissions.append(.request(r))
    wakeWriter(at: now + timing.between(1_000, 300_000))
  }

  mutating func orderArrives(_ command: Command) {
    guard host.isUp, host.isListening else { return }
    host.orders.append(.order(command))
    wakeWriter(at: now + timing.between(1_000, 300_000))
  }

  // MARK: On the writer's thread

  mutating func perform(_ work: SimHost.Work) {
    guard failure == nil else { return }
    switch work {
    case .message(let c, let message): perform(c, message)
    case .order(let command):
      handle(command)
      if case .revoke(let name) = command { closeRevoked(name) }
    case .plan(let command):
      host.isPlanning = false
      handle(command)
    case .request(let r):
      let request = requests[r]
      let reply =
        disk.isFull && !disk.hasReserve
        ? nil : handle(.submit(request.specs, key: request.key, requestHash: request.hash))
      if let reply { host.tellings.append(.answer(r, reply)) } else { requests[r].isUnknown = true }
    case .ended(let c):
      if let node = connections[c].agent, host.agents[node] == c {
        host.agents[node] = nil
        handle(.agentGone(node: node))
      } else if let member = connections[c].member, host.links[member] == c {
        host.links[member] = nil
        handle(.shimGone(member))
      }
    }
  }

  private mutating func perform(_ c: Int, _ message: NodeMessage) {
    guard connections[c].serverLife == host.life else { return }
    switch message {
    case .agentHello(let hello): greet(c, hello)
    case .shimHello(let hello):
      if let refusal = controller.refusal(ofEpoch: hello.epoch)
        ?? controller.refusal(ofShim: hello.member, node: hello.node, machine: hello.machine)
      {
        host.tellings.append(.refused(c, refusal.message))
        return
      }
      replace(host.links[hello.member], by: c)
      host.links[hello.member] = c
      sendDown(c, .welcome(epoch: controller.cluster.epoch))
    case .report(let beat, let members):
      guard let node = connections[c].agent, host.agents[node] == c else { return }
      let told = members.map { AgentMember(member: $0.member, alive: $0.alive, startFailed: $0.startFailed) }
      handle(.agentReport(node: node, told))
      host.tellings.append(.intent(c, node, beat: beat, known: Set(told.map(\.member))))
    case .beat(let beat):
      guard let member = connections[c].member, host.links[member] == c else { return }
      handle(.shimReport(member, beat.report))
      host.tellings.append(.want(c, member, beat: beat.number))
    case .logData, .telemetry: break
    }
  }

  private mutating func greet(_ c: Int, _ hello: AgentHello) {
    let joined = NodeJoined(
      node: NodeID(0), name: hello.node, machine: hello.machine, boot: hello.boot, devices: hello.devices,
      deviceType: hello.deviceType, cpus: hello.cpus, memoryBytes: hello.memoryBytes, address: hello.address)
    if let refusal = controller.refusal(ofEpoch: hello.epoch) {
      host.tellings.append(.refused(c, refusal.message))
      return
    }
    if case .refused(let refusal) = handle(.agentHello(joined, labels: hello.labels, pid: hello.pid)) {
      host.tellings.append(.refused(c, "\(refusal.message); \(refusal.remedy)"))
      return
    }
    guard let node = controller.cluster.node(named: hello.node) else { return }
    replace(host.agents[node], by: c)
    host.agents[node] = c
    sendDown(c, .welcome(epoch: controller.cluster.epoch))
    host.tellings.append(.greeted(c, node))
  }

  /// A newer connection of the same agent or shim replaces the older one, which may be half open.
  private mutating func replace(_ old: Int?, by c: Int) {
    guard let old, old != c else { return }
    coverage.did(.connectionReplaced)
    serverCloses(old)
  }

  // MARK: Telling, once it is durable

  mutating func tell(onlyAnswers: Bool) {
    let tellings = host.tellings
    if onlyAnswers {
      host.tellings.removeAll { if case .answer = $0 { true } else { false } }
    } else {
      host.tellings = []
    }
    for telling in tellings {
      switch telling {
      case .answer(let r, let reply): answer(r, reply)
      case .greeted, .refused, .intent, .want: if !onlyAnswers { tell(telling) }
      }
    }
  }

  private mutating func tell(_ telling: SimHost.Telling) {
    switch telling {
    case .greeted(let c, let node):
      connections[c].agent = node
      connections[c].isGreeting = false
      let backlog = connections[c].backlog
      connections[c].backlog = []
      if connections[c].serverOpen { for message in backlog { hear(c, message) } }
    case .refused(let c, let reason): refuse(c, reason)
    case .intent(let c, let node, let beat, let known):
      sendDown(
        c,
        .intent(
          epoch: controller.cluster.epoch, controller.nodeIntent(for: node, beat: beat, known: known)))
    case .want(let c, let member, let beat):
      let order = controller.shimOrder(for: member, acknowledges: beat)
      sendDown(c, .want(epoch: controller.cluster.epoch, order))
    case .answer: break
    }
  }

  /// Sends anew what may have changed.
  mutating func deliver(_ dirty: Controller.Dirty) {
    guard !dirty.isEmpty else { return }
    let epoch = controller.cluster.epoch
    var done: Set<NodeID> = []
    for node in dirty.nodes where done.insert(node).inserted {
      guard let c = host.agents[node] else { continue }
      sendDown(c, .intent(epoch: epoch, controller.nodeIntent(for: node)))
    }
    var told: Set<MemberID> = []
    for member in dirty.members where told.insert(member).inserted {
      guard let c = host.links[member] else { continue }
      sendDown(c, .want(epoch: epoch, controller.shimOrder(for: member, acknowledges: nil)))
    }
  }
}
