import Logging
import MusterCore
import MusterProtocol
import MusterTLS

/// One connection to the link: says who it is, then speaks; the writer hears it, and answers through the peer.
struct LinkSession: Sendable {
  private enum Identity: Sendable {
    case agent(NodeID, devices: Int32)
    case shim(MemberID)
  }
  let writer: Writer
  let telemetry: Telemetry
  let peer: Peer
  /// Whose certificate the other side showed; nil on a controller without TLS.
  let certified: CertifiedNode?
  let logger: Logger
  private var identity: Identity?
  private var hasRenewed = false

  init(writer: Writer, telemetry: Telemetry, peer: Peer, certified: CertifiedNode?, logger: Logger) {
    self.telemetry = telemetry
    self.certified = certified
    self.writer = writer
    self.peer = peer
    self.logger = logger
  }

  /// - Returns: false to end the connection.
  mutating func heard(_ line: [UInt8]) async -> Bool {
    let message: NodeMessage?
    do {
      let json = try JSON.parse(line)
      // Before its other fields: those of another version may be others.
      if identity == nil, let version = json["v"]?.intValue, version != linkVersion {
        return refuse(Self.versionProblem(version))
      }
      message = try NodeMessage.decode(json)
    } catch {
      return refuse("\(error)")
    }
    guard let message else {
      return identity != nil || refuse("the first message is hello, of link version \(linkVersion)")
    }
    if let certified, certified.hasExpired() {
      // Not refused: it dials at once with the newer certificate that it was sent, or is told in the handshake.
      peer.close()
      return false
    }
    switch (message, identity) {
    case (.agentHello(let hello), nil): return await greet(hello)
    case (.shimHello(let hello), nil): return await greet(hello)
    case (.report(let beat, let members), .agent(let node, _)): return report(node, beat, members)
    case (.beat(let beat), .shim(let member)): return heard(beat, member)
    case (.logData(let log), .agent):
      peer.answer(log)
      return true
    case (.telemetry(let packed), .agent(let node, let devices)):
      telemetry.heard(node, devices: devices, packed)
      return true
    case (.agentHello, _), (.shimHello, _), (.report, _), (.beat, _), (.logData, _), (.telemetry, _):
      return refuse("a message that does not belong here: the first one is hello, said once")
    }
  }

  private func refuse(_ reason: String, isFinal: Bool = false) -> Bool {
    let who = certified.map { " (node \($0.peer.node))" } ?? ""
    logger.warning("link refused: \(reason)\(who)")
    peer.refuse(reason, isFinal: isFinal)
    return false
  }

  private mutating func greet(_ hello: AgentHello) async -> Bool {
    guard (0...64).contains(hello.devices), !hello.node.isEmpty, hello.node.utf8.count <= 253 else {
      return refuse("a node has a name of 1 to 253 bytes and 0 to 64 devices")
    }
    if let certified, certified.peer.node != hello.node {
      return refuse("the certificate is that of node \"\(certified.peer.node)\", not of \"\(hello.node)\"")
    }
    let joined = NodeJoined(
      node: NodeID(0), name: hello.node, machine: certified?.peer.machine ?? hello.machine, boot: hello.boot,
      devices: hello.devices,
      deviceType: hello.deviceType, cpus: hello.cpus, memoryBytes: hello.memoryBytes, address: hello.address)
    let peer = self.peer
    do {
      let answer: (NodeID?, Refusal?) = try await writer.perform(.faults) { state, _ in
        if let refusal = state.controller.refusal(ofEpoch: hello.epoch) { return (nil, refusal) }
        if case .refused(let refusal) = state.handle(
          .agentHello(joined, labels: hello.labels, pid: hello.pid), from: .faults)
        {
          return (nil, refusal)
        }
        guard let node = state.controller.cluster.node(named: joined.name) else { return (nil, nil) }
        state.links.connect(agent: node, peer)
        peer.send(.welcome(epoch: state.controller.cluster.epoch))
        return (node, nil)
      }
      guard let node = answer.0 else {
        guard let refusal = answer.1 else { return refuse("no such node") }
        return refuse("\(refusal.message); \(refusal.remedy)", isFinal: refusal.isFinal)
      }
      identity = .agent(node, devices: hello.devices)
      return true
    } catch {
      return refuse("the controller is not ready: \(error)")
    }
  }

  private mutating func greet(_ hello: ShimHello) async -> Bool {
    let (member, epoch, peer, certified) = (hello.member, hello.epoch, self.peer, self.certified?.peer)
    do {
      let refusal: Refusal? = try await writer.perform(.faults) { state, _ in
        if let refusal = state.controller.refusal(ofEpoch: epoch) { return refusal }
        if let certified,
          let refusal = state.controller.refusal(
            ofShim: member, node: certified.node, machine: certified.machine)
        {
          return refusal
        }
        state.links.connect(shim: member, peer)
        peer.send(.welcome(epoch: state.controller.cluster.epoch))
        return nil
      }
      if let refusal { return refuse("\(refusal.message); \(refusal.remedy)") }
      identity = .shim(member)
      return true
    } catch {
      return refuse("the controller is not ready: \(error)")
    }
  }

  static func versionProblem(_ version: Int64) -> String {
    "link version \(version) is not spoken here; this controller speaks \(linkVersion): upgrade the older side"
  }

  private mutating func report(_ node: NodeID, _ beat: Int64, _ members: [AgentMemberState]) -> Bool {
    let told = members.map { AgentMember(member: $0.member, alive: $0.alive, startFailed: $0.startFailed) }
    let peer = self.peer
    if !hasRenewed, let certified, certified.wantsRenewal() {
      hasRenewed = true
      do {
        peer.send(.certificate(pem: try certified.renewed()))
      } catch {
        logger.error("the certificate of \(certified.peer.node) could not be renewed: \(error)")
      }
    }
    return writer.put(.faults) { state in
      guard state.links.isCurrent(agent: node, peer) else { return nil }
      _ = state.handle(.agentReport(node: node, told), from: .faults)
      return { state, durability in
        guard case .durable = durability else { return }
        let intent = state.controller.nodeIntent(for: node, beat: beat, known: Set(told.map(\.member)))
        peer.send(.intent(epoch: state.controller.cluster.epoch, intent))
      }
    }
  }

  private func heard(_ beat: ShimBeat, _ member: MemberID) -> Bool {
    let peer = self.peer
    return writer.put(.faults) { state in
      guard state.links.isCurrent(shim: member, peer) else { return nil }
      _ = state.handle(.shimReport(member, beat.report), from: .faults)
      return { state, durability in
        guard case .durable = durability else { return }
        let order = state.controller.shimOrder(for: member, acknowledges: beat.number)
        peer.send(.want(epoch: state.controller.cluster.epoch, order))
      }
    }
  }

  /// The connection has ended.
  func ended() {
    peer.close()
    let peer = self.peer
    switch identity {
    case .agent(let node, _):
      _ = writer.put(.faults) { state in
        guard state.links.disconnect(agent: node, peer) else { return nil }
        _ = state.handle(.agentGone(node: node), from: .faults)
        return nil
      }
    case .shim(let member):
      _ = writer.put(.faults) { state in
        guard state.links.disconnect(shim: member, peer) else { return nil }
        _ = state.handle(.shimGone(member), from: .faults)
        return nil
      }
    case nil: break
    }
  }
}
