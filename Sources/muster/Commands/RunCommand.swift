import ArgumentParser
import MusterClient
import MusterCore
import MusterProtocol

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Run a command as a job and follow it to its end.",
    usage: "muster run [--nodes N] [--devices N] [--ranks N] [<options>] -- <command> ...",
    discussion: """
      Shows what the ranks write (up to 8 ranks all of them, each line with its rank in front; of a larger job rank 0) \
      and, on standard error, what happens to the job. Ctrl-C cancels it, a second one leaves it to itself. Exits with \
      the code of the first rank that failed (128 + the signal's number). A controller's restart is waited through.
      """)

  @Option(help: "Nodes that start together, all or none.")
  var nodes: Int64 = 1

  @Option(help: "Devices of each node.")
  var devices: Int64 = 0

  @Option(help: "Ranks on each node (default: one for each device, else one).")
  var ranks: Int64?

  @Option(help: "CPU cores of each node.")
  var cpus: Int64?

  @Option(help: "Memory of each node, e.g. 16GiB.")
  var memory: String?

  @Option(help: "The longest time from the first start, e.g. 12h.")
  var walltime: String?

  @Option(help: "The job's name (default: the program's).")
  var name: String?

  @Option(help: "Who it is for.")
  var project: String?

  @Option(help: "Higher first: a number, or a priority's name.")
  var priority: String?

  @Option(
    name: .customLong("env"), help: ArgumentHelp("A variable for the ranks; may be repeated.", valueName: "name=value"))
  var variables: [String] = []

  @Flag(help: "Add the caller's environment (never MUSTER_*).")
  var exportEnv = false

  @OptionGroup var wishes: WishOptions

  @OptionGroup var connection: ConnectionOptions

  @Argument(parsing: .captureForPassthrough, help: "The program and its arguments.")
  var command: [String]

  /// The command takes everything from the first word that is no option of ours: also an option that we do not know,
  /// which is a slip and no program.
  func validate() throws {
    if wishes.array != nil {
      throw ValidationError("--array: `run` follows one job; submit an array with `muster submit --array`")
    }
    guard let first = command.first, first != "--", first.hasPrefix("-") else { return }
    if first == "--help" || first == "-h" { throw CleanExit.helpRequest(self) }
    throw ValidationError("Unknown option '\(first)'; the command starts behind --")
  }

  func run() throws {
    let words = command.first == "--" ? Array(command.dropFirst()) : command
    let client = connection.client()
    let now = wishes.begin?.hasPrefix("now") == true ? try ConnectionOptions.clock(client) : CallerContext.now
    let context = CallerContext.submission(exportsEnvironment: exportEnv, defaultName: nil, now: now)
    let spec: JobSpec
    switch JobFile.parse(json: try document(words, wishes.fields()), context: context) {
    case .success(let value): spec = value
    case .failure(let errors): throw CommandFailure.wrongJob(file: "", errors)
    }
    client.waitsForController = true
    let answer = try Submission.send(spec.specJSON, key: nil, client: client)
    guard let id = answer["id"]?.intValue else {
      throw ClientError.notMuster(address: connection.data ?? "", reason: "its answer has no id")
    }
    Terminal.error("muster: job \(id) submitted\n")
    let status = try RunSession(id: id, source: connection.source, isJSON: connection.json).run()
    if status != 0 { throw CommandFailure.silent(code: status) }
  }

  /// The options as a job file in the short form.
  private func document(_ words: [String], _ wishes: [JSON.Member]) throws -> JSON {
    var gang: [JSON.Member] = [
      .init(name: "nodes", value: .int(nodes)), .init(name: "devicesPerNode", value: .int(devices)),
    ]
    if let ranks { gang.append(.init(name: "ranksPerNode", value: .int(ranks))) }
    if let cpus { gang.append(.init(name: "cpus", value: .int(cpus))) }
    if let memory { gang.append(.init(name: "memory", value: .string(memory))) }
    var members: [JSON.Member] = [
      .init(name: "gang", value: .object(gang)),
      .init(name: "command", value: .array(words.map { .string($0) })),
    ]
    for (field, value) in [("name", name), ("project", project), ("walltime", walltime)] {
      if let value { members.append(.init(name: field, value: .string(value))) }
    }
    if let priority {
      members.append(.init(name: "priority", value: Int64(priority).map { .int($0) } ?? .string(priority)))
    }
    members.append(.init(name: "environment", value: .object(try environment())))
    return .object(members + wishes)
  }

  /// Of a variable that was given twice the last one counts, as in `env`.
  private func environment() throws -> [JSON.Member] {
    var values: [String: String] = [:]
    for variable in variables {
      guard let equals = variable.firstIndex(of: "="), equals > variable.startIndex else {
        throw CommandFailure.wrongVariable(variable)
      }
      values[String(variable[..<equals])] = String(variable[variable.index(after: equals)...])
    }
    return values.sorted { $0.key < $1.key }.map { JSON.Member(name: $0.key, value: .string($0.value)) }
  }
}
