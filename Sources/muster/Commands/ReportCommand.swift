import ArgumentParser
import MusterClient
import MusterProtocol

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report", abstract: "Report what a job got and lost: goodput, attempts, faults.")

  @Argument(help: "The job's number.")
  var id: Int64

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let report = try connection.client().get("/v1/jobs/\(id)/report")
    connection.show(report) { ReportText.text(report, $0) }
  }
}
