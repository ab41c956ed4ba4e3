import ArgumentParser
import MusterClient
import MusterProtocol

struct NodeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "node", abstract: "Show one node.")

  @Argument(help: "The node's name.")
  var name: String

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let client = connection.client()
    let node = try client.get("/v1/nodes/\(HTTPRequest.escaped(name))")
    connection.show(node) { NodesText.detail(node, now: ConnectionOptions.now(client), $0) }
  }
}
