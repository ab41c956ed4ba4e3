import Hummingbird
import MusterProtocol

/// Nobody is anonymous: every request shows a bearer token, or the cookie of a session that began with one. The people's
/// token opens all but the link, a node's token (with TLS: its certificate) the link alone, the scraper's token the
/// metrics alone.
struct Authentication<Context: RequestContext>: RouterMiddleware {
  let people: [UInt8]
  let node: [UInt8]
  let scraper: [UInt8]
  let hasTLS: Bool
  let page: PageAccess

  init(people: String, node: String, scraper: String, hasTLS: Bool, page: PageAccess) {
    self.hasTLS = hasTLS
    self.people = Array(people.utf8)
    self.node = Array(node.utf8)
    self.scraper = Array(scraper.utf8)
    self.page = page
  }

  func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    // The page's files hold no secret, and its login takes the token in the body: its routes see to it.
    if PageRoutes.isOpen(request.uri.path) { return try await next(request, context) }
    // What opens these is a certificate, or the join token in the body; their routes see to it.
    if hasTLS, request.uri.path == LinkRoute.path { return try await next(request, context) }
    if hasTLS, request.uri.path == "/v1/join" { return try await next(request, context) }
    let isLink = request.uri.path == LinkRoute.path
    if !isLink, request.headers[.authorization] == nil, page.session(request) != nil {
      try page.check(request)
      return try await next(request, context)
    }
    let accepted = isLink ? [node] : request.uri.path == MetricsRoute.path ? [people, scraper] : [people]
    guard let token = request.headers[.authorization].flatMap(Self.token),
      accepted.contains(where: { Secret.matches(Array(token.utf8), $0) })
    else {
      var error = APIError(
        status: .unauthorized, code: "unauthorized",
        message: "this needs `Authorization: Bearer TOKEN` with \(isLink ? "a node's" : "a person's") token",
        remedy: "the server wrote it to DIR/\(isLink ? "node-token" : "token")")
      error.retryAfterSeconds = nil
      var response = try error.response(from: request, context: context)
      response.headers[.wwwAuthenticate] = "Bearer"
      return response
    }
    return try await next(request, context)
  }

  /// What follows the scheme, whose name may be in any case (RFC 9110, 11.1).
  private static func token(_ header: String) -> Substring? {
    guard header.prefix(7).lowercased() == "bearer " else { return nil }
    return header.dropFirst(7).drop { $0 == " " }
  }
}
