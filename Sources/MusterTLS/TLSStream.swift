import NIOCore
import NIOEmbedded
import NIOSSL
import NIOTLS

/// The client's side of TLS 1.3 as a value machine for loops that own their sockets: ciphertext in, plaintext out, and
/// the other way; no thread, no socket, no clock. (NIOSSL's handler, driven by hand in an embedded channel.)
///
/// Not for use by several threads.
package final class TLSStream {
  private let channel: EmbeddedChannel
  private let watch = Watch()

  /// Whom to believe.
  package enum Trust: Sendable, Hashable {
    /// Certificates of this authority, for the name that only the controller has.
    case authority(pem: String)
    /// Nobody is believed: for fetching the authority's certificate, which is then compared with a fingerprint.
    case nobodyYet
  }

  /// - Parameter identity: shown when the controller asks; people show none.
  package init(trust: Trust, identity: Credentials? = nil) throws {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv13
    switch trust {
    case .authority(let pem):
      configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(pem.utf8)))
      configuration.certificateVerification = .fullVerification
    case .nobodyYet:
      // Not the system's either: reading them takes milliseconds.
      configuration.trustRoots = .certificates([])
      configuration.certificateVerification = .noHostnameVerification
    }
    if let identity {
      configuration.certificateChain = try NIOSSLCertificate.fromPEMBytes(Array(identity.certificatePEM.utf8))
        .map { .certificate($0) }
      configuration.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: Array(identity.keyPEM.utf8), format: .pem))
    }
    let handler: NIOSSLClientHandler
    let context = try NIOSSLContext(configuration: configuration)
    let watch = self.watch
    switch trust {
    case .authority: handler = try NIOSSLClientHandler(context: context, serverHostname: Authority.controllerName)
    case .nobodyYet:
      // The chain is only looked at: whoever uses this trusts nothing that was said over it.
      handler = try NIOSSLClientHandler(
        context: context, serverHostname: Authority.controllerName,
        customVerificationCallback: { chain, promise in
          watch.seen(chain)
          promise.succeed(.certificateVerified)
        })
    }
    channel = EmbeddedChannel(handlers: [handler, watch])
    // An address is asked for and never used.
    try channel.connect(to: SocketAddress(unixDomainSocketPath: "/")).wait()
  }

  /// The other side's goodbye is not waited for: the socket is gone. (Closing breaks the channel's cycle of references;
  /// the handler gives up its goodbye after its time limit, which is moved on by hand.)
  deinit {
    channel.close(promise: nil)
    channel.embeddedEventLoop.advanceTime(by: .seconds(60))
  }

  package var isOpen: Bool { watch.isOpen }
  /// The other side has ended TLS in order.
  package var hasEnded: Bool { watch.hasEnded }
  /// DER; only with `nobodyYet`.
  package var peerChain: [[UInt8]] { watch.chain }

  /// What came from the socket. - Returns: what it says.
  package func receive(_ ciphertext: ArraySlice<UInt8>) throws(TLSProblem) -> [UInt8] {
    do {
      try channel.writeInbound(ByteBuffer(bytes: ciphertext))
      // What the handler has put off, such as going on after a certificate was looked at.
      channel.embeddedEventLoop.run()
      try channel.throwIfErrorCaught()
      var out: [UInt8] = []
      while let buffer = try channel.readInbound(as: ByteBuffer.self) {
        out.append(contentsOf: buffer.readableBytesView)
      }
      return out
    } catch {
      throw .handshake(Self.reason("\(error)"))
    }
  }

  /// Plaintext to be sent; before the handshake is done it waits.
  package func send(_ plaintext: [UInt8]) { channel.writeAndFlush(ByteBuffer(bytes: plaintext), promise: nil) }

  /// What the socket is to carry now.
  package func takeOutgoing() throws(TLSProblem) -> [UInt8] {
    do {
      var out: [UInt8] = []
      while let buffer = try channel.readOutbound(as: ByteBuffer.self) {
        out.append(contentsOf: buffer.readableBytesView)
      }
      return out
    } catch {
      throw .handshake(Self.reason("\(error)"))
    }
  }

  /// What people can act on, from what the library says.
  private static func reason(_ text: String) -> String {
    let known: [(String, String)] = [
      ("CERTIFICATE_EXPIRED", "this node's certificate has expired: join again with a token"),
      ("UNKNOWN_CA", "this certificate is not from the controller's authority: join with a token of this controller"),
      ("CERTIFICATE_REQUIRED", "the controller wants a certificate: join with a token"),
      ("BAD_CERTIFICATE", "the controller refused this certificate: join again with a token"),
      ("CERTIFICATE_UNKNOWN", "the controller refused this certificate: join again with a token"),
      ("CERTIFICATE_VERIFY_FAILED", "what answers is not the controller of this authority (ca.pem)"),
      ("WRONG_VERSION_NUMBER", "what answers does not speak TLS: does the controller run with --tls?"),
      ("HTTP_REQUEST", "what answers does not speak TLS: does the controller run with --tls?"),
    ]
    return known.first { text.contains($0.0) }?.1 ?? text
  }

  /// Notes when the handshake is done. The chain is seen on the one thread that drives the channel.
  private final class Watch: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    private(set) var isOpen = false
    private(set) var hasEnded = false
    private(set) var chain: [[UInt8]] = []

    func seen(_ certificates: [NIOSSLCertificate]) {
      // One that cannot be written again is left out; the fingerprint of what is left then does not match.
      chain = certificates.compactMap { try? $0.toDERBytes() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
      if case .handshakeCompleted? = event as? TLSUserEvent { isOpen = true }
      if case .shutdownCompleted? = event as? TLSUserEvent { hasEnded = true }
      context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
      hasEnded = true
      context.fireChannelInactive()
    }
  }
}
