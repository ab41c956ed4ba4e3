import ArgumentParser
import MusterClient
import MusterCore
import MusterDevices
import MusterProtocol
import MusterServer
import MusterSim

/// `muster up --simulate`: what is pretended.
struct SimulateOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Instead of local nodes a pretend fleet of this file, as `muster sim --fleet` reads it: see docs/simulator.md.",
      valueName: "fleet.yaml"), completion: .file(extensions: ["yaml", "yml"]))
  var simulate: String?

  @Option(
    help: ArgumentHelp(
      "With --simulate: seconds that pass in one, 1 to 1000 (default: 100).", valueName: "times"))
  var speed: Int64?

  @Option(
    help: ArgumentHelp(
      "With --simulate: a trace of jobs, or none (default: a drawn mix that keeps the fleet busy). After its last row it begins anew.",
      valueName: "file"), completion: .file())
  var workload: String?

  @Option(help: "How the workload is written, csv or philly (default: what its first line says).")
  var format: Named<TraceFormat>?

  @Option(
    help: ArgumentHelp(
      "With --simulate: what breaks, a file or one of \(FaultModel.presets.map(\.name).joined(separator: ", ")) (default: what the fleet file says, else nothing).",
      valueName: "file|preset"), completion: .file())
  var faults: String?

  @Option(
    help: ArgumentHelp(
      "With --simulate: projects and priorities, as `muster apply -f` takes them.", valueName: "file"),
    completion: .file(extensions: ["yaml", "yml"]))
  var apply: String?

  @Option(help: "With --simulate: work between two checkpoints of a trace's jobs, whole seconds (default: 30m).")
  var checkpointEvery: WrittenTime?

  @Option(help: "With --simulate: what chance begins with (default: 1).")
  var seed: UInt64?

  func validate() throws {
    let given = [
      ("--speed", speed != nil), ("--workload", workload != nil), ("--format", format != nil),
      ("--faults", faults != nil), ("--apply", apply != nil), ("--checkpoint-every", checkpointEvery != nil),
      ("--seed", seed != nil),
    ]
    if simulate == nil, let alone = given.first(where: \.1) {
      throw ValidationError("\(alone.0) is for a pretend fleet: only with --simulate FLEET.yaml")
    }
    if let speed, !(1...1_000).contains(speed) { throw ValidationError("--speed is \(speed): from 1 to 1000") }
    if let every = checkpointEvery, every.milliseconds == 0 || every.milliseconds % 1000 != 0 {
      throw ValidationError("--checkpoint-every is \(every.text): whole seconds, at least 1s")
    }
    if let seed, seed > UInt64(Int64.max) { throw ValidationError("--seed is \(seed): at most \(Int64.max)") }
    if format != nil, workload == nil || workload == "none" {
      throw ValidationError("--format says how a workload is written: only with --workload FILE")
    }
  }

  /// How many seconds pass in one.
  var times: Int64 { speed ?? 100 }

  /// Ranks say how far they have come this often by the caller's clock: what people look at moves, and thousands of jobs do
  /// not fill the writer's time.
  private static let sayMilliseconds: Int64 = 500

  func settings(_ path: String) throws -> PretendSettings {
    let bytes = try InputFile.read(path)
    let fleet = try InputFile.understand(path) { () throws(InputErrors) in try SimFleet(yaml: bytes) }
    var settings = PretendSettings(fleet: fleet)
    if let apply { settings.declared = try InputFile.policy(apply, fleet: path) }
    settings.workload = try workload(on: fleet, settings.declared.priorities ?? [])
    settings.faults = try InputFile.faults(faults, on: fleet, file: path)
    if let checkpointEvery { settings.checkpointSteps = checkpointEvery.milliseconds / 1000 }
    settings.seed = seed ?? 1
    settings.sayEvery = .milliseconds(Self.sayMilliseconds * times)
    return settings
  }

  private func workload(on fleet: SimFleet, _ priorities: [PriorityClass]) throws -> PretendSettings.Workload {
    guard let workload else { return .mix }
    if workload == "none" { return .none }
    let bytes = try InputFile.read(workload)
    guard let format = format?.value ?? TraceFormat(header: bytes) else {
      throw CommandFailure.wrongInput(
        InputProblem(line: 1, field: "header", value: "(unknown)", allowed: "a header of \(Self.headers)").message(
          file: workload))
    }
    let trace = try InputFile.understand(workload) { () throws(InputErrors) in
      try Trace(bytes, format: format, fleet: fleet, priorities: priorities)
    }
    SimSession.tell(trace.rejected, of: workload)
    return .trace(trace)
  }

  private static let headers = TraceFormat.allCases.map { "\($0.rawValue) (\($0.firstColumns)...)" }
    .joined(separator: " or ")
}

