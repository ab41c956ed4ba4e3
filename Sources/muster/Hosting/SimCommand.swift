import ArgumentParser
import Glibc
import MusterCore
import MusterProtocol
import MusterSim

struct SimCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sim", abstract: "Run a job trace on a fleet that you do not have, in virtual time.",
    discussion: """
      Hosts the production core over a workload: the same decisions as a controller's, with pretend nodes and ranks. The \
      same input always gives the same output. See docs/simulator.md.
      """)

  @Option(help: "The fleet, e.g. `nodes: 64` and `devicesPerNode: 8`.", completion: .file())
  var fleet: String

  @Option(help: "The jobs: a file of --format.", completion: .file())
  var workload: String

  @Option(help: "How the workload is written: \(SimCommand.names(TraceFormat.self)).")
  var format: Named<TraceFormat>

  @Option(
    help: "Projects and priorities as `muster apply -f` takes them; the workload's columns name them.",
    completion: .file(extensions: ["yaml", "yml"]))
  var apply: String?

  @Option(help: "The first moment of submission that counts: a date or RFC 3339 time; for csv seconds.")
  var from: String?

  @Option(help: "The moment from which on submissions no longer count.")
  var to: String?

  @Option(help: "Submissions come so many times as fast, e.g. 1.5.")
  var scaleLoad: LoadScale = LoadScale(millionths: Trace.scaleUnit)

  @Option(
    help: "What breaks: a file, or one of \(FaultModel.presets.map(\.name).joined(separator: ", ")). Default: nothing.",
    completion: .file())
  var faults: String?

  @Option(help: "Work between two checkpoints, whole seconds, e.g. 10m. Default: none, a stopped job starts over.")
  var checkpointEvery: WrittenTime?

  @Option(help: "From the start of a job's next attempt until its work goes on, e.g. 3m. Default: 0s.")
  var restartCost: WrittenTime?

  @Option(help: "Who starts next: \(SimCommand.names(SimPolicy.self)).")
  var policy: Named<SimPolicy>

  @Option(help: "What chance begins with.")
  var seed: UInt64 = 1

  @Option(help: "Write the results to FILE as JSON; `-` is standard output.", completion: .file())
  var json: String?

  @Option(help: "Write a row for each job to FILE.", completion: .file())
  var jobsCsv: String?

  @Option(help: "Write a page with plots to FILE.", completion: .file())
  var html: String?

  @Option(help: "Write the facts to a new journal, for `muster replay`: a folder, or the journal.sqlite in one.")
  var journal: String?

  static func names<T: CaseIterable & RawRepresentable<String>>(_ type: T.Type) -> String {
    T.allCases.map(\.rawValue).joined(separator: ", ")
  }

  func validate() throws {
    for (name, text) in [("--from", from), ("--to", to)] {
      if let text, format.value.moment(text) == nil {
        throw ValidationError("\(name) is \(text): \(format.value.momentRule)")
      }
    }
    if let a = from.flatMap(format.value.moment), let b = to.flatMap(format.value.moment), a >= b {
      throw ValidationError("--to is \(to ?? ""): later than --from \(from ?? "")")
    }
    if let every = checkpointEvery, every.milliseconds == 0 || every.milliseconds % 1000 != 0 {
      throw ValidationError("--checkpoint-every is \(every.text): whole seconds, at least 1s")
    }
    if seed > UInt64(Int64.max) { throw ValidationError("--seed is \(seed): at most \(Int64.max)") }
    if [json, jobsCsv, html].count(where: { $0 == "-" }) > 1 {
      throw ValidationError("only one of --json, --jobs-csv and --html may be -, standard output")
    }
  }

  func run() throws {
    let (settings, hash) = try settings()
    SimSession.tell(settings.trace.rejected, of: workload)
    let session = try SimSession(settings, journal: journal.map(Paths.absolute))
    let finished = try session.run()
    let document = finished.results.json(
      inputSha256: hash, stateHash: finished.stateHash, wallSeconds: finished.wallSeconds)
    if let json { try OutputFile.write(document.pretty + "\n", to: json) }
    if let jobsCsv { try OutputFile.write(finished.results.jobsCSV, to: jobsCsv) }
    if let html { try OutputFile.write(finished.results.page(title: title), to: html) }
    if ![json, jobsCsv, html].contains("-") { Terminal.out(SimText.summary(finished)) }
  }

  private var title: String { "\(Paths.name(workload)) on \(Paths.name(fleet)), \(policy.value.rawValue)" }

  // MARK: Input

  private func settings() throws -> (SimSettings, inputHash: String) {
    let fleetBytes = try InputFile.read(fleet)
    let shape = try InputFile.understand(fleet) { () throws(InputErrors) in try SimFleet(yaml: fleetBytes) }
    let declared = try declared()
    let bytes = try InputFile.read(workload)
    let window = TraceWindow(from: from.flatMap(format.value.moment), to: to.flatMap(format.value.moment))
    let trace = try InputFile.understand(workload) { () throws(InputErrors) in
      try Trace(
        bytes, format: format.value, fleet: shape, priorities: declared.priorities, window: window,
        loadScale: scaleLoad.millionths)
    }
    var settings = SimSettings(fleet: shape, trace: trace, policy: policy.value)
    settings.declared = declared
    settings.faults = try InputFile.faults(faults, on: shape, file: fleet)
    settings.checkpointMilliseconds = checkpointEvery?.milliseconds ?? 0
    settings.restartMilliseconds = restartCost?.milliseconds ?? 0
    settings.seed = seed
    settings.keepsFacts = journal != nil
    return (settings, InputFile.sha256(bytes))
  }

  private func declared() throws -> Policy {
    guard let apply else { return Policy() }
    return try InputFile.policy(apply, fleet: fleet).merged(into: Policy())
  }
}

