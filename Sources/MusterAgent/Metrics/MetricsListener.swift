import CMuster
import Glibc
import MusterMetrics

/// The agent's `/metrics`, served by its own loop: nonblocking sockets that are polled with the rest. Nothing here waits,
/// and all is bounded, so that neither a slow nor a hostile client holds up a lease: so many connections at a time, so
/// many bytes each, so long each.
struct MetricsListener: ~Copyable {
  static let connectionLimit = 8
  /// From the first byte to the last. Milliseconds.
  static let patience: Int64 = 5_000
  /// The address may be another program's for a while: so long until the next try. Milliseconds.
  static let retry: Int64 = 10_000
  /// What a client says beyond its request is thrown away up to here.
  private static let lingerLimit = 64 << 10
  /// Answers are made at most so often, however many ask. Milliseconds.
  static let freshness: Int64 = 1_000

  private enum Phase {
    case reading(ScrapeRequest)
    /// Knows what it wants; the loop has the figures.
    case asking(ExpositionFormat)
    case writing(ArraySlice<UInt8>)
    /// All is said. Closed at once, what the client is still sending would cost it the answer.
    case lingering(bytes: Int)
  }

  private struct Connection {
    let descriptor: Int32
    let until: Int64
    var phase: Phase

    var events: Int16 {
      if case .writing = phase { return Int16(POLLOUT) }
      return Int16(POLLIN)
    }
  }

  private let options: MetricsOptions?
  private let token: [UInt8]
  private var listener: Int32 = -1
  private var openAt: Int64 = 0
  private var connections: [Connection] = []
  private var recent: (at: Int64, families: [MetricFamily])?
  /// Where it listens, the kernel's choice of a port included; nil: it does not.
  private(set) var address: String?

  /// - Parameter options: nil: nothing is served, and nothing below does anything.
  init(_ options: MetricsOptions?, token: String) {
    self.options = options
    self.token = Array(token.utf8)
  }

  deinit {
    if listener >= 0 { close(listener) }
    for connection in connections { close(connection.descriptor) }
  }

  /// Begins to listen when it is time to, and ends connections that take too long.
  /// - Returns: what is to be logged.
  mutating func tend(now: Int64) -> String? {
    for connection in connections where now >= connection.until { close(connection.descriptor) }
    connections.removeAll { now >= $0.until }
    guard let options, listener < 0, now >= openAt else { return nil }
    openAt = now + Self.retry
    do throws(SystemFailure) {
      try listen(options)
      return "metrics are at http://\(address ?? "")/metrics"
    } catch {
      return "metrics cannot be served: \(error); the next try is in \(Self.retry / 1000) s"
    }
  }

  private mutating func listen(_ options: MetricsOptions) throws(SystemFailure) {
    guard let bound = SocketAddress.all(options.host, options.port, flags: AI_NUMERICHOST | AI_PASSIVE).first else {
      throw SystemFailure(call: "address \(options.host)", code: EINVAL)
    }
    let flags = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    let descriptor = socket(bound.family, flags, 0)
    guard descriptor >= 0 else { throw SystemFailure(call: "socket", code: errno) }
    var on: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    let code = bound.bind(descriptor)
    guard code == 0, Glibc.listen(descriptor, 16) == 0 else {
      let failure = SystemFailure(call: "listen on \(options.host):\(options.port)", code: code == 0 ? errno : code)
      close(descriptor)
      throw failure
    }
    listener = descriptor
    let host = options.host.contains(":") ? "[\(options.host)]" : options.host
    address = "\(host):\(SocketAddress.port(of: descriptor) ?? options.port)"
  }

  /// What to poll; the listening socket comes last, and is left out while no more connections are taken.
  var entries: [pollfd] {
    var entries = connections.map { pollfd(fd: $0.descriptor, events: $0.events, revents: 0) }
    if takesMore { entries.append(pollfd(fd: listener, events: Int16(POLLIN), revents: 0)) }
    return entries
  }

  private var takesMore: Bool { listener >= 0 && connections.count < Self.connectionLimit }

  /// When to look even if nothing comes.
  var deadline: Int64? {
    let retry = options != nil && listener < 0 ? openAt : nil
    return (connections.map(\.until) + [retry].compactMap { $0 }).min()
  }

  /// Entries as `entries` gave them, polled since.
  mutating func handle(_ polled: ArraySlice<pollfd>, now: Int64) {
    for entry in polled where entry.revents != 0 {
      if entry.fd == listener { accept(now: now) } else { go(on: entry.fd) }
    }
  }

