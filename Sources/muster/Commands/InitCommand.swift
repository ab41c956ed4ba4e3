import ArgumentParser
import Foundation
import MusterProtocol

struct InitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init", abstract: "Write a commented sample job file.")

  @Argument(help: "Where to; - is standard output.", completion: .file(extensions: ["yaml", "yml"]))
  var file = "job.yaml"

  @Flag(help: "Write over a file that is there.")
  var force = false

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    if file == "-" { return Terminal.out(JobFile.sample) }
    let options: Data.WritingOptions = force ? [.atomic] : [.withoutOverwriting]
    do {
      try Data(JobFile.sample.utf8).write(to: URL(fileURLWithPath: file), options: options)
    } catch let error as CocoaError where error.code == .fileWriteFileExists {
      throw CommandFailure.fileExists(file)
    }
    if json {
      Terminal.out(JSON.object([.init(name: "file", value: .string(file))]).text + "\n")
    } else {
      Terminal.out("Wrote \(file). Change it, then: muster submit \(file)\n")
    }
  }
}
