import ArgumentParser
import MusterProtocol

struct RevokeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "revoke", abstract: "Put a machine out for ever: its key is not let in again.",
    discussion: """
      What runs there is stopped, and its devices go to nobody until its lease is over. To let the machine in again, \
      remove its DIR/identity, join with a new token, then `muster resume NODE`.
      """)

  @Argument(help: "The node's name.")
  var name: String

  @OptionGroup var connection: ConnectionOptions

  func run() throws { try connection.change(node: name, "revoke", [:]) }
}
