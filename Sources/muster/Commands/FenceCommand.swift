import ArgumentParser
import MusterProtocol

struct FenceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fence", abstract: "Declare that nothing runs on a silent node any more, so that its jobs may go on.")

  @Argument(help: "The node's name.")
  var name: String

  @Flag(help: "You have made sure that the machine is off or its processes are gone.")
  var confirmDead = false

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    guard confirmDead else { throw CommandFailure.notConfirmed(node: name) }
    try connection.change(node: name, "fence", ["confirmDead": true])
  }
}
