import MusterCore
import MusterProtocol

/// One connection of an agent or a shim, as each of its ends knows it: they may know different things.
struct Connection: Sendable {
  enum Owner: Sendable {
    case agent(Int, life: Int)
    case shim(Int)
    /// Another machine under a known name; nobody listens to what it is told.
    case stranger
  }
  let owner: Owner
  let node: Int
  var clientOpen = true
  var serverOpen = false
  /// The server's life that accepted it; -1 before.
  var serverLife = -1
  var agent: NodeID?
  var member: MemberID?
  /// Said hello, and its answer is not durable yet: what follows waits.
  var isGreeting = false
  var backlog: [NodeMessage] = []
  /// Its own kernel has given it up: it ends in a moment.
  var isDoomed = false
  var lastUp: Int64 = 0
  var lastDown: Int64 = 0

  init(_ owner: Owner, node: Int) {
    self.owner = owner
    self.node = node
  }
}

/// The client's end, as `LinkConnection` keeps it. Times in milliseconds of the node's boot-time clock.
struct SimLink: Sendable {
  enum Task { case nothing, dial, giveUp }
  var connection: Int?
  var isOpen = false
  var dialedAt: Int64 = 0
  var redialAt: Int64? = 0
  var backoff: Int64 = 50

  func task(now: Int64) -> Task {
    if let at = redialAt { return now >= at ? .dial : .nothing }
    return !isOpen && now >= dialedAt + 3_000 ? .giveUp : .nothing
  }
  var deadline: Int64? { redialAt ?? (isOpen ? nil : dialedAt + 3_000) }

  mutating func dialed(_ c: Int, now: Int64) {
    connection = c
    isOpen = false
    dialedAt = now
    redialAt = nil
  }

  mutating func heard() {
    isOpen = true
    backoff = 50
  }

  mutating func dropped(now: Int64, chance: inout Chance) {
    connection = nil
    isOpen = false
    redialAt = now + backoff / 2 + Int64(chance.below(Int(backoff)))
    backoff = min(backoff * 2, 2_000)
  }
}

/// A network that delays, loses, doubles and reorders, and can be cut in one direction or in both.
extension World {
  /// What TCP sends again itself once a short cut is over.
  private static let patience: Int64 = 2_000_000_000

  mutating func sendUp(_ c: Int, _ message: NodeMessage) {
    guard connections[c].clientOpen else { return }
    let i = connections[c].node
    // Acknowledgements of the kernel come back over the other direction: either cut ends a connection that is noticed.
    let isCut = max(nodes[i].upCutUntil, nodes[i].downCutUntil) - now > World.patience
    if isCut, nodes[i].cutIsNoticed, !connections[c].isDoomed {
      connections[c].isDoomed = true
      timeline.put(.clientCloses(c), at: now + World.patience)
    }
    guard let at = arrival(c, cutUntil: nodes[i].upCutUntil, last: connections[c].lastUp) else { return }
    if !at.isLate { connections[c].lastUp = at.time }
    timeline.put(.atServer(c, message), at: at.time)
    if network.hits(shape.duplicatePermille), isStorm, inject(.messageDuplicated, "to the server") {
      timeline.put(.atServer(c, message), at: at.time + network.between(1, 500) * 1_000_000)
    }
  }

  mutating func sendDown(_ c: Int, _ message: ControllerMessage) {
    guard connections[c].serverOpen else { return }
    guard let at = arrival(c, cutUntil: nodes[connections[c].node].downCutUntil, last: connections[c].lastDown) else {
      return
    }
    if !at.isLate { connections[c].lastDown = at.time }
    let message = checkedCodec(message)
    timeline.put(.atClient(c, message), at: at.time)
    if network.hits(shape.duplicatePermille), isStorm, inject(.messageDuplicated, "to the node") {
      timeline.put(.atClient(c, message), at: at.time + network.between(1, 500) * 1_000_000)
    }
  }

