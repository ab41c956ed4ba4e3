import Foundation
import Hummingbird
import MusterProtocol
import Testing

@testable import MusterServer

@Suite struct OriginRuleTests {
  static let rule = OriginRule(hosts: ["localhost", "127.0.0.1", "::1", "Head"])

  @Test(
    "the page's own requests pass",
    arguments: [
      ("127.0.0.1:7070", nil), ("localhost", nil), ("head:7070", "https://head:7070"),
      ("[::1]:7070", "http://[::1]:7070"),
      ("HEAD:1", "http://head:1"),
    ] as [(String, String?)])
  func own(host: String, origin: String?) {
    #expect(Self.rule.objection(host: host, origin: origin) == nil)
  }

  @Test(
    "a name that leads here, and is not ours, is refused",
    arguments: ["evil.example:7070", "", "127.0.0.1.evil.example", "[::2]:1", "localhost.evil.example:80"])
  func rebinding(host: String) {
    #expect(Self.rule.objection(host: host, origin: nil) == .unknownHost(host))
  }

  @Test(
    "another page's requests are refused, also one on another port of this host",
    arguments: ["http://evil.example", "null", "http://127.0.0.1:8080", "http://127.0.0.1", "", "ftp://127.0.0.1:7070"])
  func elsewhere(origin: String) {
    #expect(Self.rule.objection(host: "127.0.0.1:7070", origin: origin) == .otherOrigin(origin))
  }
}

@Suite struct SessionsTests {
  @Test("a session ends after its time, or when it is ended, and outlives a restart")
  func life() throws {
    let file = NSTemporaryDirectory() + "muster-sessions-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: file) }  // a temporary file left behind is no failure
    let sessions = Sessions(file: file, now: 1000)
    let (first, second) = (try sessions.begin(now: 1000), try sessions.begin(now: 1000))
    #expect(first.count == 64 && first != second)
    #expect(sessions.isOpen(first, now: 1000 + Sessions.lifetime - 1))
    #expect(!sessions.isOpen(first, now: 1000 + Sessions.lifetime) && !sessions.isOpen("", now: 1000))
    try sessions.end(second, now: 1001)
    #expect(!sessions.isOpen(second, now: 1001))
    let again = Sessions(file: file, now: 1002)
    #expect(again.isOpen(first, now: 1002) && !again.isOpen(second, now: 1002))
    // What is kept opens nothing by itself, and nobody else reads it.
    let kept = try String(contentsOfFile: file, encoding: .utf8)
    #expect(!kept.contains(first))
    #expect(try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int == 0o600)
  }

  @Test("a file that is none of ours is no session")
  func foreign() throws {
    let file = NSTemporaryDirectory() + "muster-sessions-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: file) }  // a temporary file left behind is no failure
    for text in ["", "[1]", "{\"a\":\"b\"}", "{\"a\":99999999999}"] {
      try text.write(toFile: file, atomically: true, encoding: .utf8)
      #expect(!Sessions(file: file, now: 1000).isOpen("a", now: 1000))
    }
  }

  @Test("the oldest of too many ends")
  func limit() throws {
    let file = NSTemporaryDirectory() + "muster-sessions-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: file) }  // a temporary file left behind is no failure
    let full = (0..<Sessions.limit).map { JSON.Member(name: "\($0)", value: .int(2000 + Int64($0))) }
    try JSON.object(full).text.write(toFile: file, atomically: true, encoding: .utf8)
    let sessions = Sessions(file: file, now: 1000)
    _ = try sessions.begin(now: 1000)
    let kept = try JSON.parse(Array(try Data(contentsOf: URL(fileURLWithPath: file))))
    #expect(kept.objectValue?.count == Sessions.limit && kept["0"] == nil && kept["1"] != nil)
  }
}

@Suite struct PageRouteTests {
  /// As a browser asks: no bearer token. An empty one keeps the test's `ask` from adding its own.
  private static func browser(_ fields: HTTPFields = [:]) -> HTTPFields {
    var fields = fields
    fields[.authorization] = fields[.authorization] ?? ""
    return fields
  }

  @Test("without a session there is the login; with one the page, and the API for the page alone")
  func session() async throws {
    try await withServer(authority: "127.0.0.1:7070") { ask async throws in
      let login = try await ask(.get, "/", "", Self.browser())
      #expect(login.status == 200 && login.text.contains(#"action="/login" method="post""#))
      #expect(try await ask(.post, "/login", #"{"token":"wrong"}"#, Self.browser()).status == 401)
      let form: HTTPFields = [.contentType: "application/x-www-form-urlencoded"]
      let wrong = try await ask(.post, "/login", "token=wrong", Self.browser(form))
      #expect(wrong.status == 303 && wrong.headers[.location] == "/?refused" && wrong.headers[.setCookie] == nil)
      let token = try #require(ProcessToken.value)
      let right = try await ask(.post, "/login", "x=1&token=\(token)+", Self.browser(form))
      #expect(right.status == 303 && right.headers[.location] == "/")
      let cookie = try #require(right.headers[.setCookie])
      #expect(cookie.hasPrefix("muster-session-7070=") && !cookie.contains(token))
      #expect(cookie.hasSuffix("; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200"))
      let shown: HTTPFields = [.cookie: String(cookie.prefix { $0 != ";" })]
      #expect(try await ask(.get, "/", "", Self.browser(shown)).text.contains("/page/app.js"))
    }
  }

