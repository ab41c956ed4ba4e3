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
    var next = list
    while let candidate = next?.pointee {
      next = candidate.ai_next
      let descriptor = socket(candidate.ai_family, candidate.ai_socktype, candidate.ai_protocol)
      guard descriptor >= 0 else {
        reason = systemMessage(errno)
        continue
      }
      let connection = Socket(descriptor: descriptor, address: endpoint.address)
      let failure = connection.open(candidate, until: deadline)
      if failure == 0 { return connection }
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
  }

  /// Appends what is there now. Does not wait.
  func receive(into buffer: inout [UInt8]) -> Received {
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
