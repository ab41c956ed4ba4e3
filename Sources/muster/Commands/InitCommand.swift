import ArgumentParser
import Foundation
import Glibc
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
    try write(Array(JobFile.sample.utf8))
    if json {
      Terminal.out(JSON.object([.init(name: "file", value: .string(file))]).text + "\n")
    } else {
      Terminal.out("Wrote \(file). Change it, then: muster submit \(file)\n")
    }
  }

  private func write(_ bytes: [UInt8]) throws {
    let descriptor = open(file, O_WRONLY | O_CREAT | O_CLOEXEC | (force ? O_TRUNC : O_EXCL), 0o644)
    guard descriptor >= 0 else {
      if errno == EEXIST { throw CommandFailure.fileExists(file) }
      throw CommandFailure.unwritableFile(file, reason: String(cString: strerror(errno)))
    }
    defer { close(descriptor) }
    do {
      try FileHandle(fileDescriptor: descriptor, closeOnDealloc: false).write(contentsOf: bytes)
    } catch {
      throw CommandFailure.unwritableFile(file, reason: String(cString: strerror(errno)))
    }
  }
}
