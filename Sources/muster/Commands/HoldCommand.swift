import ArgumentParser

struct HoldCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hold", abstract: "Keep jobs that wait from starting, until they are released.")

  @Argument(help: "The jobs' numbers; an array's number is all of its tasks, ARRAY_INDEX one.")
  var jobs: [JobReference]

  @OptionGroup var connection: ConnectionOptions

  func run() throws { try connection.change(jobs: jobs, "hold", told: "held") }
}
