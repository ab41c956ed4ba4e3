import MusterTLS

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A TCP connection with deadlines. Never blocks outside `poll`.
final class Socket {
  let descriptor: Int32
  let address: String
  private var tls: TLSStream?

  private init(descriptor: Int32, address: String) {
    self.descriptor = descriptor
    self.address = address
  }

  deinit { close(descriptor) }

  /// Tries every address that the host's name has, in the resolver's order.
  static func connect(to endpoint: Endpoint, until deadline: Deadline) throws(ClientError) -> Socket {
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_socktype = streamType
    var list: UnsafeMutablePointer<addrinfo>?
    let result = getaddrinfo(endpoint.host, String(endpoint.port), &hints, &list)
    guard result == 0 else {
      throw .unreachable(address: endpoint.address, reason: String(cString: gai_strerror(result)))
    }
    defer { freeaddrinfo(list) }
    var reason = "no address"
    var left = Int64(sequence(first: list, next: { $0?.pointee.ai_next }).prefix { $0 != nil }.count)
    var next = list
    while let candidate = next?.pointee {
      next = candidate.ai_next
      // An address that does not answer must not take the time of those after it.
      let share = deadline.share(of: left)
      left -= 1
      let descriptor = socket(candidate.ai_family, candidate.ai_socktype, candidate.ai_protocol)
      guard descriptor >= 0 else {
        reason = systemMessage(errno)
        continue
      }
      let connection = Socket(descriptor: descriptor, address: endpoint.address)
      let failure = connection.open(candidate, until: share)
      if failure == 0 {
        if case .tls(let authority) = endpoint.security {
          try connection.secure(.authority(pem: authority), until: deadline)
        }
        return connection
      }
      reason = systemMessage(failure)
    }
    throw .unreachable(address: endpoint.address, reason: reason)
  }

