import Dispatch
import Glibc
import MusterCore
import MusterNode
import MusterProtocol
import MusterTLS
import Synchronization

/// Many agents and shims in one process: the real machines on real links, with ranks that are only pretended. For
/// measuring what a controller costs at the size of a fleet that one does not own.
public struct PretendFleet: ~Copyable {
  public struct Options: Sendable {
    public var addresses: LinkAddresses
    /// A join token, or on loopback a node's token.
    public var token: String
    public var nodes: Int
    public var devices: Int32
    /// The nodes' keys and certificates.
    public var dataFolder: String

    public init(addresses: LinkAddresses, token: String, nodes: Int, devices: Int32, dataFolder: String) {
      self.addresses = addresses
      self.token = token
      self.nodes = nodes
      self.devices = devices
      self.dataFolder = dataFolder
    }
  }

  /// Clocks of all links are looked at this often, input at once. Milliseconds.
  private static let tick: Int64 = 20
  private static let joinsAtOnce = 20

  private let options: Options
  private var nodes: [PretendNode] = []

  public init(_ options: Options) { self.options = options }

  /// Joins every node, then keeps them until the process is killed. `said` hears one line a step.
  public mutating func run(said: (String) -> Void) throws {
    signal(SIGPIPE, SIG_IGN)
    let begin = bootMilliseconds()
    for first in stride(from: 1, through: options.nodes, by: Self.joinsAtOnce) {
      let last = min(options.nodes, first + Self.joinsAtOnce - 1)
      nodes += try join(first...last)
      // Those that have joined live on while the others still join.
      turn(waiting: 0)
    }
    said("joined \(options.nodes) in \(bootMilliseconds() - begin) ms")
    var wasWelcome = false
    while true {
      turn(waiting: Self.tick)
      if !wasWelcome, nodes.allSatisfy(\.isWelcome) {
        wasWelcome = true
        said("connected \(options.nodes) after \(bootMilliseconds() - begin) ms")
      }
    }
  }

  /// On as many threads as there are cores, as machines that are switched on together join.
  private func join(_ numbers: ClosedRange<Int>) throws -> [PretendNode] {
    let names = numbers.map { "pretend-\($0)" }
    let options = self.options
    guard JoinToken.looksLike(options.token) else {
      return names.map { PretendNode(name: $0, options: options, credentials: .token(options.token)) }
    }
    _ = makeFolder(options.dataFolder)
    let failure = Mutex<(any Error)?>(nil)
    DispatchQueue.concurrentPerform(iterations: names.count) { i in
      let identity = NodeIdentity(folder: "\(options.dataFolder)/\(names[i])")
      guard !identity.isThere else { return }
      do {
        try Joining(addresses: options.addresses, identity: identity, name: names[i]).run(options.token)
      } catch {
        failure.withLock { $0 = error }
      }
    }
    if let error = failure.withLock({ $0 }) { throw error }
    return names.map {
      PretendNode(name: $0, options: options, credentials: .identity(folder: "\(options.dataFolder)/\($0)"))
    }
  }

  /// Takes what has come and does what is due.
  private func turn(waiting: Int64) {
    let now = bootMilliseconds()
    for node in nodes { node.tend(now: now) }
    var entries: [pollfd] = []
    var owners: [any PretendLink] = []
    entries.reserveCapacity(nodes.count)
    for node in nodes {
      node.forEachLink { link in
        guard let descriptor = link.descriptor else { return }
        entries.append(pollfd(fd: descriptor, events: link.events, revents: 0))
        owners.append(link)
      }
    }
    let until = now + waiting
    // To look at tens of thousands of links takes milliseconds: their input is taken together.
    let gathering = UInt32(min(20, nodes.count / 1_000)) * 1_000
    repeat {
      if waiting > 0, gathering > 0 { usleep(gathering) }
      let left = max(0, until - bootMilliseconds())
      guard poll(&entries, nfds_t(entries.count), Int32(clamping: left)) > 0 else { return }
      let after = bootMilliseconds()
      for i in entries.indices where entries[i].revents != 0 {
        owners[i].handle(entries[i].revents, now: after)
        // A link that was ended has another descriptor next time, or none.
        entries[i].fd = owners[i].descriptor ?? -1
        entries[i].events = owners[i].events
        entries[i].revents = 0
      }
    } while bootMilliseconds() < until
  }
}

/// One connection of a pretend agent or shim.
protocol PretendLink: AnyObject {
  var descriptor: Int32? { get }
  var events: Int16 { get }
  func handle(_ revents: Int16, now: Int64)
}
