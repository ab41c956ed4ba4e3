import Foundation
import MusterTLS
import NIOCore
import NIOEmbedded
import NIOSSL
import Testing

/// A controller's and a node's side of TLS, with no socket between them.
private struct Handshake {
  let client: TLSStream
  let server: EmbeddedChannel
  private let handler: NIOSSLServerHandler

  init(
    _ authority: Authority, trust: String? = nil, identity: Credentials? = nil, controller: Credentials? = nil
  ) throws {
    let tls = try ControllerTLS(authority: authority, names: ["127.0.0.1"], nodeLifetime: 60)
    var configuration = try tls.configuration()
    if let controller {
      configuration.sslContextCallback = nil
      configuration.certificateChain = try NIOSSLCertificate.fromPEMBytes(Array(controller.certificatePEM.utf8))
        .map { .certificate($0) }
      configuration.privateKey = .privateKey(
        try NIOSSLPrivateKey(bytes: Array(controller.keyPEM.utf8), format: .pem))
    }
    handler = NIOSSLServerHandler(context: try NIOSSLContext(configuration: configuration))
    server = EmbeddedChannel(handler: handler)
    try server.connect(to: SocketAddress(unixDomainSocketPath: "/")).wait()
    client = try TLSStream(trust: .authority(pem: trust ?? authority.certificatePEM), identity: identity)
  }

  /// Carries what both say until neither says more. - Returns: what each side was told.
  func carry() throws -> (client: String, server: String) {
    var (told, heard) = ("", "")
    for _ in 0..<10 {
      let out = try client.takeOutgoing()
      if !out.isEmpty { try server.writeInbound(ByteBuffer(bytes: out)) }
      server.embeddedEventLoop.run()
      while let buffer = try server.readInbound(as: ByteBuffer.self) { heard += String(buffer: buffer) }
      var back: [UInt8] = []
      while let buffer = try server.readOutbound(as: ByteBuffer.self) { back += buffer.readableBytesView }
      if !back.isEmpty { told += String(decoding: try client.receive(back[...]), as: UTF8.self) }
      if out.isEmpty && back.isEmpty { break }
    }
    return (told, heard)
  }

  var peer: PeerIdentity? { get throws { try handler.peerCertificate.map { try PeerIdentity(der: $0.toDERBytes()) } } }
}

@Suite struct HandshakeTests {
  static let now = Int64(Date().timeIntervalSince1970)
  static let authority = Result { try Authority(now: now) }
  let authority: Authority
  init() throws { authority = try Self.authority.get() }

  /// A node's key with a certificate of this authority.
  private func node(_ name: String, lifetime: Int64 = 60, now: Int64 = Self.now, by other: Authority? = nil) throws
    -> Credentials
  {
    let folder = NSTemporaryDirectory() + "muster-identity-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }  // a temporary folder left behind is no failure
    let key = try NodeIdentity(folder: folder).key()
    let publicKey = try CertificateRequest.publicKey(try CertificateRequest.make(keyPEM: key))
    let pem = try (other ?? authority).issueNode(name: name, publicKey: publicKey, lifetime: lifetime, now: now)
    return Credentials(certificatePEM: pem, keyPEM: key)
  }

  @Test("people show no certificate, nodes show theirs; both speak")
  func bothSpeak() throws {
    let person = try Handshake(authority)
    person.client.send(Array("hello".utf8))
    #expect(try person.carry().server == "hello")
    #expect(try person.peer == nil && person.client.isOpen)

    let credentials = try node("node-1.x_Y")
    let machine = try Handshake(authority, identity: credentials)
    machine.client.send(Array("I am".utf8))
    #expect(try machine.carry().server == "I am")
    let peer = try #require(try machine.peer)
    #expect(try peer.node == "node-1.x_Y" && peer.machine == PeerIdentity(pem: credentials.certificatePEM).machine)
    #expect(peer.notAfter == Self.now + 60)
    machine.server.writeAndFlush(ByteBuffer(string: "welcome"), promise: nil)
    #expect(try machine.carry().client == "welcome")
  }

  @Test("another authority's controller is not believed, nor a node that poses as one")
  func wrongController() throws {
    let other = try Authority(now: Self.now)
    let stranger = try Handshake(other, trust: authority.certificatePEM)
    #expect(throws: (any Error).self) { try stranger.carry() }
    #expect(!stranger.client.isOpen)
    let poser = try Handshake(authority, controller: try node("node-1"))
    #expect(throws: (any Error).self) { try poser.carry() }
    #expect(!poser.client.isOpen)
  }

