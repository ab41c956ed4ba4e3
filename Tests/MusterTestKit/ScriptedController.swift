import Foundation

/// A controller for tests: a real socket on loopback, each answer said by the test. One thread a connection.
public final class ScriptedController: @unchecked Sendable {
  // The lock guards everything that changes. A descriptor is shut down by whoever ends it, under the lock, and closed
  // only by the thread that reads it: a number that was closed too early is another test's socket a moment later.
  private let lock = NSLock()
  private var listener: Int32 = -1
  private var requests: [Request] = []
  private var openSockets: Set<Int32> = []
  private let handler: @Sendable (Request, Reply) -> Void
  public private(set) var port: UInt16 = 0

  public struct Request: Sendable, Hashable {
    public var method: String
    public var target: String
    /// Names in lower case.
    public var headers: [String: String]
    public var body: String
    /// Counts from 1 over all connections.
    public var number: Int
    public var connection: Int
    /// Without the query.
    public var path: String { String(target.prefix { $0 != "?" }) }
  }

  /// Answers each request by the handler, on the connection's thread.
  public init(_ handler: @escaping @Sendable (Request, Reply) -> Void) {
    self.handler = handler
    start(port: 0)
  }

  deinit { stop() }

  public var address: String { "http://127.0.0.1:\(port)" }
  public var received: [Request] { lock.withLock { requests } }

  /// Listens; 0 is any free port.
  public func start(port wanted: UInt16) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var yes: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, 4)
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_port = wanted.bigEndian
    name.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &name) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        precondition(bind(descriptor, $0, size) == 0 && listen(descriptor, 64) == 0, "no port for a test")
        getsockname(descriptor, $0, &size)
      }
    }
    lock.withLock {
      listener = descriptor
      port = UInt16(bigEndian: name.sin_port)
    }
    Thread.detachNewThread { [weak self] in
      var connection = 0
      while true {
        let accepted = accept(descriptor, nil, nil)
        guard accepted >= 0 else { break }
        guard let self, self.keep(accepted, from: descriptor) else {
          close(accepted)
          continue
        }
        connection += 1
        let number = connection
        Thread.detachNewThread { [weak self] in
          if let self { self.serve(accepted, connection: number) } else { close(accepted) }
        }
      }
      close(descriptor)
    }
  }

  /// Counts a connection as ours. - Returns: false when it came as its listener was stopped.
  private func keep(_ accepted: Int32, from descriptor: Int32) -> Bool {
    lock.withLock {
      guard listener == descriptor else { return false }
      openSockets.insert(accepted)
      return true
    }
  }

  /// Ends every connection and refuses new ones: what a killed controller looks like.
  public func stop() {
    lock.withLock {
      for socket in openSockets { shutdown(socket, Int32(SHUT_RDWR)) }
      if listener >= 0 { shutdown(listener, Int32(SHUT_RDWR)) }
      listener = -1
    }
  }

  private func serve(_ descriptor: Int32, connection: Int) {
    let reply = Reply(descriptor: descriptor)
    var buffer: [UInt8] = []
    while let request = next(descriptor, &buffer, connection) {
      handler(request, reply)
      if reply.isClosed { break }
    }
    lock.withLock {
      openSockets.remove(descriptor)
      close(descriptor)
    }
  }

  private func next(_ descriptor: Int32, _ buffer: inout [UInt8], _ connection: Int) -> Request? {
    while true {
      let text = String(decoding: buffer, as: UTF8.self)
      if let end = text.range(of: "\r\n\r\n") {
        let lines = text[..<end.lowerBound].components(separatedBy: "\r\n")
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
          let parts = line.split(separator: ":", maxSplits: 1)
          headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
        }
        let length = Int(headers["content-length"] ?? "0") ?? 0
        let headSize = text[..<end.upperBound].utf8.count
        if buffer.count >= headSize + length {
          let body = String(decoding: buffer[headSize..<(headSize + length)], as: UTF8.self)
          buffer.removeFirst(headSize + length)
          let first = lines[0].split(separator: " ")
          return lock.withLock {
            let request = Request(
              method: String(first[0]), target: String(first[1]), headers: headers, body: body,
              number: requests.count + 1, connection: connection)
            requests.append(request)
            return request
          }
        }
      }
      var chunk = [UInt8](repeating: 0, count: 65_536)
      let count = recv(descriptor, &chunk, chunk.count, 0)
      guard count > 0 else { return nil }
      buffer += chunk[..<count]
    }
  }
}

/// How a test answers one request.
public final class Reply {
  private let descriptor: Int32
  public private(set) var isClosed = false

  init(descriptor: Int32) { self.descriptor = descriptor }

  /// Bytes as they are.
  public func raw(_ text: String) {
    let bytes = Array(text.utf8)
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes {
        send(descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return }
      sent += count
    }
  }

  public func json(_ body: String, status: Int = 200, headers: String = "") {
    raw(
      "HTTP/1.1 \(status) X\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n")
    raw(body)
  }

  public func error(_ status: Int, _ code: String, _ message: String, remedy: String = "") {
    json(
      #"{"error":{"code":"\#(code)","message":"\#(message)","remedy":"\#(remedy)"}}"#, status: status)
  }

  /// The head of an answer in chunks.
  public func begin(_ type: String = "text/event-stream") {
    raw("HTTP/1.1 200 OK\r\nContent-Type: \(type)\r\nTransfer-Encoding: chunked\r\n\r\n")
  }

  public func chunk(_ text: String) { raw("\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n") }
  public func end() { raw("0\r\n\r\n") }

  public func event(_ id: Int, _ kind: String, job: Int? = nil, text: String = "") {
    let member = job.map { #","job":\#($0)"# } ?? ""
    chunk(
      "id: \(id)\nevent: \(kind)\ndata: {\"sequence\":\(id),\"at\":\"2026-01-02T03:04:05Z\",\"kind\":\"\(kind)\"\(member)"
        + ",\"text\":\"\(text)\"}\n\n")
  }

  /// Ends the connection, whatever was promised.
  public func close() {
    isClosed = true
    shutdown(descriptor, Int32(SHUT_RDWR))
  }

  /// Keeps the answer open until the client has gone.
  public func hold() {
    var byte: UInt8 = 0
    while recv(descriptor, &byte, 1, 0) > 0 {}
    isClosed = true
  }
}
