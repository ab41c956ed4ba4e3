import MusterClient
import MusterProtocol

extension ConnectionOptions {
  /// Asks for a change of a node and shows what it is then.
  func change(node name: String, _ action: String, _ body: JSON) throws {
    let client = client()
    let node = try client.post("/v1/nodes/\(HTTPRequest.escaped(name))/\(action)", body)
    show(node) { NodesText.table([node], now: Self.now(client), $0) }
  }
}
