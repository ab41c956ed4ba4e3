import MusterTLS

/// How a program comes to trust a controller that it does not know yet: by the fingerprint of its authority.
public enum ControllerTrust {
  /// The authority's certificate that whoever answers there shows. Compare its fingerprint with one that came by another
  /// way before trusting it: nothing else proves who it is.
  public static func shown(
    at endpoint: Endpoint, until deadline: Deadline
  ) throws(ClientError) -> (authorityPEM: String, fingerprint: String) {
    let chain = try Socket.chain(at: endpoint, until: deadline)
    do {
      guard let last = chain.last else { throw TLSProblem.noCertificate }
      let (pem, fingerprint) = try Authority.describe(last)
      return (pem, fingerprint)
    } catch {
      throw .untrusted(address: endpoint.address, reason: "\(error)")
    }
  }
}
