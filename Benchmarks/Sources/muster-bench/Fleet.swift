import Glibc

/// The release binary under test.
func musterBinary() throws -> String {
  let path = environment("MUSTER_BIN") ?? "../.build/release/muster"
  guard access(path, X_OK) == 0 else {
    throw Failure("no muster at \(path): run `swift build -c release --product muster`, or set MUSTER_BIN")
  }
  return path
}

/// A controller, with local nodes or without, in a new folder; stopped and removed at `end()`.
final class Fleet {
  let folder: String
  var data: String { folder + "/data" }
  let port: Int
  let nodes: Int
  private(set) var process: pid_t = 0
  /// From the start of the program until it said that it is up (a server alone: until it answers).
  private(set) var startNanoseconds: Int64 = 0
  private(set) var token = ""
  private var unread: Int32 = -1

  /// - Parameter nodes: local nodes of 8 devices; 0 starts `muster server` alone.
  init(nodes: Int, port fixed: Int? = nil) throws {
    folder = try makeFolder()
    port = try fixed ?? freePort()
    self.nodes = nodes
    try launch()
  }

  func launch() throws {
    let (reader, writer) = try makePipe()
    defer { close(reader) }
    var words = [try musterBinary(), nodes > 0 ? "up" : "server", "--data", data, "--listen", "127.0.0.1:\(port)"]
    if nodes > 0 { words += ["--nodes", "\(nodes)", "--devices", "8"] }
    let begin = bootNanoseconds()
    let log = open(folder + "/log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    do {
      defer {
        close(writer)
        close(log)
      }
      process = try start(words, output: nodes > 0 ? writer : log, errors: log)
    }
    if nodes > 0 {
      try waitForWords(" is up:", from: reader)
    } else {
      try waitUntil("the server answers", seconds: 30) { (try? self.refreshedGet("/v1/version")) != nil }
    }
    startNanoseconds = bootNanoseconds() - begin
    try readToken()
  }

  private func readToken() throws {
    guard let text = readText(data + "/token") else { throw Failure("no token in \(data)") }
    token = String(text.prefix { $0 != "\n" })
  }

  private func refreshedGet(_ path: String) throws -> JSON {
    try readToken()
    return try get(path)
  }

  private func waitForWords(_ words: String, from reader: Int32) throws {
    var seen = ""
    var part = [UInt8](repeating: 0, count: 4_096)
    while !seen.contains(words) {
      let count = read(reader, &part, part.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw Failure("muster up ended: \(seen) \(readText(folder + "/log") ?? "")") }
      seen += String(decoding: part[..<count], as: UTF8.self)
    }
    // Nobody reads what it prints later; an open pipe keeps that from hurting it.
    if unread >= 0 { close(unread) }
    unread = dup(reader)
  }

  /// Kills the controller alone, as a crash would.
  func killController() {
    kill(process, SIGKILL)
    waitFor(process)
    process = 0
  }

  /// Stops everything at once and removes the folder.
  func end() {
    if process > 0 {
      kill(process, SIGKILL)
      waitFor(process)
    }
    killDescendants()
    if unread >= 0 { close(unread) }
    unread = -1
    removeTree(folder)
  }

  // MARK: Asking

  func get(_ path: String) throws -> JSON { try ask("GET", path, "").json }

  func post(_ path: String, _ body: String = "") throws -> JSON {
    let answer = try ask("POST", path, body)
    guard (200..<300).contains(answer.status) else { throw Failure("\(path): \(answer.status) \(answer.text)") }
    return answer.json
  }

  struct Answer {
    var status: Int
    var text: String
    var json: JSON
  }

  private func ask(_ method: String, _ path: String, _ body: String) throws -> Answer {
    let connection = try connectLoopback(port: port)
    defer { close(connection) }
    let request = Array(
      ("\(method) \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer \(token)\r\nConnection: close\r\n"
        + "Content-Length: \(body.utf8.count)\r\nContent-Type: application/json\r\n\r\n" + body).utf8)
    guard send(connection, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
      throw Failure("\(path): short write")
    }
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = read(connection, &part, part.count)
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { break }
      bytes += part[..<count]
    }
    guard let head = HTTPHead(bytes[...]) else { throw Failure("\(path): no answer") }
    var content = Array(bytes[head.bytes...])
    if head.isChunked { content = unchunked(content) }
    return Answer(
      status: head.status, text: String(decoding: content, as: UTF8.self),
      json: (try? JSON.parse(content)) ?? .null)  // Not every answer is JSON; who needs a field misses it loudly.
  }

  /// Submits a job file through the command line; its id.
  func submit(_ file: String) throws -> Int {
    let result = try run([try musterBinary(), "submit", "-", "--data", data, "--json"], input: file)
    guard result.code == 0, let id = try JSON.parse(result.output)["id"].int else {
      throw Failure("muster submit: \(result.code) \(String(decoding: result.output, as: UTF8.self))")
    }
    return id
  }

  /// What a `muster` command prints as JSON.
  func ask(_ words: String...) throws -> JSON {
    let result = try run([try musterBinary()] + words + ["--data", data, "--json"])
    guard result.code == 0 else { throw Failure("muster \(words.joined(separator: " ")): exit code \(result.code)") }
    return try JSON.parse(result.output)
  }
}

/// Polls every 2 ms.
func waitUntil(_ what: String, seconds: Double, _ condition: () throws -> Bool) throws {
  let limit = bootNanoseconds() + Int64(seconds * 1e9)
  while !(try condition()) {
    guard bootNanoseconds() < limit else { throw Failure("after \(seconds) s still not: \(what)") }
    sleepMilliseconds(2)
  }
}

/// The head of an HTTP/1.1 answer.
struct HTTPHead {
  var status = 0
  /// Of the head itself, its empty line included.
  var bytes = 0
  var contentLength = 0
  var isChunked = false

  /// Nil while it is not whole.
  init?(_ buffer: ArraySlice<UInt8>) {
    let start = buffer.startIndex
    guard buffer.count > 12 else { return nil }
    var place = start + 3
    var end = -1
    while place < buffer.endIndex {
      if buffer[place] == 10, buffer[place - 1] == 13, buffer[place - 2] == 10 {
        end = place + 1
        break
      }
      place += 1
    }
    guard end > 0 else { return nil }
    bytes = end - start
    for digit in buffer[(start + 9)..<(start + 12)] { status = status * 10 + Int(digit) - 48 }
    for line in buffer[start..<end].split(separator: 10) {
      guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
      let name = line[..<colon].map { $0 | 32 }
      if name.elementsEqual("content-length".utf8) {
        for digit in line[colon...] where (48...57).contains(digit) {
          contentLength = contentLength * 10 + Int(digit) - 48
        }
      } else if name.elementsEqual("transfer-encoding".utf8) {
        isChunked = true
      }
    }
  }
}

/// The content of a chunked body.
func unchunked(_ body: [UInt8]) -> [UInt8] {
  var content: [UInt8] = []
  var place = 0
  while place < body.count, let end = body[place...].firstIndex(of: 10) {
    let size = Int(String(decoding: body[place..<end].prefix { $0 != 13 && $0 != 59 }, as: UTF8.self), radix: 16) ?? 0
    if size == 0 { break }
    content += body[(end + 1)..<min(body.count, end + 1 + size)]
    place = end + 1 + size + 2
  }
  return content
}