  /// When a message comes, or nil if it is lost. A late one may be overtaken by those after it.
  private mutating func arrival(_ c: Int, cutUntil: Int64, last: Int64) -> (time: Int64, isLate: Bool)? {
    var at = now + network.between(50_000, shape.slowestMessage)
    if now < cutUntil {
      guard cutUntil - now <= World.patience else {
        _ = inject(.messageLost, "in a cut")
        return nil
      }
      at += cutUntil - now
    }
    guard isStorm else { return (max(at, last + 1), false) }
    if now < nodes[connections[c].node].slowUntil, inject(.messageDelayed, "a slow path") {
      at += network.between(50, 1_200) * 1_000_000
    }
    if network.hits(shape.lossPermille), inject(.messageLost, "by chance") { return nil }
    if network.hits(shape.reorderPermille), inject(.messageReordered, "may be overtaken") {
      return (at + network.between(1, 600) * 1_000_000, true)
    }
    return (max(at, last + 1), false)
  }

  /// The server's machine answers that there is no such connection.
  mutating func reset(_ c: Int) {
    guard now >= nodes[connections[c].node].downCutUntil else { return }
    timeline.put(.clientCloses(c), at: now + network.between(50_000, shape.slowestMessage))
  }

  /// The server ends it; whether the client learns of it depends on the path.
  mutating func serverCloses(_ c: Int) {
    guard connections[c].serverOpen else { return }
    connections[c].serverOpen = false
    serverProcessEnds(c)
  }

  mutating func serverProcessEnds(_ c: Int) {
    connections[c].serverOpen = false
    guard now >= nodes[connections[c].node].downCutUntil else {
      return coverage.did(.connectionHalfOpen)
    }
    let at = max(now + network.between(50_000, shape.slowestMessage), connections[c].lastDown + 1)
    timeline.put(.clientCloses(c), at: at)
  }

  /// The client's process closes it, or is gone: the server may learn of it.
  mutating func clientEnds(_ c: Int) {
    guard connections[c].clientOpen else { return }
    connections[c].clientOpen = false
    guard connections[c].serverOpen else { return }
    guard nodes[connections[c].node].isOn, now >= nodes[connections[c].node].upCutUntil else {
      return coverage.did(.connectionHalfOpen)
    }
    let at = max(now + network.between(50_000, shape.slowestMessage), connections[c].lastUp + 1)
    timeline.put(.serverSeesEnd(c), at: at)
  }

  /// The client's kernel says that it has ended.
  mutating func clientCloses(_ c: Int) {
    guard connections[c].clientOpen else { return }
    clientEnds(c)
    switch connections[c].owner {
    case .agent(let i, let life): if nodes[i].agentUp, nodes[i].agentLife == life { agentHears(i, c, .closed) }
    case .shim(let s): if shims[s].isAlive { shimHears(s, c, .closed) }
    case .stranger: break
    }
  }

  mutating func atClient(_ c: Int, _ message: ControllerMessage) {
    guard connections[c].clientOpen else { return }
    switch connections[c].owner {
    case .agent(let i, let life):
      if nodes[i].agentUp, nodes[i].agentLife == life { agentHears(i, c, .message(message)) }
    case .shim(let s): if shims[s].isAlive { shimHears(s, c, .message(message)) }
    case .stranger: break
    }
  }

  // MARK: Codecs

  /// A share of all messages goes through its encoding, as all do in earnest.
  private mutating func checkedCodec(_ message: ControllerMessage) -> ControllerMessage {
    guard network.hits(20) else { return message }
    coverage.did(.messageCoded)
    do {
      let json = try JSON.parse(message.json.text)
      if let read = try ControllerMessage.decode(json), read == message { return read }
      violated(Failure(invariant: .codecsAgree, detail: message.json.text))
    } catch {
      violated(Failure(invariant: .codecsAgree, detail: "\(error)"))
    }
    return message
  }

  mutating func checkedCodec(_ message: NodeMessage) -> NodeMessage {
    guard network.hits(20) else { return message }
    coverage.did(.messageCoded)
    do {
      let json = try JSON.parse(message.json.text)
      if let read = try NodeMessage.decode(json), read == message { return read }
      violated(Failure(invariant: .codecsAgree, detail: message.json.text))
    } catch {
      violated(Failure(invariant: .codecsAgree, detail: "\(error)"))
    }
    return message
  }
}