  /// 0 or the system's error number.
  private func open(_ address: addrinfo, until deadline: Deadline) -> Int32 {
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    set(IPPROTO_TCP, TCP_NODELAY, 1)
    // A stream may be silent for hours: a peer that vanished without a word is found within half a minute.
    set(SOL_SOCKET, SO_KEEPALIVE, 1)
    #if os(Linux)
      set(IPPROTO_TCP, TCP_KEEPIDLE, 10)
      set(IPPROTO_TCP, TCP_KEEPINTVL, 5)
      set(IPPROTO_TCP, TCP_KEEPCNT, 3)
    #endif
    if connectCall(descriptor, address.ai_addr, address.ai_addrlen) == 0 { return 0 }
    guard errno == EINPROGRESS || errno == EINTR else { return errno }
    guard wait(for: POLLOUT, until: deadline) else { return ETIMEDOUT }
    var failure: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &size)
    return failure
  }

  /// Nothing is sent before the other side has proven to be the controller.
  private func secure(_ trust: TLSStream.Trust, until deadline: Deadline) throws(ClientError) {
    let stream: TLSStream
    do {
      stream = try TLSStream(trust: trust)
      tls = stream
      try shakeHands(stream, until: deadline)
    } catch let error as ClientError {
      throw error
    } catch let problem as TLSProblem {
      throw .untrusted(address: address, reason: problem.reason)
    } catch {
      throw .untrusted(address: address, reason: "\(error)")
    }
  }

  private func shakeHands(_ stream: TLSStream, until deadline: Deadline) throws {
    var rest: [UInt8] = []
    while !stream.isOpen {
      do {
        try sendRaw(try stream.takeOutgoing(), until: deadline)
      } catch let failure as SendFailure {
        throw ClientError.unreachable(address: address, reason: "\(failure)")
      }
      switch receive(into: &rest, until: deadline) {
      case .bytes: break
      case .nothingYet where stream.isOpen: break
      case .nothingYet: throw ClientError.unreachable(address: address, reason: "no answer to the TLS handshake")
      case .ended: throw TLSProblem.handshake("the other side ended the connection: does it speak TLS?")
      case .broken(let code): throw ClientError.unreachable(address: address, reason: Self.systemMessage(code))
      case .untrusted(let problem): throw problem
      }
    }
    try sendRaw(try stream.takeOutgoing(), until: deadline)
  }

  /// The certificates that whoever answers there shows; nothing is trusted and nothing sent.
  static func chain(at endpoint: Endpoint, until deadline: Deadline) throws(ClientError) -> [[UInt8]] {
    var plain = endpoint
    plain.security = .plain
    let socket = try connect(to: plain, until: deadline)
    try socket.secure(.nobodyYet, until: deadline)
    return socket.tls?.peerChain ?? []
  }

  private func set(_ level: some BinaryInteger, _ option: Int32, _ value: Int32) {
    var value = value
    setsockopt(descriptor, Int32(level), option, &value, socklen_t(MemoryLayout<Int32>.size))
  }

  /// False when the deadline has passed.
  private func wait(for events: Int32, until deadline: Deadline) -> Bool {
    while true {
      var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
      if poll(&entry, 1, deadline.pollTimeout) > 0 { return true }
      if deadline.isPast { return false }
    }
  }

  enum SendFailure: Error {
    case timedOut
    case broken(Int32)
  }

  /// Sends everything.
  func send(_ bytes: [UInt8], until deadline: Deadline) throws(SendFailure) {
    guard let tls else { return try sendRaw(bytes, until: deadline) }
    tls.send(bytes)
    let ciphertext: [UInt8]
    do throws(TLSProblem) { ciphertext = try tls.takeOutgoing() } catch { throw .broken(EPROTO) }
    try sendRaw(ciphertext, until: deadline)
  }

  private func sendRaw(_ bytes: [UInt8], until deadline: Deadline) throws(SendFailure) {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes { buffer in
        sendCall(descriptor, buffer.baseAddress.map { $0 + sent }, bytes.count - sent)
      }
      if count > 0 {
        sent += count
      } else if errno == EAGAIN || errno == EWOULDBLOCK {
        guard wait(for: POLLOUT, until: deadline) else { throw .timedOut }
      } else if errno != EINTR {
        throw .broken(errno)
      }
    }
  }

  enum Received {
    case bytes(Int)
    case nothingYet
    case ended
    case broken(Int32)
    case untrusted(TLSProblem)
  }

  /// Appends what is there now. Does not wait.
  func receive(into buffer: inout [UInt8]) -> Received {
    guard let tls else { return receiveRaw(into: &buffer) }
    var ciphertext: [UInt8] = []
    while true {
      let received = receiveRaw(into: &ciphertext)
      guard case .bytes = received else { return received }
      do throws(TLSProblem) {
        let wasOpen = tls.isOpen
        let plaintext = try tls.receive(ciphertext[...])
        ciphertext.removeAll(keepingCapacity: true)
        buffer += plaintext
        if !plaintext.isEmpty || (tls.isOpen && !wasOpen) { return .bytes(plaintext.count) }
        if tls.hasEnded { return .ended }
        if !tls.isOpen { return .bytes(0) }
      } catch {
        return .untrusted(error)
      }
    }
  }

  private func receiveRaw(into buffer: inout [UInt8]) -> Received {
    let chunk = 65_536
    while true {
      let count = withUnsafeTemporaryAllocation(byteCount: chunk, alignment: 16) { space in
        let count = recv(descriptor, space.baseAddress, chunk, 0)
        if count > 0 { buffer.append(contentsOf: UnsafeRawBufferPointer(rebasing: space[..<count])) }
        return count
      }
      if count > 0 { return .bytes(count) }
      if count == 0 { return .ended }
      switch errno {
      case EINTR: continue
      case EAGAIN, EWOULDBLOCK: return .nothingYet
      default: return .broken(errno)
      }
    }
  }

  /// Appends at least one byte, or answers why not: `nothingYet` means that the deadline has passed.
  func receive(into buffer: inout [UInt8], until deadline: Deadline) -> Received {
    while true {
      let received = receive(into: &buffer)
      guard case .nothingYet = received else { return received }
      guard wait(for: POLLIN, until: deadline) else { return .nothingYet }
    }
  }

  static func systemMessage(_ number: Int32) -> String { String(cString: strerror(number)) }
}

#if canImport(Glibc)
  private let streamType = Int32(SOCK_STREAM.rawValue)
  private func connectCall(_ d: Int32, _ a: UnsafePointer<sockaddr>?, _ n: socklen_t) -> Int32 {
    Glibc.connect(d, a, n)
  }
  // Without the flag a peer that has gone would kill us with SIGPIPE.
  private func sendCall(_ d: Int32, _ b: UnsafeRawPointer?, _ n: Int) -> Int {
    Glibc.send(d, b, n, Int32(MSG_NOSIGNAL))
  }
#elseif canImport(Musl)
  private let streamType = Int32(SOCK_STREAM)
  private func connectCall(_ d: Int32, _ a: UnsafePointer<sockaddr>?, _ n: socklen_t) -> Int32 {
    Musl.connect(d, a, n)
  }
  private func sendCall(_ d: Int32, _ b: UnsafeRawPointer?, _ n: Int) -> Int { Musl.send(d, b, n, Int32(MSG_NOSIGNAL)) }
#else
  private let streamType = SOCK_STREAM
  private func connectCall(_ d: Int32, _ a: UnsafePointer<sockaddr>?, _ n: socklen_t) -> Int32 {
    Darwin.connect(d, a, n)
  }
  private func sendCall(_ d: Int32, _ b: UnsafeRawPointer?, _ n: Int) -> Int { Darwin.send(d, b, n, 0) }
#endif
