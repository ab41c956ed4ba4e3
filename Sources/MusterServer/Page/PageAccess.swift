import Hummingbird
import MusterTLS

/// How browsers are let in: a session's cookie stands for the people's token, for this page's requests alone.
struct PageAccess: Sendable {
  let sessions: Sessions
  let rule: OriginRule
  let hasTLS: Bool

  /// Cookies do not know ports: two controllers of one host would end each other's sessions without it.
  static func cookieName(_ request: Request) -> String {
    let port = request.head.authority?.split(separator: ":").last.flatMap { UInt16($0) }
    return "muster-session" + (port.map { "-\($0)" } ?? "")
  }

  /// The session that the request shows, if it is one that is open.
  func session(_ request: Request) -> String? {
    let name = Self.cookieName(request)
    guard let id = request.cookies[name]?.value, sessions.isOpen(id, now: WallClock.seconds) else { return nil }
    return id
  }

  func cookie(_ request: Request, id: String) -> String {
    let seconds = id.isEmpty ? 0 : Sessions.lifetime
    return "\(Self.cookieName(request))=\(id); Path=/; HttpOnly; SameSite=Strict; Max-Age=\(seconds)"
      + (hasTLS ? "; Secure" : "")
  }

  /// Throws where the request is not this page's own.
  func check(_ request: Request) throws(APIError) {
    let host = request.head.authority ?? ""
    switch rule.objection(host: host, origin: request.headers[.origin]) {
    case nil: return
    case .unknownHost(let host):
      throw APIError(
        status: .misdirectedRequest, code: "unknownHost", message: "this controller is not known as \"\(host)\"",
        remedy: "open it by an address that it listens on, or start it with `--allow-host \(OriginRule.name(host))`")
    case .otherOrigin(let origin):
      throw APIError(
        status: .forbidden, code: "otherOrigin", message: "the request comes from another page, \(origin)",
        remedy: "only the controller's own page may send what a session's cookie opens")
    }
  }
}
