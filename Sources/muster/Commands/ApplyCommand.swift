import ArgumentParser
import MusterClient
import MusterProtocol

struct ApplyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apply", abstract: "Declare topology, projects and priorities from a file.",
    discussion: """
      What the file mentions takes the place of what was declared; kinds that it does not mention are kept. \
      docs/policy.md explains the file.
      """)

  @Option(
    name: .shortAndLong, help: "A policy file in YAML or JSON; - is standard input.",
    completion: .file(extensions: ["yaml", "yml"]))
  var file: String

  @Flag(help: "Only say what would change.")
  var dryRun = false

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    guard let bytes = FileBytes.read(file, limit: PolicyPart.limitBytes + 1) else {
      throw CommandFailure.unreadableFile(file)
    }
    let part: PolicyPart
    switch PolicyPart.parse(yaml: String(decoding: bytes, as: UTF8.self)) {
    case .success(let parsed): part = parsed
    case .failure(let errors): throw CommandFailure.wrongPolicy(file: file, errors)
    }
    let answer = try connection.client().put("/v1/policy" + (dryRun ? "?dryRun=true" : ""), part.json)
    connection.show(answer) { PolicyText.applied(answer, $0) }
  }
}
