import MusterMetrics
import Testing

@testable import MusterAgent

@Suite struct ScrapeRequestTests {
  private static func outcome(_ text: String, token: String = "0123456789abcdef") -> ScrapeRequest.Outcome {
    var request = ScrapeRequest(token: Array(token.utf8))
    return request.heard(Array(text.utf8))
  }

  private static func get(_ line: String = "GET /metrics HTTP/1.1", _ headers: String...) -> String {
    ([line, "Host: x"] + headers + ["", ""]).joined(separator: "\r\n")
  }

  private static let bearer = "Authorization: Bearer 0123456789abcdef"

  @Test("a scrape with the token is answered in the format that it wants")
  func scrape() {
    #expect(Self.outcome(Self.get("GET /metrics HTTP/1.1", Self.bearer)) == .metrics(.text))
    #expect(
      Self.outcome(Self.get("GET /metrics?x=1 HTTP/1.0", "authorization:bearer  0123456789abcdef ")) == .metrics(.text))
    let accept = "accept: application/openmetrics-text; version=1.0.0"
    #expect(Self.outcome(Self.get("GET /metrics HTTP/1.1", accept, Self.bearer)) == .metrics(.openMetrics))
    #expect(Self.outcome("GET /metrics HTTP/1.1\n\(Self.bearer)\n\n") == .metrics(.text))
  }

  @Test(
    "without the token nothing is told, not even what there is",
    arguments: [
      get(), get("GET /metrics HTTP/1.1", "Authorization: Bearer 0123456789abcdeX"),
      get("GET /metrics HTTP/1.1", "Authorization: Basic 0123456789abcdef"),
      get("GET /metrics HTTP/1.1", "Authorization: Bearer"), get("GET /nothing HTTP/1.1"),
      get("POST /metrics HTTP/1.1"),
      get("GET /metrics HTTP/1.1", "Authorization: Bearer 0123456789abcde"),
    ])
  func unauthorized(text: String) {
    #expect(Self.outcome(text) == .refused(.unauthorized))
  }

  @Test("an empty token opens nothing")
  func emptyToken() {
    #expect(
      Self.outcome(Self.get("GET /metrics HTTP/1.1", "Authorization: Bearer "), token: "") == .refused(.unauthorized))
  }

  @Test("other paths, methods and what is no HTTP are refused by name")
  func refused() {
    #expect(Self.outcome(Self.get("GET /metric HTTP/1.1", Self.bearer)) == .refused(.notFound))
    #expect(Self.outcome(Self.get("DELETE /metrics HTTP/1.1", Self.bearer)) == .refused(.wrongMethod))
    for text in [
      "\r\n\r\n", "GET /metrics\r\n\r\n", "GET /metrics HTTP/2\r\n\r\n", "GET x HTTP/1.1\r\n\r\n",
      "GET /metrics HTTP/1.1\r\nno colon\r\n\r\n",
    ] {
      #expect(Self.outcome(text) == .refused(.malformed), "\(text)")
    }
  }

  @Test("a head comes in any pieces, and is never longer than the limit")
  func pieces() {
    var request = ScrapeRequest(token: Array("0123456789abcdef".utf8))
    let whole = Array(Self.get("GET /metrics HTTP/1.1", Self.bearer).utf8)
    for byte in whole.dropLast() { #expect(request.heard([byte]) == .unfinished) }
    #expect(request.heard([whole[whole.count - 1]]) == .metrics(.text))
    let long = Array("GET /metrics HTTP/1.1\r\nX: ".utf8) + [UInt8](repeating: 120, count: ScrapeRequest.headLimit)
    #expect(Self.outcome(String(decoding: long, as: UTF8.self)) == .refused(.tooLarge))
    var slow = ScrapeRequest(token: [1])
    for _ in 0..<(ScrapeRequest.headLimit - 1) { #expect(slow.heard([120]) == .unfinished) }
    #expect(slow.heard([120]) == .refused(.tooLarge))
  }

  @Test("every refusal has its status, and says what would be right", arguments: ScrapeRequest.Refusal.allCases)
  func refusals(refusal: ScrapeRequest.Refusal) {
    let text = String(decoding: refusal.response, as: UTF8.self)
    #expect(
      text.hasPrefix("HTTP/1.1 4") && text.contains("Connection: close\r\n") && text.hasSuffix("\(refusal.message)\n"))
    #expect(text.contains("WWW-Authenticate: Bearer\r\n") == (refusal == .unauthorized))
    #expect(text.contains("Content-Length: \(refusal.message.utf8.count + 1)\r\n"))
  }
}
