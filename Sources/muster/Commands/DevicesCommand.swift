import ArgumentParser
import MusterClient
import MusterProtocol

struct DevicesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "devices", abstract: "Show what devices do: the fleet's, a node's, or a job's.",
    discussion: "Told from the devices' own counters (docs/telemetry.md); nothing is told where no agent reads them.")

  @Argument(help: "A node's name: each of its devices, now.")
  var node: String?

  @Option(help: ArgumentHelp("What the devices of this job have done.", valueName: "id"))
  var job: JobReference?

  @OptionGroup var connection: ConnectionOptions

  func validate() throws {
    if let node, let job { throw ValidationError("a node (\(node)) or a job (\(job)), not both") }
  }

  func run() throws {
    let client = connection.client()
    if let job {
      let told = try client.get("/v1/jobs/\(try job.resolved(client))/devices")
      connection.show(told) { DevicesText.job(told, $0) }
    } else if let node {
      let told = try client.get("/v1/nodes/\(HTTPRequest.escaped(node))/devices")
      connection.show(told) { DevicesText.node(told, $0) }
    } else {
      let told = try client.get("/v1/devices")
      connection.show(told) { DevicesText.fleet(told, $0) }
    }
  }
}
