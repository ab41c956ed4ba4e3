import Glibc
import NIOCore
package import NIOSSL
import Synchronization

package enum WallClock {
  /// Since 1970 UTC.
  package static var seconds: Int64 { Int64(time(nil)) }
}

/// What the controller shows and asks for: its own certificate (made anew while it runs), and a node's where there is
/// one. People show a bearer token instead.
package final class ControllerTLS: Sendable {
  package let authority: Authority
  package let nodeLifetime: Int64
  private let names: [String]
  private let current: Mutex<Current>

  private struct Current {
    var override: NIOSSLContextConfigurationOverride
    var renewAt: Int64
  }

  package init(authority: Authority, names: [String], nodeLifetime: Int64, now: Int64 = WallClock.seconds) throws {
    self.authority = authority
    self.names = names
    self.nodeLifetime = nodeLifetime
    current = Mutex(try Self.make(authority, names, now))
  }

  private static func make(_ authority: Authority, _ names: [String], _ now: Int64) throws -> Current {
    let credentials = try authority.issueController(names: names, now: now)
    var override = NIOSSLContextConfigurationOverride()
    let chain = credentials.certificatePEM + authority.certificatePEM
    override.certificateChain = try NIOSSLCertificate.fromPEMBytes(Array(chain.utf8)).map { .certificate($0) }
    override.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: Array(credentials.keyPEM.utf8), format: .pem))
    return Current(override: override, renewAt: now + Authority.controllerLifetime / 2)
  }

  /// TLS 1.3; a client's certificate is verified if it shows one.
  package func configuration() throws -> TLSConfiguration {
    let first = current.withLock { $0.override }
    guard let chain = first.certificateChain, let key = first.privateKey else { throw TLSProblem.noCertificate }
    var configuration = TLSConfiguration.makeServerConfiguration(certificateChain: chain, privateKey: key)
    configuration.minimumTLSVersion = .tlsv13
    configuration.certificateVerification = .optionalVerification
    configuration.trustRoots = .certificates(
      try NIOSSLCertificate.fromPEMBytes(Array(authority.certificatePEM.utf8)))
    configuration.sslContextCallback = { _, promise in promise.completeWith(Result { try self.present() }) }
    return configuration
  }

  private func present() throws -> NIOSSLContextConfigurationOverride {
    let now = WallClock.seconds
    return try current.withLock { current in
      if now >= current.renewAt { current = try Self.make(authority, names, now) }
      return current.override
    }
  }
}
