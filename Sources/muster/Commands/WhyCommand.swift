import ArgumentParser
import MusterClient
import MusterProtocol

struct WhyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "why", abstract: "Say why a job is in its state: what it waits for, or why it ended.")

  @Argument(help: "The job's number.")
  var id: Int64

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let answer = try connection.client().get("/v1/jobs/\(id)/why")
    connection.show(answer) { EventsText.why(answer, $0) }
  }
}
