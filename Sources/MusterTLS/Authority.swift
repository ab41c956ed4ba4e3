import Crypto
import Foundation
import SwiftASN1
package import X509

/// The certificate authority of one controller: its key signs the controller's own certificate and those of nodes, and
/// nobody else trusts it. Keys are P-256; certificates X.509 v3. Times are seconds since 1970 UTC, lengths seconds.
package struct Authority: Sendable {
  private let key: Certificate.PrivateKey
  private let certificate: Certificate
  package let certificatePEM: String
  /// SHA-256 of the authority's public key (its SubjectPublicKeyInfo), in hexadecimal: what a join token pins.
  package let fingerprint: String

  /// The controller proves itself by this name, whatever address it was dialled at: it may move. Only its certificate
  /// carries it.
  package static let controllerName = "controller.muster.internal"
  /// The authority itself; a controller's journal does not outlive it. 20 years.
  static let ownLifetime: Int64 = 20 * 365 * 86_400
  /// The controller's certificate is made anew at half of this.
  package static let controllerLifetime: Int64 = 7 * 86_400
  /// Certificates are valid from a day before they were made: clocks of hosts differ.
  static let backdated: Int64 = 86_400

  /// A new one.
  package init(now: Int64) throws {
    let key = P256.Signing.PrivateKey()
    let name = try DistinguishedName { CommonName("Muster authority \(try Self.serial())") }
    let publicKey = Certificate.PublicKey(key.publicKey)
    let certificate = try Certificate(
      version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: publicKey,
      notValidBefore: Self.date(now - Self.backdated),
      notValidAfter: Self.date(now + Self.ownLifetime), issuer: name, subject: name,
      signatureAlgorithm: .ecdsaWithSHA256,
      extensions: Certificate.Extensions {
        Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
        Critical(KeyUsage(keyCertSign: true, cRLSign: true))
        SubjectKeyIdentifier(hash: publicKey)
      }, issuerPrivateKey: Certificate.PrivateKey(key))
    try self.init(key: Certificate.PrivateKey(key), certificate: certificate)
  }

  package init(keyPEM: String, certificatePEM: String) throws {
    try self.init(
      key: Certificate.PrivateKey(pemEncoded: keyPEM), certificate: Certificate(pemEncoded: certificatePEM))
  }

  private init(key: Certificate.PrivateKey, certificate: Certificate) throws {
    guard key.publicKey == certificate.publicKey else { throw TLSProblem.keyDoesNotFit }
    self.key = key
    self.certificate = certificate
    certificatePEM = try certificate.serializeAsPEM().pemString + "\n"
    fingerprint = certificate.keyFingerprint
  }

  package func keyPEM() throws -> String { try key.serializeAsPEM().pemString + "\n" }

  /// The controller's own certificate, with a new key.
  /// - Parameter names: host names and addresses that browsers and curl may know it by.
  package func issueController(names: [String], now: Int64) throws -> Credentials {
    let own = P256.Signing.PrivateKey()
    var alternatives: [GeneralName] = [.dnsName(Self.controllerName)]
    for name in names {
      if let address = Self.addressBytes(name) {
        alternatives.append(.ipAddress(ASN1OctetString(contentBytes: address[...])))
      } else {
        alternatives.append(.dnsName(name))
      }
    }
    let certificate = try issue(
      Certificate.PublicKey(own.publicKey), subject: "Muster controller", alternatives: alternatives,
      usage: .serverAuth, lifetime: Self.controllerLifetime, now: now)
    return Credentials(
      certificatePEM: try certificate.serializeAsPEM().pemString + "\n", keyPEM: own.pemRepresentation + "\n")
  }

  /// A node's certificate for its own key.
  package func issueNode(
    name: String, publicKey: Certificate.PublicKey, lifetime: Int64, now: Int64
  ) throws -> String {
    try issue(
      publicKey, subject: "Muster node", alternatives: [.uniformResourceIdentifier(PeerIdentity.uri(node: name))],
      usage: .clientAuth, lifetime: lifetime, now: now
    ).serializeAsPEM().pemString + "\n"
  }

  private func issue(
    _ publicKey: Certificate.PublicKey, subject: String, alternatives: [GeneralName],
    usage: ExtendedKeyUsage.Usage, lifetime: Int64, now: Int64
  ) throws -> Certificate {
    try Certificate(
      version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: publicKey,
      notValidBefore: Self.date(now - Self.backdated), notValidAfter: Self.date(now + lifetime),
      issuer: certificate.subject,
      subject: DistinguishedName { CommonName(subject) }, signatureAlgorithm: .ecdsaWithSHA256,
      extensions: Certificate.Extensions {
        Critical(BasicConstraints.notCertificateAuthority)
        Critical(KeyUsage(digitalSignature: true))
        try ExtendedKeyUsage([usage])
        SubjectAlternativeNames(alternatives)
      }, issuerPrivateKey: key)
  }

  private static func date(_ seconds: Int64) -> Date { Date(timeIntervalSince1970: Double(seconds)) }

  private static func serial() throws -> String {
    Array(Certificate.SerialNumber().bytes.prefix(4)).map { String($0, radix: 16) }.joined()
  }

  /// 4 or 16 bytes if the text is an address.
  static func addressBytes(_ text: String) -> [UInt8]? {
    var v4 = in_addr()
    if inet_pton(AF_INET, text, &v4) == 1 { return withUnsafeBytes(of: &v4) { Array($0) } }
    var v6 = in6_addr()
    if inet_pton(AF_INET6, text, &v6) == 1 { return withUnsafeBytes(of: &v6) { Array($0) } }
    return nil
  }
}

