import ArgumentParser
import MusterClient
import MusterProtocol

struct WhyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "why", abstract: "Say why a job is in its state: what it waits for, or why it ended.")

  @Argument(help: "The job's number, or ARRAY_INDEX.")
  var id: JobReference

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let client = connection.client()
    let answer = try client.get("/v1/jobs/\(try id.resolved(client))/why")
    connection.show(answer) { EventsText.why(answer, $0) }
  }
}
