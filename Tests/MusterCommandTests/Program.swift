import Foundation
import ScriptedController

/// The real program, as a person starts it.
struct Program {
  struct Result {
    var status: Int32
    var out: String
    var error: String
  }

  /// Beside the test bundle.
  static let path = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    .appendingPathComponent("muster").path

  let folder: TestFolder
  private let process = Process()

  init(
    _ arguments: [String], controller: ScriptedController? = nil, environment: [String: String] = [:],
    in workingFolder: String? = nil, input: String? = nil
  ) throws {
    folder = try TestFolder()
    if let controller { try folder.describe(controller) }
    process.executableURL = URL(fileURLWithPath: Self.path)
    process.arguments = arguments
    process.environment = ["MUSTER_DATA": folder.path, "PATH": "/usr/bin:/bin", "HOME": folder.path]
      .merging(environment) { $1 }
    if let workingFolder { process.currentDirectoryURL = URL(fileURLWithPath: workingFolder) }
    for name in ["out", "err", "in"] { try folder.write(name == "in" ? input ?? "" : "", to: name) }
    process.standardInput = FileHandle(forReadingAtPath: folder.path + "/in")
    process.standardOutput = FileHandle(forWritingAtPath: folder.path + "/out")
    process.standardError = FileHandle(forWritingAtPath: folder.path + "/err")
    try process.run()
  }

  /// Ctrl-C.
  func interrupt() { process.interrupt() }

  func finish() throws -> Result {
    process.waitUntilExit()
    let status = process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
    return Result(
      status: status, out: try String(contentsOfFile: folder.path + "/out", encoding: .utf8),
      error: try String(contentsOfFile: folder.path + "/err", encoding: .utf8))
  }

  static func run(
    _ arguments: [String], controller: ScriptedController? = nil, environment: [String: String] = [:],
    in workingFolder: String? = nil, input: String? = nil
  ) throws -> Result {
    try Program(arguments, controller: controller, environment: environment, in: workingFolder, input: input).finish()
  }
}
