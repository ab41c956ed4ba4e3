/// Who may join, and who may not any more. The core never sees a secret: the host hashes it.
struct Admission: Hashable, Sendable {
  /// By ascending number.
  var tokens: [JoinTokenCreated] = []
  var nextToken: Int64 = 1
  /// Identities of machines that are not let in again, sorted.
  var revoked: [String] = []

  func isRevoked(_ machine: String) -> Bool { revoked.contains(machine) }

  mutating func revoke(_ machine: String) {
    guard !isRevoked(machine) else { return }
    revoked.insert(machine, at: revoked.firstIndex { $0 > machine } ?? revoked.count)
  }
}

/// A token that lets machines join until it expires.
public struct JoinTokenCreated: Hashable, Sendable {
  public var id: Int64
  /// SHA-256 of the secret, in hexadecimal.
  public var secretHash: String
  public var expiresAt: Instant

  public init(id: Int64, secretHash: String, expiresAt: Instant) {
    self.id = id
    self.secretHash = secretHash
    self.expiresAt = expiresAt
  }
}

extension Controller {
  mutating func createToken(secretHash: String, lifetime: Span) -> Reply {
    guard cluster.admission.tokens.count(where: { $0.expiresAt > now }) < limits.joinTokens else {
      return .refused(.tooManyTokens(limit: limits.joinTokens))
    }
    let id = cluster.admission.nextToken
    note(.joinTokenCreated(JoinTokenCreated(id: id, secretHash: secretHash, expiresAt: now + lifetime)))
    return .token(id)
  }

  /// Whether a machine that shows this token may have a certificate for that name.
  func admit(token id: Int64, secretHash: String, name: String, machine: String) -> Reply {
    guard let token = cluster.admission.tokens.first(where: { $0.id == id }), token.secretHash == secretHash else {
      return .refused(.tokenUnknown)
    }
    guard token.expiresAt > now else { return .refused(.tokenExpired) }
    if let refusal = refusal(of: machine, as: name) { return .refused(refusal) }
    return .done
  }

  /// Why a machine may not be the node of that name; nil if it may.
  func refusal(of machine: String, as name: String) -> Refusal? {
    if cluster.admission.isRevoked(machine) { return .revoked(node: name) }
    guard let node = cluster.node(named: name) else { return nil }
    let detail = cluster.nodeDetails[Int(node.index)]
    guard detail.joined.machine != machine else { return nil }
    // Whatever the old machine ran may still run: only a person's word, or a revocation after which nothing is left,
    // gives its name away.
    let isGone = detail.fenced || cluster.admission.isRevoked(detail.joined.machine)
    return isGone && cluster.nodes[Int(node.index)].members == 0 ? nil : .otherMachine(node: name)
  }

  /// Whether a shim that connects is of the node on which its member was placed, and not revoked.
  public func refusal(ofShim member: MemberID, node name: String, machine: String) -> Refusal? {
    if cluster.admission.isRevoked(machine) { return .revoked(node: name) }
    // An old member that is no longer known is only told to stop.
    guard let slot = cluster.memberSlot(member) else { return nil }
    return nodeName(cluster.members[slot].node) == name
      ? nil : .otherMachine(node: nodeName(cluster.members[slot].node))
  }

  /// Whether a node that has heard a controller of that epoch may believe this one, and be believed: what it says is of
  /// attempts that a journal which was set back does not know, or has given the numbers of to others.
  public func refusal(ofEpoch seen: Int64) -> Refusal? {
    seen > cluster.epoch ? .olderController(epoch: cluster.epoch, seen: seen) : nil
  }

  public func isRevoked(machine: String) -> Bool { cluster.admission.isRevoked(machine) }

  /// Takes a machine's right to be here, for ever. What runs on it ends: its shims are told to stop, and its devices go
  /// to nobody before the lease is over.
  mutating func revoke(_ name: String) -> Reply {
    guard let node = cluster.node(named: name) else { return .refused(.noSuchNode(name)) }
    let machine = cluster.nodeDetails[Int(node.index)].joined.machine
    guard !cluster.admission.isRevoked(machine) else { return .done }
    note(.nodeRevoked(node: node, machine: machine))
    isolate(node, onEvidence: true, "revoked by a person")
    for slot in cluster.memberSlots(onNode: node) {
      fail(
        cluster.members[slot].attemptSlot, node: node, rank: nil, component: .node, cause: .nodeRevoked,
        confidence: .certain, evidence: ["a person revoked node \(name)"], happenedAt: now, outcome: .nodeFault,
        action: .replaceNode)
    }
    return .done
  }
}
