import ArgumentParser
import MusterClient
import MusterProtocol

struct JobCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "job", abstract: "Show one job and its ranks.")

  @Argument(help: "The job's number, or ARRAY_INDEX.")
  var id: JobReference

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let client = connection.client()
    let job = try client.get("/v1/jobs/\(try id.resolved(client))")
    connection.show(job) { JobsText.detail(job, now: ConnectionOptions.now(client), $0) }
  }
}
