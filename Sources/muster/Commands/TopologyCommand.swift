import ArgumentParser
import MusterClient
import MusterProtocol

struct TopologyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "topology",
    abstract: "Show the fleet by its places: what is free, busy and out of service, and which gangs would fit.")

  @Option(help: ArgumentHelp("Show all domains of this level, and no others.", valueName: "level"))
  var level: String?

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let query = level.map { "?level=" + HTTPRequest.escaped($0) } ?? ""
    let topology = try connection.client().get("/v1/topology" + query)
    connection.show(topology) { TopologyText.text(topology, level: level, $0) }
  }
}
