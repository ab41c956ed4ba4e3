import Glibc
import MusterProtocol
import MusterTLS

enum LinkEvent {
  case connected
  case message(ControllerMessage)
  case closed(String)
}

/// One persistent connection to the controller: an HTTP/1.1 request that never ends, both ways a stream of JSON lines.
/// Nonblocking; whoever owns it polls `descriptor` for `events`, calls `handle`, and `tend` when `deadline` has come.
/// Names are looked up elsewhere (`HostNames`): a name server that does not answer must not hold up a lease.
///
/// Nothing here is retried by message: all messages are level-triggered, so what was lost is said again.
struct LinkConnection: ~Copyable {
  static let firstBackoff: Int64 = 50
  static let longestBackoff: Int64 = 2_000
  static let bufferLimit = 4 << 20
  /// Dials whose first packet is not answered are given up after this time for all addresses together (each has at least
  /// `leastDial`), and there is no pause between them: with the longest pause before the next round a link that has healed
  /// is found within 5 s. Milliseconds.
  static let roundLimit: Int64 = 1_500
  static let leastDial: Int64 = 300
  /// From there to the answer's head: a controller that thousands dial at once takes its time.
  static let openLimit: Int64 = 10_000
  /// A controller that says nothing for so long, although it is told something each second, is dialled anew.
  static let silenceLimit: Int64 = 10_000

  private let addresses: LinkAddresses
  private let credentials: LinkCredentials
  private var tls: TLSStream?
  private var shown: CertificateVersion?
  private var heardAt: Int64 = 0
  /// This machine's address on the way to the controller; empty before the first dial.
  private(set) var localAddress = ""
  private var chance: UInt64
  private var descriptorNow: Int32 = -1
  private var names: HostNames
  /// The name that the dial waits for.
  private var awaited: (target: Target, lookup: NameLookup, until: Int64)?
  private var isConnecting = false
  private var isOpen = false
  private var stream = ResponseStream(lineLimit: intentLineLimit)
  private var outgoing: [UInt8] = []
  private var backoff = LinkConnection.firstBackoff
  private var next = 0
  /// The one that was dialled last, as it was given, and how many there were.
  private var dialing: (text: String, index: Int, count: Int)?
  /// The address over which the controller was last heard.
  private(set) var dialled: String?
  private var dialedAt: Int64 = 0
  /// Boot-time milliseconds at which to dial; nil while connected, and while a name is looked up.
  private(set) var redialAt: Int64? = 0

  private struct Target {
    var host: String
    var port: UInt16
    /// How often all addresses have been tried before.
    var round: Int
  }

  init(
    addresses: LinkAddresses, credentials: LinkCredentials, seed: UInt64,
    resolve: @escaping NameLookup.Resolver = NameLookup.system
  ) {
    self.addresses = addresses
    names = HostNames(resolve: resolve)
    self.credentials = credentials
    chance = seed | 1
  }

  deinit { if descriptorNow >= 0 { close(descriptorNow) } }

  /// What to poll: the socket, or the lookup that the dial waits for.
  var descriptor: Int32? { descriptorNow >= 0 ? descriptorNow : awaited?.lookup.descriptor }
  /// Whether there is a connection, perhaps not yet open, that messages can be queued for.
  var takesMessages: Bool { descriptorNow >= 0 }
  var isConnected: Bool { isOpen }
  var events: Int16 {
    Int16(descriptorNow >= 0 && (isConnecting || !outgoing.isEmpty) ? POLLIN | POLLOUT : POLLIN)
  }
  /// When to look even if nothing comes.
  var deadline: Int64? {
    if let redialAt { return redialAt }
    if let awaited { return awaited.until }
    if isOpen { return heardAt + LinkConnection.silenceLimit }
    return dialedAt + (isConnecting ? dialLimit : LinkConnection.openLimit)
  }

  private var dialLimit: Int64 {
    max(LinkConnection.leastDial, LinkConnection.roundLimit / Int64(max(1, dialing?.count ?? 1)))
  }

  /// The node has a newer certificate than the one that this connection was made with.
  var hasOldCertificate: Bool {
    guard isOpen, let version = credentials.version else { return false }
    return version != shown
  }

