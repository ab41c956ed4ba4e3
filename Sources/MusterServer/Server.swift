import Hummingbird
import HummingbirdCore
import HummingbirdTLS
public import Logging
public import MusterCore
import MusterJournal
import MusterProtocol
import MusterTLS
import NIOCore

/// The controller's process: journal, writer, follower and the HTTP API.
public struct Server: Sendable {
  public struct Options: Sendable {
    public var dataFolder: String
    public var host: String
    /// 0: the kernel chooses.
    public var port: Int
    public var limits = Options.standardLimits
    /// The journal's facts before its newest snapshot are not checked.
    public var trustsSnapshot = false
    /// Other hosts may reach it: TLS 1.3, nodes with certificates.
    public var hasTLS = false
    /// How long a node's certificate is valid; renewed at half of it. Seconds.
    public var certificateLifetime: Int64 = 86_400
    /// Nil: a real fleet.
    public var pretence: Pretence?
    /// Names that browsers know it by, beside loopback and the host it listens on.
    public var allowedHosts: [String] = []
    /// The page's files are read from there at each request; nil: they are in the program.
    public var pageFolder: String?
    /// How long what the devices did is kept.
    public var rollupsKept = RollupsKept()
    /// Thresholds of findings, prices, what happens to idle jobs.
    public var efficiency = EfficiencySource()

    public init(dataFolder: String, host: String = "127.0.0.1", port: Int = 7070) {
      self.dataFolder = dataFolder
      self.host = host
      self.port = port
    }

    /// People are told at once what no fleet of the nodes known could ever run.
    static var standardLimits: Limits {
      var limits = Limits()
      limits.refusesImpossible = true
      return limits
    }
  }

  public let folder: DataFolder
  let options: Options
  let api: API
  let logger: Logger
  let follower: Follower
  let telemetry: Telemetry
  let olderFacts: OlderFacts?
  let tls: ControllerTLS?
  let sessions: Sessions

  /// Opens the journal and starts the writer: from here on the folder is this process's.
  public init(_ options: Options, logger: Logger) async throws {
    self.options = options
    self.logger = logger
    folder = DataFolder(path: options.dataFolder)
    let events = EventHub()
    do {
      try folder.claim(isPretended: options.pretence != nil)
    } catch let failure as DataFolder.Failure {
      throw StartFailure(reason: failure.description)
    }
    do {
      tls =
        options.hasTLS
        ? try TLSSetup.open(
          folder: options.dataFolder, host: options.host, nodeLifetime: options.certificateLifetime) : nil
    } catch {
      throw StartFailure(reason: "TLS cannot be set up: \(error)")
    }
    let writer: Writer
    do {
      writer = try await Writer(
        folder: folder, events: events, limits: options.limits, logger: logger,
        trustsSnapshot: options.trustsSnapshot, pretence: options.pretence)
    } catch WriterFailure.cannotStart(let reason) {
      throw StartFailure(reason: reason)
    }
    sessions = Sessions(file: options.dataFolder + "/sessions", now: WallClock.seconds)
    follower = Follower(folder: folder, logger: logger)
    telemetry = Telemetry(
      follower: follower,
      store: RollupStore(dataFolder: options.dataFolder, kept: options.rollupsKept, logger: logger), logger: logger,
      pretended: options.pretence?.devices, clock: { writer.now.nanoseconds / 1_000_000 })
    api = API(
      writer: writer, events: events, folder: folder, follower: follower, telemetry: telemetry,
      gpuTime: { [follower] in try await follower.gpuTime(upTo: writer) },
      efficiency: EfficiencyParts(
        source: options.efficiency, devices: { [telemetry] in await telemetry.devices(of: $0) },
        partOfRun: { [telemetry] in await telemetry.total(ofJob: $0, in: $1) }),
      speed: options.pretence?.speed)
    let unchecked = writer.opening.verifiedAfter
    if options.trustsSnapshot, unchecked > 0 {
      logger.warning("the journal's facts up to sequence \(unchecked) were not checked: --trust-snapshot")
    }
    olderFacts = options.trustsSnapshot ? nil : OlderFacts(folder: folder, logger: logger, until: unchecked)
  }

  public struct StartFailure: Error, CustomStringConvertible {
    public var reason: String
    public var description: String { reason }
  }

  /// SHA-256 of the key of the controller's authority, in hexadecimal; nil without TLS.
  public var authorityFingerprint: String? { tls?.authority.fingerprint }

