import Testing

@testable import MusterClient

@Suite struct HTTPBodyTests {
  /// Decodes in pieces of a size; answers the body and how much was left over.
  private func decode(_ body: HTTPBody, _ text: String, pieces: Int) throws -> (String, left: Int, isDone: Bool) {
    var body = body
    var output: [UInt8] = []
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty, !body.isDone {
      let piece = bytes.prefix(pieces)
      let used = try body.decode(piece, into: &output)
      bytes = bytes.dropFirst(used)
    }
    return (String(decoding: output, as: UTF8.self), bytes.count, body.isDone)
  }

  @Test("a chunked body is the same in whatever pieces it comes", arguments: [1, 2, 3, 7, 100])
  func chunked(pieces: Int) throws {
    let text = "5;x=y\r\nhello\r\nA\r\n, world...\r\n0\r\nTrailer: 1\r\n\r\nnext"
    let (body, left, isDone) = try decode(.chunked, text, pieces: pieces)
    #expect(body == "hello, world...")
    #expect(left == 4 && isDone)
  }

  @Test("a body of known length ends there", arguments: [1, 3, 100])
  func length(pieces: Int) throws {
    let (body, left, isDone) = try decode(.length(5), "hello!!", pieces: pieces)
    #expect(body == "hello" && left == 2 && isDone)
    #expect(HTTPBody.length(0).isDone)
  }

  @Test("a body without a length ends with the connection")
  func untilClose() throws {
    let (body, left, isDone) = try decode(.untilClose, "abc", pieces: 2)
    #expect(body == "abc" && left == 0 && !isDone)
    #expect(HTTPBody.untilClose.endsWithConnection)
  }

  @Test("what is no chunk is refused", arguments: ["x\r\n", "-1\r\n", "5\r\nhelloX", "\r\n", "FFFFFFFFFF\r\n"])
  func noChunk(text: String) {
    #expect(throws: HTTPBody.Malformed.self) { try decode(.chunked, text, pieces: 100) }
  }
}

@Suite struct HTTPHeadTests {
  private func parse(_ text: String) throws -> HTTPResponseHead {
    try HTTPResponseHead.parse(Array(text.utf8)[...])
  }

  @Test("a head has its status and headers, names without case")
  func head() throws {
    let head = try parse("HTTP/1.1 201 Created\r\nContent-LENGTH:  3\r\nX-A: b: c\r\n")
    #expect(head.status == 201 && head["content-length"] == "3" && head["x-a"] == "b: c")
  }

  @Test("what is no head is refused", arguments: ["", "SSH-2.0-OpenSSH", "HTTP/1.1 abc", "HTTP/2 200\r\nx", "a b c"])
  func noHead(text: String) {
    #expect(throws: HTTPBody.Malformed.self) { try parse(text) }
  }

  @Test("a text is escaped for a path")
  func escape() {
    #expect(HTTPRequest.escaped("node-1.a_b~") == "node-1.a_b~")
    #expect(HTTPRequest.escaped("a b/ü?") == "a%20b%2F%C3%BC%3F")
  }

  @Test("a header's value cannot start another header")
  func headerValue() {
    #expect(HTTPHeader("Idempotency-Key", "a\r\nX: y").value == "aX: y")
  }
}

@Suite struct EventParserTests {
  private let text = """
    : hello\r
    id: 5\r
    event: jobSubmitted\r
    data: {"a":1}\r
    \r
    id:6
    event: x
    data: one
    data: two
    other: field

    data: no id

    id: 7

    event: unfinished
    data: x
    """

  @Test("events are the same in whatever pieces they come", arguments: [1, 2, 5, 1000])
  func pieces(size: Int) {
    var parser = EventParser()
    var events: [ServerEvent] = []
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      events += parser.take(Array(bytes.prefix(size)))
      bytes = bytes.dropFirst(size)
    }
    #expect(
      events == [
        ServerEvent(id: 5, kind: "jobSubmitted", data: #"{"a":1}"#), ServerEvent(id: 6, kind: "x", data: "one\ntwo"),
        ServerEvent(id: nil, kind: "message", data: "no id"), ServerEvent(id: 7, kind: "message", data: ""),
      ])
  }

  @Test("a last line without its end is given at the end, once")
  func lastLine() {
    var lines = LineSplitter()
    #expect(lines.take(Array("a\nb".utf8)) == ["a"])
    #expect(lines.finish() == "b")
    #expect(lines.finish() == nil)
  }
}