extension InputFile {
  /// Where nodes stand is the fleet's to say: of a file for a real fleet the rest is taken.
  static func policy(_ file: String, fleet: String) throws -> PolicyPart {
    switch PolicyPart.parse(yaml: String(decoding: try read(file), as: UTF8.self)) {
    case .failure(let errors): throw CommandFailure.wrongPolicy(file: file, errors)
    case .success(var part):
      if part.topology != nil {
        Terminal.error("muster: \(file): topology is left out: where nodes stand is what \(fleet) says\n")
        part.topology = nil
      }
      return part
    }
  }

  /// A file, or the name of a preset; where none is given, the preset that the fleet's file names.
  static func faults(_ given: String?, on fleet: SimFleet, file: String) throws -> FaultModel? {
    guard let name = given ?? fleet.faults else { return nil }
    let model: FaultModel
    if let preset = FaultModel.preset(name) {
      model = preset
    } else {
      guard access(name, F_OK) == 0 else {
        throw CommandFailure.wrongInput(
          "--faults is \"\(name)\": no such file (allowed: a file, or one of "
            + FaultModel.presets.map(\.name).joined(separator: ", ") + ")")
      }
      let bytes = try read(name)
      model = try understand(name) { () throws(InputErrors) in try FaultModel(yaml: bytes, name: Paths.name(name)) }
    }
    if model.kinds.contains(where: { $0.scope == .rack }), fleet.racks == 0 {
      let problem = InputProblem(
        field: "nodesPerRack", value: "(missing)", allowed: "a number, because \(name) has faults of racks")
      throw CommandFailure.wrongInput(problem.message(file: file))
    }
    return model
  }
}

/// One of a closed set, by its name.
struct Named<Value: CaseIterable & RawRepresentable<String>>: ExpressibleByArgument {
  var value: Value

  init?(argument: String) {
    guard let value = Value(rawValue: argument) else { return nil }
    self.value = value
  }

  static var allValueStrings: [String] { Value.allCases.map(\.rawValue) }
}

/// `1.5`, kept in whole millionths.
struct LoadScale: ExpressibleByArgument, CustomStringConvertible {
  var millionths: Int64

  init(millionths: Int64) { self.millionths = millionths }

  init?(argument: String) {
    guard let number = Double(argument), number >= 0.01, number <= 1_000 else { return nil }
    millionths = Int64((number * Double(Trace.scaleUnit)).rounded())
  }

  var description: String { "\(Double(millionths) / Double(Trace.scaleUnit))" }
}

/// `10m`, with its unit.
struct WrittenTime: ExpressibleByArgument {
  var text: String
  var milliseconds: Int64

  init?(argument: String) {
    guard let span = JobFile.span(argument) else { return nil }
    (text, milliseconds) = (argument, span.milliseconds)
  }
}
