import ArgumentParser
import MusterClient
import MusterProtocol

struct TokenCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "token", abstract: "Tokens that let machines join.", subcommands: [Create.self])

  struct Create: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "create", abstract: "Make a join token and print it; any number of machines may use it until then.",
      discussion: "The token alone is on the last line. The controller must run with --tls.")

    @Option(help: ArgumentHelp("How long it is valid, 1m to 30d.", valueName: "time"))
    var expires = WaitingTime(seconds: 3600)

    @OptionGroup var connection: ConnectionOptions

    func validate() throws {
      guard (60...(30 * 86_400)).contains(expires.seconds) else {
        throw ValidationError("--expires is \(expires.seconds) s: from 1m to 30d")
      }
    }

    func run() throws {
      let made = try connection.client().post("/v1/tokens", ["expiresSeconds": .double(expires.seconds)])
      connection.show(made) { _ in
        """
        Join token \(made["id"]?.intValue ?? 0), valid until \(made["expiresAt"]?.stringValue ?? "?"). On each machine:
          muster agent --join HOST:PORT --token TOKEN
        \(made["token"]?.stringValue ?? "")

        """
      }
    }
  }
}
