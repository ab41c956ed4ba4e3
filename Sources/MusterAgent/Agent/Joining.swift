import Glibc
import MusterClient
import MusterProtocol
import MusterTLS

/// A machine's first contact with a controller on another host: it compares the controller's authority with the join
/// token's fingerprint, makes a key, and has it certified.
public struct Joining {
  let addresses: LinkAddresses
  let identity: NodeIdentity
  let name: String

  /// One contact may take so long. Milliseconds.
  static let patience: Int64 = 10_000

  public enum Failure: Error {
    /// Nobody answered: it is worth trying again.
    case unreachable(String)
    case refused(String)
  }

  func run(_ text: String) throws(Failure) {
    let token: JoinToken
    do { token = try JoinToken(text) } catch { throw .refused("\(error)") }
    var reasons: [String] = []
    for (_, host, port) in addresses.candidates() {
      do {
        return try join(Endpoint(host: host, port: port, token: ""), token)
      } catch let error as ClientError where error.passes {
        reasons.append(error.message)
      } catch let error as ClientError {
        throw .refused("\(error.message)\n  \(error.remedy)")
      } catch {
        throw .refused("\(error)")
      }
    }
    throw .unreachable(reasons.isEmpty ? "no controller's address is known" : reasons.joined(separator: "; "))
  }

  private func join(_ endpoint: Endpoint, _ token: JoinToken) throws {
    let shown = try ControllerTrust.shown(at: endpoint, until: .after(milliseconds: Self.patience))
    guard shown.fingerprint == token.fingerprint.lowercased() else {
      throw TLSProblem.wrongAuthority(seen: shown.fingerprint, wanted: token.fingerprint)
    }
    let request = try CertificateRequest.make(keyPEM: try identity.key())
    var secured = endpoint
    secured.security = .tls(authorityPEM: shown.authorityPEM)
    let client = Client(endpoint: secured, patienceSeconds: Int(Self.patience / 1000))
    let answer = try client.post(
      "/v1/join",
      ["token": .string(token.text), "node": .string(name), "request": .string(Base64.encode(request))])
    guard let certificate = answer["certificate"]?.stringValue else { throw TLSProblem.noCertificate }
    try identity.store(certificatePEM: certificate, authorityPEM: shown.authorityPEM)
  }
}
