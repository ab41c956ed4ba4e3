import Glibc
import MusterDevices

/// Where a dcgm-exporter answers.
public struct ExporterAddress: Hashable, Sendable, CustomStringConvertible {
  public var host: String
  public var port: UInt16
  public var path: String

  /// dcgm-exporter's own.
  static let usualPort: UInt16 = 9400

  /// `http://HOST[:PORT][/PATH]`, an IPv6 address in brackets; port 9400 and `/metrics` unless said. nil: it is none.
  public init?(url: String) {
    let scheme = "http://"
    guard url.hasPrefix(scheme), url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { return nil }
    let rest = url.dropFirst(scheme.count)
    let authority = rest.prefix { $0 != "/" }
    path = String(rest.dropFirst(authority.count))
    if path.isEmpty || path == "/" { path = "/metrics" }
    var name = authority
    port = Self.usualPort
    let end = authority.lastIndex(of: "]")
    if let colon = authority.lastIndex(of: ":"), end.map({ $0 < colon }) ?? true {
      guard let number = UInt16(authority[authority.index(after: colon)...]), number > 0 else { return nil }
      (name, port) = (authority[..<colon], number)
    }
    if name.hasPrefix("["), name.hasSuffix("]") {
      name = name.dropFirst().dropLast()
    } else if name.contains(where: { ":[]@".contains($0) }) {
      return nil
    }
    guard !name.isEmpty else { return nil }
    host = String(name)
  }

  public var description: String { "http://\(host.contains(":") ? "[\(host)]" : host):\(port)\(path)" }
}

/// Reads a dcgm-exporter: all devices with each look.
struct ExporterReader: DeviceReader {
  /// One answer may take so long. Milliseconds.
  static let patience: Int64 = 2_000
  /// No exporter of one node prints more. Bytes.
  static let longest = 8 << 20

  struct Failure: Error, Hashable {
    var reason: String
  }

  private let address: ExporterAddress
  private let log: @Sendable (String) -> Void
  /// Why the last look failed; told once.
  private var trouble: String?

  init(_ address: ExporterAddress, log: @escaping @Sendable (String) -> Void = { AgentMain.log($0) }) {
    self.address = address
    self.log = log
  }

  mutating func look() -> [DeviceLook] {
    let found: [Int: ExporterText.Device]
    do throws(Failure) {
      found = ExporterText.devices(try fetch(), seconds: Double(bootMilliseconds()) / 1000)
      if found.isEmpty { throw Failure(reason: "its answer has no series with the label gpu") }
    } catch {
      if trouble != error.reason { log("\(address) does not tell of devices: \(error.reason)") }
      trouble = error.reason
      return []
    }
    if trouble != nil { log("\(address) tells of \(found.count) devices again") }
    trouble = nil
    return found.sorted { $0.key < $1.key }.map {
      DeviceLook(device: $0.key, sample: $0.value.sample, model: $0.value.model)
    }
  }

  /// The answer's body. HTTP/1.0: it comes in one piece, and ends with the connection.
  func fetch() throws(Failure) -> [UInt8] {
    let until = bootMilliseconds() + Self.patience
    let descriptor = try connect(until: until)
    defer { close(descriptor) }
    var request = Array(
      "GET \(address.path) HTTP/1.0\r\nHost: \(address.host)\r\nAccept: text/plain\r\n\r\n".utf8)[...]
    while !request.isEmpty {
      try wait(descriptor, POLLOUT, until: until)
      let n = request.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard n > 0 || errno == EAGAIN || errno == EINTR else { throw Failure(reason: errorText(errno)) }
      request = request.dropFirst(max(0, n))
    }
    var answer: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while answer.count <= Self.longest {
      try wait(descriptor, POLLIN, until: until)
      let n = recv(descriptor, &buffer, buffer.count, 0)
      if n == 0 { return try Self.body(answer) }
      guard n > 0 || errno == EAGAIN || errno == EINTR else { throw Failure(reason: errorText(errno)) }
      answer += buffer.prefix(max(0, n))
    }
    throw Failure(reason: "its answer is longer than \(Self.longest >> 20) MiB")
  }

  /// Behind the head, if that says that all is well and the whole of it has come.
  static func body(_ answer: [UInt8]) throws(Failure) -> [UInt8] {
    let end = Array("\r\n\r\n".utf8)
    guard let at = answer.indices.first(where: { answer[$0...].starts(with: end) }) else {
      throw Failure(reason: "its answer is not HTTP")
    }
    let lines = String(decoding: answer[..<at], as: UTF8.self).split(separator: "\r\n")
    let status = lines.first?.split(separator: " ") ?? []
    guard status.count >= 2, status[0].hasPrefix("HTTP/1.") else { throw Failure(reason: "its answer is not HTTP") }
    guard status[1] == "200" else { throw Failure(reason: "it answers \(status.dropFirst().joined(separator: " "))") }
    let body = Array(answer[(at + end.count)...])
    let length = lines.first { $0.lowercased().hasPrefix("content-length:") }?.split(separator: ":").last
    if let length = length.flatMap({ Int($0.filter { $0 != " " }) }), body.count < length {
      throw Failure(reason: "its answer ends after \(body.count) of \(length) bytes")
    }
    return body
  }

  private func connect(until: Int64) throws(Failure) -> Int32 {
    let addresses = SocketAddress.all(address.host, address.port, flags: 0)
    var reason = "\(address.host) is no known host"
    for candidate in addresses {
      let flags = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
      let descriptor = socket(candidate.family, flags, 0)
      guard descriptor >= 0 else { throw Failure(reason: "socket: \(errorText(errno))") }
      var code = candidate.connect(descriptor)
      if code == EINPROGRESS {
        do throws(Failure) {
          try wait(descriptor, POLLOUT, until: until)
          var size = socklen_t(MemoryLayout<Int32>.size)
          getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size)
        } catch {
          close(descriptor)
          throw error
        }
      }
      if code == 0 { return descriptor }
      close(descriptor)
      reason = errorText(code)
    }
    throw Failure(reason: reason)
  }

  private func wait(_ descriptor: Int32, _ events: Int32, until: Int64) throws(Failure) {
    while true {
      var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
      let left = until - bootMilliseconds()
      if left > 0, poll(&entry, 1, Int32(clamping: left)) > 0 { return }
      guard left > 0 else { throw Failure(reason: "no answer in \(Self.patience / 1000) s") }
    }
  }
}
