import Glibc
import MusterTLS

/// What a node shows to the controller.
public enum LinkCredentials: Sendable, Hashable {
  /// On loopback, without TLS: a node's token.
  case token(String)
  /// A folder with a key and a certificate (`NodeIdentity`), read at each dial: certificates are renewed.
  case identity(folder: String)

  /// A new stream for a connection; nil without TLS.
  func stream() throws -> TLSStream? {
    guard case .identity(let folder) = self else { return nil }
    let identity = NodeIdentity(folder: folder)
    guard let key = try PEMFile.read(identity.keyFile), let certificate = try PEMFile.read(identity.certificateFile),
      let authority = try PEMFile.read(identity.authorityFile)
    else { throw TLSProblem.noIdentity(folder: folder) }
    return try TLSStream(
      trust: .authority(pem: authority), identity: Credentials(certificatePEM: certificate, keyPEM: key))
  }

  var header: String {
    switch self {
    case .token(let token): "Authorization: Bearer \(token)\r\n"
    case .identity: ""
    }
  }

  /// Changes whenever a certificate has been renewed on disk; nil without TLS.
  var version: CertificateVersion? {
    guard case .identity(let folder) = self else { return nil }
    guard let status = FileStatus(NodeIdentity(folder: folder).certificateFile) else { return nil }
    return CertificateVersion(
      inode: status.inode, seconds: status.modifiedSeconds, nanoseconds: status.modifiedNanoseconds)
  }
}

/// A renewed certificate is a new file under the old name.
struct CertificateVersion: Hashable, Sendable {
  var inode: UInt64
  var seconds: Int64
  var nanoseconds: Int64
}