  /// Dials if it is time to, and gives up a dial that is not answered.
  mutating func tend(now: Int64) -> [LinkEvent] {
    if let at = redialAt, now >= at { return dial(now: now) }
    if awaited != nil { return goOn(now: now) }
    if redialAt == nil, let deadline, now >= deadline {
      let seconds = LinkConnection.silenceLimit / 1000
      return [
        drop(isOpen ? "the controller said nothing for \(seconds) s" : "no answer to the dial", now: now)
      ]
    }
    return []
  }

  private mutating func dial(now: Int64) -> [LinkEvent] {
    let candidates = addresses.candidates()
    guard !candidates.isEmpty else { return [drop("no controller's address is known", now: now)] }
    let (text, host, port) = candidates[next % candidates.count]
    let target = Target(host: host, port: port, round: next / candidates.count)
    dialing = (text, next, candidates.count)
    next += 1
    do throws(SystemFailure) {
      switch try names.ask(host, port, now: now) {
      case .addresses(let addresses): return connect(target, addresses, now: now)
      case .wait(let lookup, let until):
        awaited = (target, lookup, until)
        redialAt = nil
        return []
      }
    } catch {
      return [drop("\(host) cannot be looked up: \(error)", now: now)]
    }
  }

  /// The name that was waited for is known, or has been waited for long enough.
  private mutating func goOn(now: Int64) -> [LinkEvent] {
    guard let (target, lookup, until) = awaited, lookup.answer != nil || now >= until else { return [] }
    let addresses = names.best(target.host, target.port)
    awaited = nil
    if addresses.isEmpty, lookup.answer == nil {
      return [drop("the name \(target.host) is not answered for", now: now)]
    }
    return connect(target, addresses, now: now)
  }

  /// A name's addresses in turn, one a round.
  private mutating func connect(_ target: Target, _ addresses: [SocketAddress], now: Int64) -> [LinkEvent] {
    let (host, port) = (target.host, target.port)
    guard !addresses.isEmpty else { return [drop("\(host) is no known host", now: now)] }
    let address = addresses[target.round % addresses.count]
    // Before it is read: what is written meanwhile then counts as new.
    shown = credentials.version
    do {
      tls = try credentials.stream()
    } catch {
      return [drop("\(error)", now: now)]
    }
    let flags = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    descriptorNow = socket(address.family, flags, 0)
    guard descriptorNow >= 0 else { return [drop("socket: \(errorText(errno))", now: now)] }
    for (level, option, value) in [
      (Int32(IPPROTO_TCP), TCP_NODELAY, Int32(1)), (SOL_SOCKET, SO_KEEPALIVE, 1), (Int32(IPPROTO_TCP), TCP_KEEPIDLE, 1),
      (Int32(IPPROTO_TCP), TCP_KEEPINTVL, 1), (Int32(IPPROTO_TCP), TCP_KEEPCNT, 3),
      // Keepalive alone misses a cut link while writes are pending.
      (Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, 2_000),
    ] {
      var setting = value
      setsockopt(descriptorNow, level, option, &setting, socklen_t(MemoryLayout<Int32>.size))
    }
    let code = address.connect(descriptorNow)
    guard code == 0 || code == EINPROGRESS else { return [drop("\(host):\(port): \(errorText(code))", now: now)] }
    localAddress = Self.localAddress(of: descriptorNow) ?? localAddress
    isConnecting = true
    isOpen = false
    heardAt = now
    redialAt = nil
    dialedAt = now
    stream = ResponseStream(lineLimit: intentLineLimit)
    let head =
      "POST /v1/link HTTP/1.1\r\nHost: \(host):\(port)\r\n\(credentials.header)"
      + "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
    outgoing = []
    queue(Array(head.utf8))
    // The first message may go with the head: nobody has to wait for the response's head.
    return [.connected]
  }

