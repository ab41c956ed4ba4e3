import ArgumentParser
import MusterClient
import MusterProtocol

struct QuotaCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "quota", abstract: "Show what projects are guaranteed, what their running jobs hold, what they borrow."
  )

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let quota = try connection.client().get("/v1/quota")
    connection.show(quota) { QuotaText.tree(quota, $0) }
  }
}
