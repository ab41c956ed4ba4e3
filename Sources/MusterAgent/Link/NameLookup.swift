import Glibc
import Synchronization

/// An address as connect(2) takes it.
struct SocketAddress: Hashable, Sendable {
  var family: Int32
  var bytes: [UInt8]

  /// - Returns: 0, or the errno.
  func connect(_ socket: Int32) -> Int32 {
    bytes.withUnsafeBytes { raw in
      raw.withMemoryRebound(to: sockaddr.self) { buffer in
        Glibc.connect(socket, buffer.baseAddress, socklen_t(bytes.count)) == 0 ? 0 : errno
      }
    }
  }

  /// What getaddrinfo(3) says; empty if it knows nothing.
  static func all(_ host: String, _ port: UInt16, flags: Int32) -> [SocketAddress] {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = flags | AI_NUMERICSERV
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, "\(port)", &hints, &list) == 0 else { return [] }
    defer { freeaddrinfo(list) }
    var out: [SocketAddress] = []
    var entry = list
    while let found = entry {
      let bytes = Array(UnsafeRawBufferPointer(start: found.pointee.ai_addr, count: Int(found.pointee.ai_addrlen)))
      out.append(SocketAddress(family: found.pointee.ai_family, bytes: bytes))
      entry = found.pointee.ai_next
    }
    return out
  }
}

/// A question for a name's addresses, asked on a thread of its own: name servers that do not answer hold getaddrinfo(3)
/// up for many seconds, and whoever enforces a lease must not be held up.
final class NameLookup: Sendable {
  typealias Resolver = @Sendable (_ host: String, _ port: UInt16) -> [SocketAddress]
  static let system: Resolver = { SocketAddress.all($0, $1, flags: 0) }

  struct Answer: Sendable {
    /// Empty: the name means nothing, or nobody answered.
    var addresses: [SocketAddress]
    /// Boot-time milliseconds.
    var at: Int64
  }

  /// Readable as soon as there is an answer.
  let descriptor: Int32
  let begunAt: Int64
  private let found = Mutex<Answer?>(nil)

  init(_ host: String, _ port: UInt16, now: Int64, resolve: @escaping Resolver) throws(SystemFailure) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw SystemFailure(call: "pipe", code: errno) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    descriptor = ends[0]
    begunAt = now
    let done = ends[1]
    do throws(SystemFailure) {
      try DetachedThread.start { [self] in
        let answer = Answer(addresses: resolve(host, port), at: bootMilliseconds())
        found.withLock { $0 = answer }
        close(done)
      }
    } catch {
      close(done)
      throw error
    }
  }

  deinit { close(descriptor) }

  /// Nil until there is one.
  var answer: Answer? { found.withLock { $0 } }
}

/// What the controller's names mean, as far as it is known: asking never blocks. A name has one question under way at
/// most; until it is answered, what the name meant last is good enough.
struct HostNames {
  /// A dial waits so long for a name of which nothing is known. Milliseconds.
  static let patience: Int64 = 1_500
  /// And so long for one of which the last addresses are known.
  static let patienceWithKnown: Int64 = 250
  /// An answer that was not waited for is good for the next dial, if that comes soon.
  static let freshFor: Int64 = 5_000

  enum Finding {
    case addresses([SocketAddress])
    case wait(NameLookup, until: Int64)
  }

  private struct Key: Hashable {
    var host: String
    var port: UInt16
  }

  private let resolve: NameLookup.Resolver
  private var known: [Key: [SocketAddress]] = [:]
  private var asked: [Key: NameLookup] = [:]

  init(resolve: @escaping NameLookup.Resolver) { self.resolve = resolve }

  mutating func ask(_ host: String, _ port: UInt16, now: Int64) throws(SystemFailure) -> Finding {
    let numeric = SocketAddress.all(host, port, flags: AI_NUMERICHOST)
    guard numeric.isEmpty else { return .addresses(numeric) }
    let key = Key(host: host, port: port)
    if let lookup = asked[key], let answer = lookup.answer {
      let addresses = best(host, port)
      if now - answer.at <= HostNames.freshFor { return .addresses(addresses) }
    }
    let lookup: NameLookup
    if let running = asked[key] {
      lookup = running
    } else {
      lookup = try NameLookup(host, port, now: now, resolve: resolve)
      asked[key] = lookup
    }
    return .wait(
      lookup,
      until: known[key] == nil ? now + HostNames.patience : max(now, lookup.begunAt + HostNames.patienceWithKnown))
  }

  /// The answer if there is one by now, else what the name meant last; empty if nothing is known.
  mutating func best(_ host: String, _ port: UInt16) -> [SocketAddress] {
    let key = Key(host: host, port: port)
    if let answer = asked[key]?.answer {
      asked[key] = nil
      // Name servers that fail do not make a controller go away.
      if !answer.addresses.isEmpty { known[key] = answer.addresses }
    }
    return known[key] ?? []
  }
}
