import ArgumentParser
import MusterClient
import MusterProtocol

struct NodesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "nodes", abstract: "List nodes.")

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let client = connection.client()
    let nodes = try client.pages("/v1/nodes", key: "nodes")
    connection.show(.array(nodes)) { NodesText.table(nodes, now: ConnectionOptions.now(client), $0) }
  }
}