  /// Whether somebody waits for figures that are newer than those of the last answer.
  func wantsFigures(now: Int64) -> Bool {
    guard recent.map({ now - $0.at >= Self.freshness }) ?? true else { return false }
    return connections.contains { if case .asking = $0.phase { true } else { false } }
  }

  /// Answers all who ask.
  /// - Parameter families: nil: those of the last answer still do.
  mutating func answer(_ families: [MetricFamily]?, now: Int64) {
    if let families { recent = (now, families) }
    guard let recent else { return }
    for connection in connections {
      guard case .asking(let format) = connection.phase else { continue }
      let body = Exposition.text(recent.families, format)
      let response = ScrapeRequest.response(status: "200 OK", contentType: format.contentType, body)
      set(connection.descriptor, .writing(response[...]))
      go(on: connection.descriptor)
    }
  }

  private mutating func accept(now: Int64) {
    while takesMore {
      let descriptor = Glibc.accept(listener, nil, nil)
      guard descriptor >= 0 else { return }
      // What starts processes here is this thread alone: none comes between.
      guard fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0, fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0 else {
        close(descriptor)
        continue
      }
      connections.append(
        Connection(
          descriptor: descriptor, until: now + Self.patience, phase: .reading(ScrapeRequest(token: token))))
    }
  }

  private mutating func set(_ descriptor: Int32, _ phase: Phase) {
    for i in connections.indices where connections[i].descriptor == descriptor { connections[i].phase = phase }
  }

  private mutating func end(_ descriptor: Int32) {
    close(descriptor)
    connections.removeAll { $0.descriptor == descriptor }
  }

  private mutating func go(on descriptor: Int32) {
    guard let connection = connections.first(where: { $0.descriptor == descriptor }) else { return }
    switch connection.phase {
    case .reading(let request): read(descriptor, request)
    case .asking: break
    case .writing(let rest): write(descriptor, rest)
    case .lingering(let bytes): linger(descriptor, bytes)
    }
  }

  private mutating func read(_ descriptor: Int32, _ begun: ScrapeRequest) {
    var request = begun
    var buffer = [UInt8](repeating: 0, count: ScrapeRequest.headLimit)
    let n = recv(descriptor, &buffer, buffer.count, 0)
    if n < 0, errno == EAGAIN || errno == EINTR { return }
    guard n > 0 else { return end(descriptor) }
    switch request.heard(buffer.prefix(n)) {
    case .unfinished: set(descriptor, .reading(request))
    case .metrics(let format): set(descriptor, .asking(format))
    case .refused(let refusal):
      set(descriptor, .writing(refusal.response[...]))
      go(on: descriptor)
    }
  }

  private mutating func write(_ descriptor: Int32, _ rest: ArraySlice<UInt8>) {
    var rest = rest
    while !rest.isEmpty {
      let n = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      if n < 0, errno == EAGAIN || errno == EINTR { return set(descriptor, .writing(rest)) }
      guard n > 0 else { return end(descriptor) }
      rest = rest.dropFirst(n)
    }
    shutdown(descriptor, Int32(SHUT_WR))
    set(descriptor, .lingering(bytes: 0))
  }

  private mutating func linger(_ descriptor: Int32, _ before: Int) {
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    let n = recv(descriptor, &buffer, buffer.count, 0)
    if n < 0, errno == EAGAIN || errno == EINTR { return }
    guard n > 0, before + n < Self.lingerLimit else { return end(descriptor) }
    set(descriptor, .lingering(bytes: before + n))
  }
}

extension SocketAddress {
  /// - Returns: 0, or the errno.
  func bind(_ socket: Int32) -> Int32 {
    bytes.withUnsafeBytes { raw in
      raw.withMemoryRebound(to: sockaddr.self) { buffer in
        Glibc.bind(socket, buffer.baseAddress, socklen_t(bytes.count)) == 0 ? 0 : errno
      }
    }
  }

  /// Of a bound socket.
  static func port(of socket: Int32) -> UInt16? {
    var storage = sockaddr_storage()
    var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let code = withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &size) }
    }
    guard code == 0 else { return nil }
    // In both families the port follows the family, in network order.
    return withUnsafeBytes(of: &storage) { UInt16($0[2]) << 8 | UInt16($0[3]) }
  }
}
