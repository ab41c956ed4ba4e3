import MusterTLS

/// A node as its certificate names it, for one connection. The controller's clock alone says when a certificate is old:
/// the clock of a node may be wrong.
struct CertifiedNode: Sendable {
  let peer: PeerIdentity
  private let tls: ControllerTLS

  init(_ peer: PeerIdentity, _ tls: ControllerTLS) {
    self.peer = peer
    self.tls = tls
  }

  /// A connection does not outlive its certificate.
  func hasExpired(now: Int64 = WallClock.seconds) -> Bool { now > peer.notAfter }

  /// From half of its life on a new one is sent over the link, for the same key.
  func wantsRenewal(now: Int64 = WallClock.seconds) -> Bool { now > peer.notAfter - tls.nodeLifetime / 2 }

  func renewed(now: Int64 = WallClock.seconds) throws -> String {
    try tls.authority.issueNode(name: peer.node, publicKey: peer.publicKey, lifetime: tls.nodeLifetime, now: now)
  }
}
