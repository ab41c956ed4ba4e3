import Foundation
import Hummingbird
import MusterProtocol
import MusterTLS

/// The page and its login. What it shows it asks of the API, as everybody does.
struct PageRoutes: Sendable {
  let assets: PageAssets
  let access: PageAccess
  let peopleToken: [UInt8]

  static let loginLimit = 4 << 10

  /// Whoever has no token yet may see these: they hold nothing of the fleet.
  static func isOpen(_ path: String) -> Bool {
    path == "/" || path == "/login" || path == "/logout" || path.hasPrefix("/page/")
  }

  func home(_ request: Request) throws -> Response {
    try access.check(request)
    return try file(access.session(request) == nil ? "login.html" : "index.html", request)
  }

  func file(_ name: String, _ request: Request) throws -> Response {
    try answer(assets.asset(name), name, request)
  }

  func library(_ name: String, _ request: Request) throws -> Response {
    try answer(PageLibrary.asset(name), name, request)
  }

  private func answer(_ asset: PageAssets.Asset?, _ name: String, _ request: Request) throws -> Response {
    try access.check(request)
    guard let asset else {
      throw APIError.notFound("the page has no file \"\(name)\"", "the page itself is at /")
    }
    var headers = Self.protection
    headers[.contentType] = asset.type
    // Asked for each time, and answered briefly when it is still the same: a new version is seen at once.
    headers[.eTag] = asset.tag
    headers[.cacheControl] = "no-cache"
    // What `/` is depends on the cookie.
    if request.uri.path == "/" { headers[.cacheControl] = "no-store" }
    if request.headers[.ifNoneMatch] == asset.tag, request.uri.path != "/" {
      return Response(status: .notModified, headers: headers)
    }
    return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: asset.body))
  }

  /// Nothing from elsewhere runs in the page, and no other page holds it in a frame. (A stricter policy of referrers would
  /// have the browser send `Origin: null` with the login.)
  private static let protection: HTTPFields = [
    .contentSecurityPolicy:
      "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
    .xContentTypeOptions: "nosniff", .crossOriginResourcePolicy: "same-origin",
    .init("Cross-Origin-Opener-Policy") ?? .ifMatch: "same-origin",
    .init("Referrer-Policy") ?? .ifMatch: "same-origin",
  ]

  /// `POST /login`: the token as a form's field or as JSON; never in the address, where logs and histories keep it.
  func login(_ request: Request) async throws -> Response {
    try access.check(request)
    let isForm = request.headers[.contentType]?.hasPrefix("application/x-www-form-urlencoded") == true
    let token = try await Self.token(request, isForm: isForm)
    guard Secret.matches(Array(token.utf8), peopleToken) else {
      if isForm { return Self.seeOther("/?refused") }
      throw APIError(
        status: .unauthorized, code: "unauthorized", message: "that is not this controller's token",
        remedy: "`cat DIR/token` on the controller's machine prints it; DIR is its data folder")
    }
    let id = try access.sessions.begin(now: WallClock.seconds)
    var response = isForm ? Self.seeOther("/") : Response(json: ["expiresSeconds": .int(Sessions.lifetime)])
    response.headers[.setCookie] = access.cookie(request, id: id)
    return response
  }

  func logout(_ request: Request) throws -> Response {
    try access.check(request)
    if let id = access.session(request) { try access.sessions.end(id, now: WallClock.seconds) }
    var response = Self.seeOther("/")
    response.headers[.setCookie] = access.cookie(request, id: "")
    return response
  }

  private static func seeOther(_ path: String) -> Response {
    Response(status: .seeOther, headers: [.location: path, .cacheControl: "no-store"])
  }

  private static func token(_ request: Request, isForm: Bool) async throws -> String {
    // Whatever is that long is no token.
    guard let buffer = try? await request.body.collect(upTo: loginLimit) else {
      throw APIError(
        status: .contentTooLarge, code: "tooLarge", message: "the body is larger than \(loginLimit >> 10) KiB",
        remedy: "send the token alone")
    }
    let text = String(buffer: buffer)
    // What cannot be read as JSON has no field "token" either, and is answered as such.
    let json = isForm ? nil : try? JSON.parse(Array(text.utf8))
    let token = isForm ? formField("token", text) : json?["token"]?.stringValue
    guard let token else {
      throw APIError.invalid("token", "", "the people's token, as a form's field or as JSON {\"token\": \"...\"}")
    }
    return token.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  private static func formField(_ name: String, _ form: String) -> String? {
    for pair in form.split(separator: "&") where pair.hasPrefix(name + "=") {
      return pair.dropFirst(name.count + 1).replacingOccurrences(of: "+", with: " ").removingPercentEncoding
    }
    return nil
  }
}
