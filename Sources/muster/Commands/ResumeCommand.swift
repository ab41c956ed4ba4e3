import ArgumentParser
import MusterProtocol

struct ResumeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume", abstract: "Take a drained or isolated node back into service.")

  @Argument(help: "The node's name.")
  var name: String

  @OptionGroup var connection: ConnectionOptions

  func run() throws { try connection.change(node: name, "resume", [:]) }
}
