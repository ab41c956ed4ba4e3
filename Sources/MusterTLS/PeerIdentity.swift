import Foundation
import SwiftASN1
package import X509

/// Whom a node's certificate speaks for.
package struct PeerIdentity: Sendable, Hashable {
  package var node: String
  /// The machine's identity: its key's fingerprint. It stays over renewals and reboots.
  package var machine: String
  /// Seconds since 1970 UTC.
  package var notAfter: Int64
  package var publicKey: Certificate.PublicKey

  private static let scheme = "muster://node/"
  static func uri(node: String) -> String { scheme + node }

  package init(_ certificate: Certificate) throws {
    let names = try certificate.extensions.subjectAlternativeNames ?? SubjectAlternativeNames()
    let node = names.lazy.compactMap { name -> String? in
      guard case .uniformResourceIdentifier(let uri) = name, uri.hasPrefix(Self.scheme) else { return nil }
      return String(uri.dropFirst(Self.scheme.count))
    }.first
    guard let node, Self.isName(node) else { throw TLSProblem.notANode }
    self.node = node
    machine = certificate.keyFingerprint
    notAfter = Int64(certificate.notValidAfter.timeIntervalSince1970)
    publicKey = certificate.publicKey
  }

  package init(der: [UInt8]) throws { try self.init(Certificate(derEncoded: der)) }
  package init(pem: String) throws { try self.init(Certificate(pemEncoded: pem)) }

  /// What a node may be called: 1 to 253 letters, digits, `.`, `_`, `-`.
  package static func isName(_ text: String) -> Bool {
    (1...253).contains(text.utf8.count) && text != "." && text != ".."
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
          true
        default: false
        }
      }
  }
}

/// A request to be certified: signed by the key that it names, so that nobody can ask for another's key.
package enum CertificateRequest {
  package static func make(keyPEM: String) throws -> [UInt8] {
    let key = try Certificate.PrivateKey(pemEncoded: keyPEM)
    let request = try CertificateSigningRequest(
      version: .v1, subject: DistinguishedName { CommonName("Muster node") }, privateKey: key,
      attributes: CertificateSigningRequest.Attributes(), signatureAlgorithm: .ecdsaWithSHA256)
    var serializer = DER.Serializer()
    try serializer.serialize(request)
    return serializer.serializedBytes
  }

  package static func publicKey(_ der: [UInt8]) throws -> Certificate.PublicKey {
    let request = try CertificateSigningRequest(derEncoded: der)
    guard request.publicKey.isValidSignature(request.signature, for: request) else { throw TLSProblem.badRequest }
    return request.publicKey
  }
}
