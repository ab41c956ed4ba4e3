import Foundation
import Glibc
import MusterMetrics
import MusterTestKit
import Testing

@testable import MusterAgent

/// The listener as the agent's loop drives it, on real sockets, at times that the test gives.
@Suite struct MetricsListenerTests {
  static let token = "0123456789abcdef"
  static let families = [MetricFamily(.gauge, "muster_agent_ranks", "Ranks.", 3)]

  /// A client's socket, nonblocking.
  final class Client {
    let descriptor: Int32
    var heard = ""
    /// The other side has ended the connection.
    var isOver = false

    init(port: UInt16) {
      descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      #expect(SocketAddress.all("127.0.0.1", port, flags: AI_NUMERICHOST)[0].connect(descriptor) == 0)
      _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    }
    deinit { close(descriptor) }

    func say(_ text: String) {
      #expect(send(descriptor, text, text.utf8.count, Int32(MSG_NOSIGNAL)) == text.utf8.count)
    }

    func listen() {
      var buffer = [UInt8](repeating: 0, count: 4096)
      while true {
        let n = recv(descriptor, &buffer, buffer.count, 0)
        if n == 0 || (n < 0 && errno != EAGAIN) { isOver = true }
        guard n > 0 else { return }
        heard += String(decoding: buffer.prefix(n), as: UTF8.self)
      }
    }
  }

  static func open() -> MetricsListener {
    var listener = MetricsListener(MetricsOptions(host: "127.0.0.1", port: 0), token: token)
    #expect(listener.tend(now: 0)?.hasPrefix("metrics are at http://127.0.0.1:") == true)
    return listener
  }

  static func port(_ listener: borrowing MetricsListener) throws -> UInt16 {
    let address = listener.address
    return try #require(address.flatMap { UInt16($0.split(separator: ":")[1]) })
  }

  /// One turn of the loop: what has come is handled, then those who ask are answered. - Returns: whether figures were made.
  static func turn(_ listener: inout MetricsListener, now: Int64) -> Bool {
    var entries = listener.entries
    poll(&entries, nfds_t(entries.count), 1_000)
    listener.handle(entries[...], now: now)
    let isWanted = listener.wantsFigures(now: now)
    listener.answer(isWanted ? families : nil, now: now)
    return isWanted
  }

  /// Turns until the client has what the test waits for.
  static func turns(_ listener: inout MetricsListener, now: Int64, until done: () -> Bool) {
    for _ in 0..<100 where !done() { _ = turn(&listener, now: now) }
    #expect(done())
  }

  static let request = "GET /metrics HTTP/1.1\r\nAuthorization: Bearer \(token)\r\n\r\n"

  @Test("a scrape is answered whole, and the connection ends")
  func scrape() throws {
    var listener = Self.open()
    let port = try Self.port(listener)
    let client = Client(port: port)
    client.say(Self.request)
    Self.turns(&listener, now: 1) {
      client.listen()
      return client.isOver
    }
    #expect(client.heard.hasPrefix("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"))
    #expect(
      client.heard.hasSuffix(
        "\r\n\r\n# HELP muster_agent_ranks Ranks.\n# TYPE muster_agent_ranks gauge\nmuster_agent_ranks 3\n"))
  }

  @Test("without the token: 401, and no figures are made for it")
  func unauthorized() throws {
    var listener = Self.open()
    let port = try Self.port(listener)
    let client = Client(port: port)
    client.say("GET /metrics HTTP/1.1\r\n\r\n")
    var madeFigures = false
    for _ in 0..<100 where !client.isOver {
      madeFigures = Self.turn(&listener, now: 1) || madeFigures
      client.listen()
    }
    #expect(client.heard.hasPrefix("HTTP/1.1 401 Unauthorized\r\n") && !madeFigures)
  }

  @Test("figures are made once a second, however many ask")
  func freshness() throws {
    var listener = Self.open()
    let port = try Self.port(listener)
    var made = 0
    for now: Int64 in [10, 20, 1_009, 1_010] {
      let client = Client(port: port)
      client.say(Self.request)
      for _ in 0..<100 where !client.isOver {
        made += Self.turn(&listener, now: now) ? 1 : 0
        client.listen()
      }
      #expect(client.heard.contains("muster_agent_ranks 3\n"))
    }
    #expect(made == 2)
  }

  @Test("who says nothing is cut off in time; until then others are served, up to the limit")
  func slow() throws {
    var listener = Self.open()
    let port = try Self.port(listener)
    let idle = (0..<(MetricsListener.connectionLimit - 1)).map { _ in Client(port: port) }
    let client = Client(port: port)
    client.say(Self.request)
    Self.turns(&listener, now: 5) {
      client.listen()
      return client.isOver
    }
    #expect(client.heard.hasPrefix("HTTP/1.1 200"))
    #expect(listener.deadline == 5 + MetricsListener.patience)
    _ = listener.tend(now: 4 + MetricsListener.patience)
    idle[0].listen()
    #expect(!idle[0].isOver)
    _ = listener.tend(now: 5 + MetricsListener.patience)
    for client in idle {
      client.listen()
      #expect(client.isOver && client.heard.isEmpty)
    }
    #expect(listener.deadline == nil)
  }

  @Test("more than the limit wait outside, and are not polled for")
  func full() throws {
    var listener = Self.open()
    let port = try Self.port(listener)
    let idle = (0..<(MetricsListener.connectionLimit + 2)).map { _ in Client(port: port) }
    _ = Self.turn(&listener, now: 1)
    #expect(listener.entries.count == MetricsListener.connectionLimit)
    _ = listener.tend(now: 1 + MetricsListener.patience)
    _ = Self.turn(&listener, now: 2 + MetricsListener.patience)
    #expect(listener.entries.count == 3 && idle.count == 10)
  }

  @Test("a head without an end is refused, and what follows it is thrown away")
  func tooLarge() throws {
    var listener = Self.open()
    let port = try Self.port(listener)
    let client = Client(port: port)
    client.say(String(repeating: "x", count: 2 * ScrapeRequest.headLimit))
    Self.turns(&listener, now: 1) {
      client.listen()
      return client.heard.hasPrefix("HTTP/1.1 431 ")
    }
  }

  @Test("an address that another has is tried again later; without options nothing is served")
  func taken() throws {
    let first = Self.open()
    let taken = try Self.port(first)
    var second = MetricsListener(MetricsOptions(host: "127.0.0.1", port: taken), token: Self.token)
    #expect(second.tend(now: 0)?.contains("Address already in use") == true)
    #expect(second.deadline == MetricsListener.retry && second.tend(now: MetricsListener.retry - 1) == nil)
    #expect(second.tend(now: MetricsListener.retry) != nil)
    _ = consume first
    var none = MetricsListener(nil, token: "")
    #expect(none.tend(now: 0) == nil && none.deadline == nil && none.entries.isEmpty && none.address == nil)
  }
}

