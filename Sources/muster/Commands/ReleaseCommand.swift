import ArgumentParser

struct ReleaseCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "release", abstract: "Let held jobs start.")

  @Argument(help: "The jobs' numbers; an array's number is all of its tasks, ARRAY_INDEX one.")
  var jobs: [JobReference]

  @OptionGroup var connection: ConnectionOptions

  func run() throws { try connection.change(jobs: jobs, "release", told: "released") }
}
