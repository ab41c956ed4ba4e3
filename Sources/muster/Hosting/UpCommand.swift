import ArgumentParser
import MusterClient
import MusterCore
public import MusterEngines
import MusterProtocol
public import MusterServer

struct UpCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "up", abstract: "Run a controller and local nodes on this machine.",
    discussion: """
      Ctrl-C lets running jobs go on for 10 s, then stops their ranks (they go on from their checkpoints at the next \
      `muster up`); a second Ctrl-C kills at once.

      With --simulate nothing is run: the fleet is pretended, in faster time, for trying Muster on one that you do not have.
      """)

  @OptionGroup var hosting: HostingOptions

  @OptionGroup(title: "A pretend fleet") var simulated: SimulateOptions

  @Option(name: .customLong("nodes"), help: "Local nodes, 1 to 64 (default: 1).")
  var givenNodes: Int?

  @Option(name: .customLong("devices"), help: "Devices that each node declares, 0 to 64 (default: 8).")
  var givenDevices: Int?

  private var nodes: Int { givenNodes ?? 1 }
  private var devices: Int { givenDevices ?? 8 }

  @OptionGroup var node: NodeOptions

  @OptionGroup var counters: CounterOptions

  @Option(
    help: ArgumentHelp(
      "Nodes serve metrics on loopback, from this port on, one a node; 0 lets the kernel choose. Default: off. (The controller's are always there.)",
      valueName: "port"))
  var metricsPort: Int?

  static let drain = Duration.seconds(10)

  func validate() throws {
    guard Loopback.contains(try hosting.address().host) else {
      throw ValidationError(
        "--listen is \"\(hosting.listen)\": `up` is for this machine alone (127.0.0.1, ::1); `muster server --tls` for more"
      )
    }
    guard (1...64).contains(nodes) else { throw ValidationError("--nodes is \(nodes): from 1 to 64") }
    if let metricsPort, metricsPort != 0, !(1024...(65_536 - nodes)).contains(metricsPort) {
      throw ValidationError(
        "--metrics-port is \(metricsPort): 0, or from 1024 to \(65_536 - nodes), so that each node has one")
    }
    guard (0...64).contains(devices) else { throw ValidationError("--devices is \(devices): from 0 to 64") }
    guard let file = simulated.simulate else { return }
    let real = [
      ("--nodes", givenNodes != nil), ("--devices", givenDevices != nil), ("--lease", hosting.lease != nil),
      ("--label", !node.labels.isEmpty), ("--device-type", node.deviceType != nil),
      ("--dcgm-exporter", counters.dcgmExporter != nil), ("--device-recording", counters.deviceRecording != nil),
    ]
    if let other = real.first(where: \.1) {
      throw ValidationError("\(other.0) is for real nodes: \(file) says what the pretend fleet is")
    }
  }

  func run() async throws {
    if let file = simulated.simulate { return try await SimulatedUp(options: simulated, hosting: hosting).run(file) }
    // What is wrong with it is told here, and not in each agent's log.
    _ = try counters.read()
    let expected = nodes
    let server = try await hosting.open { options in options.limits.expectedNodes = expected }
    let engine = LocalEngine(
      LocalEngine.Options(
        nodes: nodes, devices: devices, dataFolder: hosting.folder, executable: Paths.executable(),
        nodeArguments: node.labels.flatMap { ["--label", $0] } + (node.deviceType.map { ["--device-type", $0] } ?? [])
          + counters.arguments,
        metricsPort: metricsPort),
      listener: server)
    let (nodes, devices, folder, json) = (self.nodes, self.devices, hosting.folder, hosting.json)
    let isDefault = folder == Paths.dataFolder()
    let watching = Box<Task<Void, any Error>?>(nil)
    try await Serving.run(
      server, options: hosting,
      started: { address in
        try await engine.start()
        watching.set(Task { try await engine.run() })
        let missing = try await Self.missingNodes(server, names: LocalEngine.nodeNames(nodes))
        if json {
          let shown: JSON = [
            "address": .string(address), "data": .string(folder), "version": .string(Version.current),
            "nodes": JSON(nodes), "devices": JSON(devices),
            "notReady": .array(
              missing.map { ["name": .string($0.name), "reason": .string($0.reason), "remedy": .string($0.remedy)] }),
          ]
          return Terminal.out(shown.text + "\n")
        }
        let flag = isDefault ? "" : " --data \(folder)"
        Terminal.out(
          """
          Muster \(Version.current) is up: \(address), \(nodes) nodes of \(devices) devices, data in \(folder)

            muster nodes\(flag)
            muster run\(flag) --nodes \(min(2, nodes)) -- hostname
            muster submit\(flag) job.yaml        (muster init writes one)

          The page: \(address)/ (it asks for the token in \(folder)/token)

          Ctrl-C stops it.

          """)
        for node in missing { Terminal.out("\(node.name) is not ready: \(node.reason). \(node.remedy)\n") }
      },
      stopping: {
        let running = try await server.runningJobs()
        if running > 0 { Terminal.out("\nDraining: \(running) jobs run; up to 10 s. Ctrl-C again kills.\n") }
        let left = running > 0 ? try await server.drain(within: Self.drain) : 0
        if left > 0 {
          Terminal.out(
            "Stopping the ranks of \(left) jobs; they go on from their checkpoints at the next `muster up`.\n")
          _ = try await server.stopRanks(within: .seconds(5))
        }
        watching.get()?.cancel()
        await engine.stop()
        Terminal.out("Stopped: no rank runs.\n")
      },
      killing: {
        await server.noteStop(within: .seconds(1))
        await engine.stop()
      })
  }
}

extension UpCommand {
  private struct Missing: Sendable {
    var name: String
    var reason: String
    var remedy: String
  }

  /// An agent that has not reported after this long has a reason that its log says.
  private static let patience = Duration.seconds(10)

  /// Waits for each of these nodes until it is ready, or will not be without a person. Those of an earlier start that
  /// asked for more nodes are not waited for.
  private static func missingNodes(_ server: Server, names: [String]) async throws -> [Missing] {
    let deadline = ContinuousClock.now + patience
    while true {
      let standings = try await server.nodeStandings()
      let left = names.filter { name in !standings.contains { $0.name == name && $0.isReady } }
      let out = left.compactMap { name in standings.first { $0.name == name && $0.outOfService != nil } }
      if left.count == out.count || ContinuousClock.now > deadline {
        return left.map { name in
          if let reason = out.first(where: { $0.name == name })?.outOfService {
            return Missing(name: name, reason: reason, remedy: "`muster resume \(name)` puts it back into service")
          }
          return Missing(
            name: name, reason: "its agent has not reported in \(patience.components.seconds) s",
            remedy: "its log is \(name)/agent.log in the data folder's nodes")
        }
      }
      try await Task.sleep(for: .milliseconds(20))
    }
  }
}

extension Server: EngineListener {}