  /// Whatever the client is told before its handshake fails at the server.
  private func refused(_ credentials: Credentials) throws {
    let handshake = try Handshake(authority, identity: credentials)
    handshake.client.send(Array("let me in".utf8))
    var heard = ""
    do { heard = try handshake.carry().server } catch {}  // either side may be the one that throws
    #expect(heard.isEmpty)
  }

  @Test("a node with an expired certificate, or another authority's, is not heard")
  func wrongNode() throws {
    try refused(try node("node-1", lifetime: 60, now: Self.now - 120))
    try refused(try node("node-1", by: try Authority(now: Self.now)))
  }

  @Test("what the controller says of a certificate is told in words that help")
  func clearWords() throws {
    let handshake = try Handshake(authority, identity: try node("node-1", lifetime: 60, now: Self.now - 120))
    var reason = ""
    for _ in 0..<6 {
      do {
        let out = try handshake.client.takeOutgoing()
        do { try handshake.server.writeInbound(ByteBuffer(bytes: out)) } catch {}  // the alert is what we want to see
        handshake.server.embeddedEventLoop.run()
        var back: [UInt8] = []
        while let buffer = try handshake.server.readOutbound(as: ByteBuffer.self) { back += buffer.readableBytesView }
        _ = try handshake.client.receive(back[...])
      } catch let problem as TLSProblem {
        reason = problem.reason
        break
      }
    }
    #expect(reason == "this node's certificate has expired: join again with a token")
  }
}

@Suite struct IdentityTests {
  @Test("an authority read from its files is the same one")
  func authorityFiles() throws {
    let made = try Authority(now: HandshakeTests.now)
    let read = try Authority(keyPEM: made.keyPEM(), certificatePEM: made.certificatePEM)
    #expect(read.fingerprint == made.fingerprint && made.fingerprint.count == 64)
    let other = try Authority(now: HandshakeTests.now)
    #expect(throws: TLSProblem.self) {
      try Authority(keyPEM: other.keyPEM(), certificatePEM: made.certificatePEM)
    }
  }

  @Test("a join token reads back; what is none is refused")
  func joinToken() throws {
    let token = JoinToken(id: 7, secret: JoinToken.makeSecret(), fingerprint: String(repeating: "ab", count: 32))
    #expect(try JoinToken(token.text) == token)
    for wrong in ["", "muster1.7.x.y", token.text + "0", "muster2" + token.text.dropFirst(7), "a.b.c.d"] {
      #expect(throws: TLSProblem.self) { try JoinToken(wrong) }
    }
  }

  @Test("a machine keeps its key, mode 0600; a request is refused when another key signed it")
  func machineKey() throws {
    let folder = NSTemporaryDirectory() + "muster-identity-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }  // a temporary folder left behind is no failure
    let identity = NodeIdentity(folder: folder)
    let key = try identity.key()
    #expect(try identity.key() == key && !identity.isThere)
    let mode = try FileManager.default.attributesOfItem(atPath: identity.keyFile)[.posixPermissions] as? Int
    #expect(mode == 0o600)
    var request = try CertificateRequest.make(keyPEM: key)
    #expect(try CertificateRequest.publicKey(request).fingerprint == identity.machine())
    request[request.count - 5] ^= 1
    #expect(throws: (any Error).self) { try CertificateRequest.publicKey(request) }
  }

  @Test("a key that is there and cannot be read is told with its path, and never replaced")
  func unreadableKey() throws {
    let folder = NSTemporaryDirectory() + "muster-identity-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }  // a temporary folder left behind is no failure
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let identity = NodeIdentity(folder: folder)
    #expect(try PEMFile.read(identity.keyFile) == nil)
    // Readable for nobody, root included.
    for file in [identity.keyFile, identity.certificateFile] {
      try FileManager.default.createSymbolicLink(atPath: file, withDestinationPath: file)
    }
    let told = #expect(throws: PEMFile.Failure.self) { try identity.key() }
    #expect(told.map { "\($0)" } == "\(identity.keyFile): Too many levels of symbolic links")
    #expect(throws: PEMFile.Failure.self) { try identity.certificate() }
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: identity.keyFile) == identity.keyFile)
  }

  @Test("names of nodes", arguments: [("node-1", true), ("a.b_C", true), ("", false), ("a b", false), ("a/b", false)])
  func names(name: String, isOne: Bool) { #expect(PeerIdentity.isName(name) == isOne) }
}