/// A pretend fleet on the writer's thread.
final class PretendHost: HostedFleet {
  private var fleet: PretendFleet

  init(_ settings: PretendSettings) { fleet = PretendFleet(settings) }

  func open(_ cluster: borrowing Cluster, now: Instant) throws { try fleet.open(cluster, now: now) }

  func see(_ facts: [Fact], _ cluster: borrowing Cluster) { for fact in facts { fleet.see(fact, cluster) } }

  func due(_ now: Instant) -> [Command] { fleet.due(now) }

  var nextDue: Instant { fleet.nextDue }
}

/// What its devices would tell.
struct PretendCounters: PretendedDevices {
  let devices: PretendDevices

  var fresh: Int64 { devices.fresh }

  func rollups(
    of nodes: Range<Int32>, from: Int64, to: Int64, _ cluster: borrowing Cluster
  ) -> [(node: Int32, rollup: NodeRollup)] {
    devices.rollups(of: nodes, from: from, to: to, cluster)
  }
}

/// A controller over a pretend fleet, until a signal ends it.
struct SimulatedUp {
  let options: SimulateOptions
  let hosting: HostingOptions

  func run(_ file: String) async throws {
    let settings = try options.settings(file)
    let speed = options.times
    let server = try await hosting.open { options in
      options.limits.pretend(nodes: Int(settings.fleet.nodes))
      options.limits.expectedNodes = Int(settings.fleet.nodes)
      var pretence = Server.Options.Pretence(speed: speed) { PretendHost(settings) }
      pretence.devices = PretendCounters(devices: PretendDevices(settings, speed: speed))
      options.pretence = pretence
    }
    let started = ContinuousClock.now
    let (folder, json) = (hosting.folder, hosting.json)
    try await Serving.run(
      server, options: hosting,
      started: { address in
        try await Self.allJoined(server, settings.fleet.nodes)
        let wait = ContinuousClock.now - started
        let seconds = Double(wait.components.seconds) + Double(wait.components.attoseconds) * 1e-18
        guard json else { return Terminal.out(Self.text(settings.fleet, speed, at: address, in: folder)) }
        let shown: JSON = [
          "address": .string(address), "data": .string(folder), "version": .string(Version.current),
          "nodes": JSON(settings.fleet.nodes), "devices": .int(settings.fleet.devices),
          "simulation": ["speed": .int(speed)], "joinedSeconds": .double((seconds * 1000).rounded() / 1000),
        ]
        Terminal.out(shown.text + "\n")
      },
      stopping: {
        // Pretend ranks stop at once: nothing is drained, and the jobs go on from their checkpoints at the next start.
        _ = try await server.drain(within: .zero)
        let left = try await server.stopRanks(within: .seconds(10))
        Terminal.out("Stopped\(left > 0 ? "; \(left) jobs are begun anew at the next start" : "").\n")
      })
  }

  private static func allJoined(_ server: Server, _ nodes: Int32) async throws {
    while try await server.connectedNodes() < nodes { try await Task.sleep(for: .milliseconds(20)) }
  }

  private static func text(_ fleet: SimFleet, _ speed: Int64, at address: String, in folder: String) -> String {
    let flag = folder == Paths.dataFolder() ? "" : " --data \(folder)"
    return """
      Muster \(Version.current) pretends: \(address), \(fleet.nodes) nodes of \(fleet.devices) devices in all, \
      \(speed) s pass in one, data in \(folder)
      Nothing really runs: nodes, ranks and faults are made up; decisions, journal and answers are real.

        muster nodes\(flag)
        muster jobs\(flag)
        muster submit\(flag) job.yaml        (it takes as long as its `sleep` says)

      Ctrl-C stops it.

      """
  }
}