  /// Serves until the task is cancelled. `started` hears the address, as commands find it.
  public func run(started: @escaping @Sendable (String) async throws -> Void) async throws {
    let router = try routes()
    let (folder, scheme) = (self.folder, tls == nil ? "http" : "https")
    // On all addresses it is reached by this machine's own commands over loopback.
    let host = options.host == "0.0.0.0" ? "127.0.0.1" : options.host == "::" ? "::1" : options.host
    let server: HTTPServerBuilder = try tls.map { try .tls(.http1(), tlsConfiguration: $0.configuration()) } ?? .http1()
    // It reports clients that went away, and its own end, as errors: what matters is thrown.
    var quiet = logger
    if quiet.logLevel > .debug { quiet.logLevel = .critical }
    let (ports, heard) = AsyncStream.makeStream(of: Int.self)
    let application = Application(
      router: router, server: server,
      configuration: ApplicationConfiguration(
        address: .hostname(options.host, port: options.port), serverName: "muster", backlog: 4096),
      // Nothing is accepted before this returns: whoever waits for an answer must not wait here.
      onServerRunning: { channel in heard.yield(channel.localAddress?.port ?? 0) }, logger: quiet)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await application.run() }
      group.addTask {
        async let older: Void? = olderFacts?.check()
        try await follower.run()
        try await older
      }
      group.addTask {
        await self.api.writer.waitForEnd()
        try Task.checkCancellation()
        throw StartFailure(reason: "the journal cannot be used any more: its log says why")
      }
      group.addTask { try await self.api.events.keepAlive() }
      group.addTask { try await telemetry.run() }
      group.addTask { try await self.api.efficiency.source.watch(logger) }
      group.addTask { try await IdleLoop(api: self.api, logger: logger).run() }
      group.addTask {
        for await port in ports {
          let shown = host.contains(":") ? "[\(host)]" : host
          let address = "\(scheme)://\(shown):\(port)"
          try folder.writeAddress(address)
          try await started(address)
        }
      }
      _ = try await group.next()
      group.cancelAll()
    }
  }

  /// Ends the writer after what waits has been done, and closes the journal.
  public func close() async {
    await telemetry.finish()
    await api.writer.stop()
  }

  /// The engine's word: all processes of that node are gone.
  public func nodeDied(_ name: String, evidence: String) {
    _ = api.writer.put(.faults) { state in
      _ = state.handle(.nodeDied(node: name, evidence: evidence), from: .faults)
      return nil
    }
  }

  /// A node as its engine waits for it.
  public struct NodeStanding: Sendable {
    public var name: String
    /// In service with an agent that has reported: a job may start there.
    public var isReady: Bool
    /// Out of service until a person says otherwise; nil if it is not.
    public var outOfService: String?
  }

  public func nodeStandings() async throws -> [NodeStanding] {
    try await api.writer.read { state in
      state.controller.cluster.nodes.indices.map { i in
        let hot = state.controller.cluster.nodes[i]
        let details = state.controller.cluster.nodeDetails[i]
        // A suspect, or one isolated for silence alone, comes back by itself when its agent has reported.
        let isOut = hot.state == .draining || hot.state == .drained || (hot.state == .isolated && hot.onEvidence)
        return NodeStanding(
          name: details.joined.name,
          isReady: hot.state == .ready && state.controller.free(NodeID(Int32(i))) != nil,
          outOfService: isOut ? "\(hot.state): \(details.reason)" : nil)
      }
    }
  }

  /// Names of the nodes that are isolated: the engine starts a dead one anew only when a person has resumed it.
  public func isolatedNodes() async throws -> Set<String> {
    try await api.writer.read { state in
      Set(
        state.controller.cluster.nodes.indices.compactMap { i in
          state.controller.cluster.nodes[i].state == .isolated
            ? state.controller.cluster.nodeDetails[i].joined.name : nil
        })
    }
  }

  /// From here on nothing new starts; waits until nothing runs, at most so long.
  /// - Returns: how many jobs still run.
  public func drain(within limit: Duration) async throws -> Int {
    _ = try await api.writer.command(.orders, .quiesce)
    return try await waitForQuiet(limit)
  }

  /// Stops every rank; the jobs go on from their checkpoints when a controller starts again.
  /// - Returns: how many jobs still run after that time.
  public func stopRanks(within limit: Duration) async throws -> Int {
    _ = try await api.writer.command(.orders, .stopAll)
    return try await waitForQuiet(limit)
  }

  /// Before everything is killed: makes durable that it was a person's wish and how far every job had come. Gives up
  /// after that time: a person who asks twice does not wait for a disk.
  public func noteStop(within limit: Duration) async {
    await withTaskGroup(of: Void.self) { group in
      // A writer that is stopping, or whose disk is full, cannot note it: the next start then finds the ranks dead.
      group.addTask { _ = try? await self.api.writer.command(.orders, .stopAll) }
      // Cancelled: it has been noted.
      group.addTask { try? await Task.sleep(for: limit) }
      await group.next()
      group.cancelAll()
    }
  }

  /// Nodes whose agent is connected.
  public func connectedNodes() async throws -> Int {
    try await api.writer.read { state in
      state.controller.cluster.nodes.indices.count { state.controller.agent(of: NodeID(Int32($0))).connected }
    }
  }

  public func runningJobs() async throws -> Int {
    try await api.writer.read { state in state.controller.cluster.active.count }
  }

  private func waitForQuiet(_ limit: Duration) async throws -> Int {
    let deadline = ContinuousClock.now + limit
    while ContinuousClock.now < deadline {
      if try await runningJobs() == 0 { return 0 }
      try await Task.sleep(for: .milliseconds(50))
    }
    return try await runningJobs()
  }

  /// Whether the controller counts on something running on that node.
  public func hasMembers(_ name: String) async throws -> Bool {
    try await api.writer.read { state in
      state.controller.cluster.node(named: name).map { !state.controller.cluster.memberSlots(onNode: $0).isEmpty }
        ?? false
    }
  }
}
