import ArgumentParser
import MusterClient
import MusterProtocol

struct JobCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "job", abstract: "Show one job and its ranks.")

  @Argument(help: "The job's number.")
  var id: Int64

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let job = try connection.client().get("/v1/jobs/\(id)")
    connection.show(job) { JobsText.detail(job, now: CallerContext.nowUnixSeconds, $0) }
  }
}