@Suite struct MetricsOptionsTests {
  @Test(
    "an address is numeric and has a port",
    arguments: [
      ("127.0.0.1:0", "127.0.0.1", 0), ("[::1]:7071", "::1", 7071), ("0.0.0.0:65535", "0.0.0.0", 65_535),
    ] as [(String, String, UInt16)])
  func addresses(text: String, host: String, port: UInt16) {
    #expect(MetricsOptions(listen: text) == MetricsOptions(host: host, port: port))
  }

  @Test("what is none", arguments: ["", ":1", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "head:7071", "::1:7071"])
  func noAddresses(text: String) {
    #expect(MetricsOptions(listen: text) == nil)
  }

  @Test("the token is made once, for its owner alone; one from a file is taken as it is, if it is long enough")
  func tokens() throws {
    let folder = try TestFolder()
    let options = MetricsOptions(host: "127.0.0.1", port: 0)
    let token = try options.token(dataFolder: folder.path)
    #expect(token.count == 64 && token.allSatisfy { $0.isHexDigit })
    #expect(try options.token(dataFolder: folder.path) == token)
    var status = stat()
    #expect(stat(folder.path + "/metrics-token", &status) == 0 && status.st_mode & 0o777 == 0o600)
    try folder.write("  abcdefghijklmnop\n", to: "own")
    #expect(
      try MetricsOptions(host: "127.0.0.1", port: 0, tokenFile: folder.path + "/own").token(dataFolder: folder.path)
        == "abcdefghijklmnop")
    try folder.write("short\n", to: "own")
    for file in ["own", "none"] {
      #expect(throws: MetricsOptions.NoToken.self) {
        try MetricsOptions(host: "127.0.0.1", port: 0, tokenFile: folder.path + "/" + file).token(
          dataFolder: folder.path)
      }
    }
  }

  @Test("what was cut from logs is summed; a log that cannot be cut counts nothing")
  func cuts() throws {
    let folder = try TestFolder()
    try folder.write("4096 12288          \n", to: "rank-0.log.cut")
    try folder.write("0 0\n", to: "rank-1.log.cut")
    try folder.write("unsupported: Operation not supported: this log is not bounded here\n", to: "rank-2.log.cut")
    try folder.write("1 900", to: "rank-3.log")
    #expect(LogCuts.bytes([folder.path, folder.path + "/none"]) == 8192)
  }

  @Test("every family of an agent is in the table of docs/metrics.md, with its type, its unit and its number of series")
  func documented() throws {
    var figures = AgentFigures(
      version: "1", counts: AgentCounts(), isConnected: true, epoch: 1, silence: 1_500, membersAlive: 1,
      membersEnded: 0,
      ranks: 8, leftovers: 0, devices: 8, lease: 29_500, logCutBytes: 0, watch: DeviceFiguresTests.figures,
      process: ProcessFigures.read())
    #expect(MetricsTable.rows(figures.families) == (try MetricsTable.documented(["An agent", "Its devices", "Both"])))
    let text = String(decoding: Exposition.text(figures.families, .text), as: UTF8.self)
    #expect(
      text.contains("\nmuster_agent_silence_seconds 1.5\n") && text.contains("\nmuster_agent_lease_seconds 29.5\n"))
    figures.lease = nil
    #expect(!figures.families.contains { $0.name == "muster_agent_lease_seconds" })
  }
}