  @Test(
    "a cookie opens the API, not for other pages, not under other names; a bearer token is not asked where it is from")
  func cookie() async throws {
    try await withServer(authority: "127.0.0.1:7070") { ask async throws in
      let token = try #require(ProcessToken.value)
      let login = try await ask(.post, "/login", #"{"token":"\#(token)"}"#, Self.browser())
      #expect(try login.status == 200 && login.json["expiresSeconds"] == 43_200)
      let id = try #require(login.headers[.setCookie]).prefix { $0 != ";" }
      // `ask` takes away an empty authorization: what a browser sends.
      var fields: HTTPFields = [.cookie: String(id), .authorization: ""]
      #expect(try await ask(.get, "/v1/cluster", "", fields).status == 200)
      fields[.origin] = "http://127.0.0.1:7070"
      #expect(try await ask(.post, "/v1/jobs", #"{"command":["true"]}"#, fields).status == 201)
      fields[.origin] = "http://evil.example"
      for (method, path) in [(HTTPRequest.Method.post, "/v1/jobs"), (.get, "/v1/events"), (.post, "/logout")] {
        let refused = try await ask(method, path, "{}", fields)
        #expect(refused.status == 403 && refused.text.contains("otherOrigin"))
      }
      fields[.authorization] = "Bearer TOKEN"
      #expect(try await ask(.get, "/v1/cluster", "", fields).status == 200)
      fields = [.cookie: String(id), .authorization: ""]
      let out = try await ask(.post, "/logout", "", fields)
      #expect(out.status == 303 && out.headers[.setCookie]?.contains("Max-Age=0") == true)
      #expect(try await ask(.get, "/v1/cluster", "", fields).status == 401)
    }
  }

  @Test("with TLS the cookie is sent over TLS alone; without a port in the address it has none in its name")
  func secure() throws {
    let access = PageAccess(
      sessions: Sessions(file: "/dev/null", now: 0), rule: OriginRule(hosts: []), hasTLS: true)
    func request(_ authority: String) -> Request {
      let head = HTTPRequest(method: .post, scheme: "https", authority: authority, path: "/login")
      return Request(head: head, body: RequestBody(buffer: ByteBuffer()))
    }
    #expect(
      access.cookie(request("head:7070"), id: "ab").hasSuffix("; HttpOnly; SameSite=Strict; Max-Age=43200; Secure"))
    #expect(access.cookie(request("head"), id: "ab").hasPrefix("muster-session=ab; Path=/;"))
    #expect(access.cookie(request("[::1]:7071"), id: "ab").hasPrefix("muster-session-7071=ab;"))
    #expect(access.cookie(request("[::1]"), id: "ab").hasPrefix("muster-session=ab;"))
  }

  @Test("under a name that is not known nothing of the page is told, and the remedy names the option")
  func unknownName() async throws {
    try await withServer(authority: "evil.example:7070") { ask async throws in
      for path in ["/", "/page/app.js"] {
        let refused = try await ask(.get, path, "", Self.browser())
        #expect(refused.status == 421 && refused.text.contains("--allow-host evil.example"))
      }
      #expect(try await ask(.get, "/v1/cluster", "", [:]).status == 200, "a bearer token opens under any name")
    }
  }

  @Test("every file has its type, a tag, and what keeps others out; what is not there is not found")
  func files() async throws {
    try await withServer(authority: "localhost:1") { ask async throws in
      for (name, type) in [("app.js", "text/javascript"), ("style.css", "text/css"), ("icon.svg", "image/svg+xml")] {
        let file = try await ask(.get, "/page/\(name)", "", Self.browser())
        #expect(file.status == 200 && file.headers[.contentType]?.hasPrefix(type) == true && !file.text.isEmpty)
        let policy = file.headers[.contentSecurityPolicy] ?? ""
        #expect(policy.hasPrefix("default-src 'self';") && policy.contains("frame-ancestors 'none'"))
        #expect(file.headers[.xContentTypeOptions] == "nosniff")
        let tag = try #require(file.headers[.eTag])
        let same = try await ask(.get, "/page/\(name)", "", Self.browser([.ifNoneMatch: tag]))
        #expect(same.status == 304 && same.text.isEmpty)
      }
      for path in ["/page/no.js", "/page/..", "/page/lib/no.js", "/page/lib/passwd"] {
        #expect(try await ask(.get, path, "", Self.browser()).status == 404, "\(path)")
      }
    }
  }

  @Test(
    "no file outside of the page's folder has a name", arguments: ["", ".", "..", ".x", "a/b", "a\\b", "a%2fb", "ä"])
  func names(name: String) {
    #expect(!PageAssets.isName(name))
  }

  @Test("what the page names is embedded: scripts, styles, imports")
  func wholeness() throws {
    let assets = PageAssets(folder: nil)
    var (missing, seen): ([String], Set<String>) = ([], [])
    var left = ["index.html", "login.html"]
    while let name = left.popLast() {
      guard seen.insert(name).inserted else { continue }
      guard let asset = assets.asset(name) else {
        missing.append(name)
        continue
      }
      let text = String(buffer: asset.body)
      for match in text.matches(of: /(?:"\/page\/|from "\.\/|import\("\.\/)([a-z]+\.[a-z]+)"/) {
        left.append(String(match.1))
      }
      // The policy would refuse them, in a browser and not here.
      #expect(!text.contains("style=\"") && !text.contains("onclick"), "\(name)")
    }
    #expect(missing.isEmpty && seen.count > 15)
  }
}
