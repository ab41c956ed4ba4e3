import ArgumentParser
import MusterClient
import MusterProtocol

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report", abstract: "Report what a job got and lost: goodput, attempts, faults.")

  @Argument(help: "The job's number, or ARRAY_INDEX.")
  var id: JobReference

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let client = connection.client()
    let report = try client.get("/v1/jobs/\(try id.resolved(client))/report")
    connection.show(report) { ReportText.text(report, $0) }
  }
}
