import SwiftASN1
import X509

extension Authority {
  /// A certificate as PEM, and its key's fingerprint.
  package static func describe(_ der: [UInt8]) throws -> (pem: String, fingerprint: String) {
    let certificate = try Certificate(derEncoded: der)
    return (try certificate.serializeAsPEM().pemString + "\n", certificate.keyFingerprint)
  }
}
