import ArgumentParser
import MusterProtocol

struct CancelCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cancel", abstract: "Cancel jobs: their ranks are stopped as the job file says.")

  @Argument(help: "The jobs' numbers; an array's number is all of its tasks, ARRAY_INDEX one.")
  var jobs: [JobReference]

  @OptionGroup var connection: ConnectionOptions

  func run() throws { try connection.change(jobs: jobs, "cancel") }
}
