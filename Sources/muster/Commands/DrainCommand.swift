import ArgumentParser
import MusterProtocol

struct DrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "drain", abstract: "Let a node's jobs end and give it no new ones.")

  @Argument(help: "The node's name.")
  var name: String

  @Option(help: "Why; everybody sees it.")
  var reason: String

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    try connection.change(node: name, "drain", ["reason": .string(reason)])
  }
}
