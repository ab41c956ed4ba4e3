import ArgumentParser
import MusterClient
import MusterProtocol

struct PolicyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy", abstract: "Print topology, projects and priorities as declared, as `apply` reads them.")

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let policy = try connection.client().get("/v1/policy")
    // JSON is YAML: what this prints is a policy file.
    connection.show(policy) { _ in policy.pretty + "\n" }
  }
}
