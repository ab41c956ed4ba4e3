import ArgumentParser
import MusterClient
import MusterProtocol

struct NodeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "node", abstract: "Show one node.")

  @Argument(help: "The node's name.")
  var name: String

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let node = try connection.client().get("/v1/nodes/\(HTTPRequest.escaped(name))")
    connection.show(node) { NodesText.detail(node, now: CallerContext.nowUnixSeconds, $0) }
  }
}
