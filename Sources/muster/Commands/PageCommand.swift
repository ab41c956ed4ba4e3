import ArgumentParser
import MusterClient
import MusterProtocol

struct PageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "page", abstract: "Where the controller's page is, for a browser.",
    discussion:
      "The page asks for the people's token once in 12 hours. It is in the controller's DIR/token, not shown here.")

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let endpoint = try connection.source.read()
    let scheme = endpoint.security == .plain ? "http" : "https"
    let url = "\(scheme)://\(endpoint.address)/"
    connection.show(["url": .string(url)]) { _ in
      "\(url)\n  It asks for the token: the file `token` in the controller's data folder.\n"
    }
  }
}
