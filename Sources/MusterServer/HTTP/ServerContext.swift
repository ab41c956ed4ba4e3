import Hummingbird
import MusterTLS
import NIOCore
import NIOSSL

/// What a route may know of the connection that a request came over.
struct ServerContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  let channel: any Channel

  init(source: ApplicationRequestContextSource) {
    coreContext = CoreRequestContextStorage(source: source)
    channel = source.channel
  }

  /// The node whose certificate the other side showed; TLS has verified it. Nil where it showed none.
  func peer() async throws -> PeerIdentity? {
    guard let certificate = try await channel.nioSSL_peerCertificate().get() else { return nil }
    return try PeerIdentity(der: try certificate.toDERBytes())
  }
}
