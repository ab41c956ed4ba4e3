import Hummingbird
import MusterCore
import MusterProtocol
import MusterTLS

/// How machines are let in and put out: `POST /v1/tokens`, `/v1/join`, `/v1/nodes/NAME/revoke`.
struct JoinRoutes: Sendable {
  let api: API
  /// Nil: this controller has no TLS, and no node joins it from elsewhere.
  let tls: ControllerTLS?

  /// A token lets machines in for a minute at least and 30 days at most.
  static let lifetimes: ClosedRange<Double> = 60...(30 * 86_400)
  static let bodyLimit = 64 << 10

  private func authority() throws(APIError) -> ControllerTLS {
    guard let tls else {
      throw APIError(
        status: .conflict, code: "noTLS", message: "this controller runs without TLS: nodes of other hosts cannot join",
        remedy: "start it with `muster server --tls`")
    }
    return tls
  }

  func createToken(_ request: Request) async throws -> Response {
    let tls = try authority()
    let json = try await api.json(request)
    let seconds = json["expiresSeconds"].flatMap { $0.doubleValue ?? $0.intValue.map(Double.init) } ?? 3600
    guard Self.lifetimes.contains(seconds) else {
      throw APIError.invalid("expiresSeconds", "\(seconds)", "from 60 (a minute) to 2592000 (30 days)")
    }
    let secret = JoinToken.makeSecret()
    let (id, expires) = try await api.perform(.orders) { (state, now) throws(APIError) in
      let lifetime = MusterCore.Span.milliseconds(Int64(seconds * 1000))
      switch state.handle(
        .createToken(secretHash: JoinToken.hash(secret: secret), lifetime: lifetime), from: .orders)
      {
      case .token(let id): return (id, now + lifetime)
      case .refused(let refusal): throw APIError(refusal)
      case .done, .jobs: throw APIError(.stopping)
      }
    }
    let token = JoinToken(id: id, secret: secret, fingerprint: tls.authority.fingerprint)
    return Response(
      json: [
        "token": .string(token.text), "id": .int(id), "expiresAt": .time(expires),
        "fingerprint": .string(tls.authority.fingerprint),
      ], status: .created)
  }

  /// The only route without a bearer token: the join token in the body is what opens it.
  func join(_ request: Request) async throws -> Response {
    let tls = try authority()
    let json = try await body(request)
    let token: JoinToken
    do throws(TLSProblem) {
      token = try JoinToken(json["token"]?.stringValue ?? "")
    } catch {
      throw APIError(
        status: .forbidden, code: "tokenUnknown", message: "\(error)", remedy: "make one with `muster token create`")
    }
    guard let name = json["node"]?.stringValue, PeerIdentity.isName(name) else {
      throw APIError.invalid(
        "node", json["node"]?.stringValue ?? "", "1 to 253 letters, digits, \".\", \"_\" or \"-\"")
    }
    guard let bytes = Base64.decode(json["request"]?.stringValue ?? ""),
      let key = try? CertificateRequest.publicKey(bytes)  // whatever is wrong with it, it is no request
    else {
      throw APIError.invalid("request", "", "a PKCS #10 certificate request, DER in base64, signed by its own key")
    }
    let machine = key.fingerprint
    try await api.perform(.orders) { (state, _) throws(APIError) in
      let admit = Command.admit(
        token: token.id, secretHash: JoinToken.hash(secret: token.secret), name: name, machine: machine)
      if case .refused(let refusal) = state.handle(admit, from: .orders) { throw APIError(refusal) }
    }
    let certificate = try tls.authority.issueNode(
      name: name, publicKey: key, lifetime: tls.nodeLifetime, now: WallClock.seconds)
    return Response(
      json: [
        "node": .string(name), "certificate": .string(certificate), "authority": .string(tls.authority.certificatePEM),
      ])
  }

  private func body(_ request: Request) async throws -> JSON {
    do {
      let buffer = try await request.body.collect(upTo: Self.bodyLimit)
      return try JSON.parse(Array(buffer.readableBytesView))
    } catch {
      throw APIError(
        status: .badRequest, code: "notJSON", message: "the body is no JSON of at most 64 KiB",
        remedy: "`muster agent --join` sends what is wanted")
    }
  }

  func revoke(_ name: String) async throws -> Response {
    try await api.command(.revoke(node: name))
    // The facts are durable and its shims have been told to stop: now nothing of it is heard any more.
    try await api.perform(.orders) { (state, _) throws(APIError) in
      guard let node = state.controller.cluster.node(named: name) else { return }
      for slot in state.controller.cluster.memberSlots(onNode: node) {
        state.links.shim(state.controller.cluster.memberID(slot))?.refuse("node \"\(name)\" was revoked")
      }
      state.links.agent(node)?.refuse("node \"\(name)\" was revoked", isFinal: true)
    }
    return try await api.node(name)
  }
}
