import ArgumentParser
import MusterAgent

/// For measurements: a fleet of pretend nodes on real links.
struct PretendCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pretend", abstract: "Many pretend nodes in one process, for measuring a controller.",
    discussion: "Their ranks are not real: jobs placed on them run until they are cancelled.", shouldDisplay: false)

  @Option(help: ArgumentHelp("The controller: HOST:PORT; several with commas.", valueName: "addr"))
  var join: String

  @Option(help: ArgumentHelp("A join token; on loopback without TLS a node's token.", valueName: "token"))
  var token: String

  @Option(help: "Nodes, 1 to 62,500.")
  var nodes = 100

  @Option(help: "Devices that each node declares, 0 to 64.")
  var devices: Int32 = 8

  @Option(help: ArgumentHelp("Folder for their keys.", valueName: "dir"), completion: .directory)
  var data: String

  func validate() throws {
    guard (1...62_500).contains(nodes) else { throw ValidationError("--nodes is \(nodes): from 1 to 62500") }
    guard (0...64).contains(devices) else { throw ValidationError("--devices is \(devices): from 0 to 64") }
  }

  func run() throws {
    OpenFiles.raise()
    var fleet = PretendFleet(
      PretendFleet.Options(
        addresses: LinkAddresses(join: join.split(separator: ",").map(String.init)), token: token, nodes: nodes,
        devices: devices, dataFolder: Paths.absolute(data)))
    do {
      try fleet.run { Terminal.out($0 + "\n") }
    } catch let failure as Joining.Failure {
      throw CommandFailure.cannotServe("\(failure)")
    }
  }
}