/// A certificate with its key.
package struct Credentials: Sendable {
  package var certificatePEM: String
  package var keyPEM: String

  package init(certificatePEM: String, keyPEM: String) {
    self.certificatePEM = certificatePEM
    self.keyPEM = keyPEM
  }
}

package enum TLSProblem: Error, CustomStringConvertible, Sendable {
  case keyDoesNotFit
  case noCertificate
  /// What a node presents is no certificate of a node.
  case notANode
  case wrongAuthority(seen: String, wanted: String)
  case badRequest
  case handshake(String)
  case notAToken
  case noIdentity(folder: String)

  /// Without the layer's name.
  package var reason: String { if case .handshake(let reason) = self { reason } else { description } }

  package var description: String {
    switch self {
    case .keyDoesNotFit: "the certificate does not fit its key"
    case .noCertificate: "the other side showed no certificate"
    case .notANode: "the certificate is not that of a node"
    case .wrongAuthority(let seen, let wanted):
      "the controller's authority has fingerprint \(seen), not \(wanted): this is not the controller that was meant"
    case .badRequest: "the certificate request is not signed by its own key"
    case .handshake(let reason): "TLS: \(reason)"
    case .notAToken: "this is no join token: `muster token create` prints one, it begins with \"\(JoinToken.prefix).\""
    case .noIdentity(let folder): "\(folder) holds no certificate: join with a token"
    }
  }
}

extension Certificate {
  /// SHA-256 of the SubjectPublicKeyInfo, in hexadecimal: stays over renewals.
  package var keyFingerprint: String { publicKey.fingerprint }
}

extension Certificate.PublicKey {
  package var fingerprint: String {
    do {
      var serializer = DER.Serializer()
      try serializer.serialize(self)
      return SHA256.hash(data: serializer.serializedBytes).hexadecimal
    } catch {
      // A key that was read or made is always written again; no fingerprint matches none.
      return ""
    }
  }
}

extension Sequence<UInt8> {
  package var hexadecimal: String {
    map { $0 < 16 ? "0\(String($0, radix: 16))" : String($0, radix: 16) }.joined()
  }
}
