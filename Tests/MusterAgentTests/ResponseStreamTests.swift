import Testing

@testable import MusterAgent

@Suite struct ResponseStreamTests {
  static let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

  static func items(_ text: String, pieces: Int) -> [ResponseStream.Item] {
    var stream = ResponseStream(lineLimit: 64)
    let bytes = Array(text.utf8)
    var out: [ResponseStream.Item] = []
    for start in stride(from: 0, to: bytes.count, by: pieces) {
      out += stream.take(Array(bytes[start..<min(bytes.count, start + pieces)]))
    }
    return out
  }

  @Test("lines come out whole however the bytes come in", arguments: [1, 2, 3, 7, 1000])
  func lines(pieces: Int) {
    let text = Self.head + "6\r\n{\"a\":1\r\n3\r\n}\n{\r\n2\r\n}\n\r\n0\r\n\r\n"
    #expect(
      Self.items(text, pieces: pieces) == [.opened, .line(Array("{\"a\":1}".utf8)), .line(Array("{}".utf8)), .ended])
  }

  @Test("a refusal is told with its reason")
  func refused() {
    let text = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 3\r\n\r\nno\n"
    #expect(Self.items(text, pieces: 5) == [.refused("the controller does not know this token (401)")])
  }

  @Test("a line that never ends is refused")
  func longLine() {
    let items = Self.items(Self.head + "100\r\n" + String(repeating: "x", count: 0x100), pieces: 50)
    #expect(items == [.opened, .refused("a line is longer than 64 bytes")])
  }

  @Test("what is no HTTP is refused")
  func noHTTP() {
    let items = Self.items(String(repeating: "x", count: 20_000), pieces: 1000)
    #expect(items == [.refused("the answer is no HTTP response")])
  }

  @Test(
    "addresses are read in both forms",
    arguments: [("http://127.0.0.1:7070\n", "127.0.0.1", 7070), ("[::1]:80", "::1", 80), ("host:1/", "host", 1)])
  func addresses(text: String, host: String, port: UInt16) throws {
    let parsed = try #require(LinkAddresses.parse(text))
    #expect(parsed.host == host && parsed.port == port)
  }

  @Test("what is no address is none", arguments: ["", "host", "host:x", ":80"])
  func noAddress(text: String) { #expect(LinkAddresses.parse(text) == nil) }
}
