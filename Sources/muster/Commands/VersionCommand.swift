import ArgumentParser
import MusterProtocol

struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "version", abstract: "Print this program's version and the protocol that it speaks.")

  @Flag(help: "Print JSON.")
  var json = false

  func run() { Terminal.out(Self.text(isJSON: json)) }

  static func text(isJSON: Bool) -> String {
    guard isJSON else { return "muster \(Version.current)\n" }
    let version: JSON = ["version": .string(Version.current), "protocol": .int(Version.protocolNumber)]
    return version.text + "\n"
  }
}
