import ArgumentParser
import MusterClient
import MusterProtocol

struct EfficiencyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "efficiency",
    abstract: "Show what counts as waste, what a GPU-hour costs, and what happens to idle jobs, each with its source.",
    discussion: "A file changes it: `muster server --efficiency FILE`, and docs/waste.md.")

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let answer = try connection.client().get("/v1/efficiency")
    connection.show(answer) { EfficiencyText.settings(answer, $0) }
  }
}