  private static func localAddress(of descriptor: Int32) -> String? {
    var storage = sockaddr_storage()
    var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
    var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
    let code = withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        getsockname(descriptor, address, &size) == 0
          ? getnameinfo(address, size, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) : -1
      }
    }
    guard code == 0 else { return nil }
    let name = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return name == "0.0.0.0" || name == "::" ? nil : name
  }

  /// As it is, or through TLS; before the handshake is done it waits there.
  private mutating func queue(_ bytes: [UInt8]) {
    if let tls { tls.send(bytes) } else { outgoing.append(contentsOf: bytes) }
  }

  /// Queues a message; while there is no connection it is dropped.
  mutating func send(_ message: NodeMessage) {
    guard descriptorNow >= 0, outgoing.count < LinkConnection.bufferLimit else { return }
    var line: [UInt8] = []
    message.json.write(into: &line)
    line.append(10)
    queue(Array("\(String(line.count, radix: 16))\r\n".utf8) + line + [13, 10])
    if !isConnecting { flush() }
  }

  private mutating func flush() {
    do throws(TLSProblem) {
      if let tls { outgoing.append(contentsOf: try tls.takeOutgoing()) }
    } catch {
      return  // what broke it is told when it is next read from
    }
    while !outgoing.isEmpty {
      let n = Glibc.send(descriptorNow, outgoing, outgoing.count, Int32(MSG_NOSIGNAL))
      if n <= 0 { return }  // full, or broken: poll will say which
      outgoing.removeFirst(n)
    }
  }

  mutating func handle(_ revents: Int16, now: Int64) -> [LinkEvent] {
    if awaited != nil { return goOn(now: now) }
    guard descriptorNow >= 0 else { return [] }
    if isConnecting, revents & Int16(POLLOUT | POLLERR | POLLHUP) != 0 {
      var problem: Int32 = 0
      var size = socklen_t(MemoryLayout<Int32>.size)
      getsockopt(descriptorNow, SOL_SOCKET, SO_ERROR, &problem, &size)
      if problem != 0 { return [drop(errorText(problem), now: now)] }
      isConnecting = false
      flush()
    }
    if revents & Int16(POLLOUT) != 0 { flush() }
    return revents & Int16(POLLIN | POLLHUP | POLLERR) != 0 ? receive(now: now) : []
  }

  private mutating func receive(now: Int64) -> [LinkEvent] {
    var out: [LinkEvent] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while descriptorNow >= 0 {
      let n = recv(descriptorNow, &buffer, buffer.count, 0)
      if n < 0, errno == EAGAIN || errno == EINTR { break }
      if n <= 0 {
        let why = n < 0 ? errorText(errno) : "the controller ended the connection"
        if case .refused(let reason) = stream.finish() {
          out.append(drop(reason, now: now))
        } else {
          out.append(drop(why, now: now))
        }
        break
      }
      heardAt = now
      let bytes: [UInt8]
      do throws(TLSProblem) {
        bytes = try tls?.receive(buffer[..<n]) ?? Array(buffer[..<n])
      } catch {
        out.append(drop(error.description, now: now))
        break
      }
      if tls != nil { flush() }
      for item in stream.take(bytes) {
        switch item {
        case .opened: opened()
        case .line(let line):
          guard let message = Self.decode(line) else { continue }
          // Who was refused asks again, but seldom: it may be resumed, or upgraded.
          if case .refused = message {
            backoff = LinkConnection.longestBackoff
          } else {
            backoff = LinkConnection.firstBackoff
          }
          out.append(.message(message))
        case .refused(let reason): out.append(drop(reason, now: now))
        case .ended: out.append(drop("the controller ended the link", now: now))
        }
      }
    }
    return out
  }

  /// The next dial begins with the address that has worked.
  private mutating func opened() {
    isOpen = true
    guard let dialing else { return }
    dialled = dialing.text
    next = dialing.index
  }

  private static func decode(_ line: [UInt8]) -> ControllerMessage? {
    do {
      return try ControllerMessage.decode(try JSON.parse(line))
    } catch {
      // A message that cannot be read is ignored like one that was lost: the next one heals it.
      return nil
    }
  }

  /// Ends the connection; the next dial comes after a growing time, so that a thousand nodes do not dial at once.
  mutating func drop(_ reason: String, now: Int64) -> LinkEvent {
    if descriptorNow >= 0 { close(descriptorNow) }
    descriptorNow = -1
    let isInRound = !isOpen && dialing.map { ($0.index + 1) % $0.count != 0 } ?? false
    awaited = nil
    tls = nil
    isConnecting = false
    isOpen = false
    outgoing = []
    chance ^= chance << 13
    chance ^= chance >> 7
    chance ^= chance << 17
    if isInRound {
      redialAt = now
      return .closed(reason)
    }
    redialAt = now + backoff / 2 + Int64(chance % UInt64(backoff))
    backoff = min(backoff * 2, LinkConnection.longestBackoff)
    return .closed(reason)
  }
}
