import Foundation
import MusterTestKit

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
  private let process: ChildProcess

  init(
    _ arguments: [String], controller: ScriptedController? = nil, environment: [String: String] = [:],
    in workingFolder: String? = nil, input: String? = nil
  ) throws {
    folder = try TestFolder()
    if let controller { try folder.describe(controller) }
    for name in ["out", "err", "in"] { try folder.write(name == "in" ? input ?? "" : "", to: name) }
    let path = folder.path
    let files = try [("in", O_RDONLY), ("out", O_WRONLY), ("err", O_WRONLY)].map { name, mode in
      let file = open(path + "/" + name, mode | O_CLOEXEC)
      guard file >= 0 else { throw CocoaError(.fileNoSuchFile) }
      return file
    }
    defer { for file in files { close(file) } }
    process = try ChildProcess(
      Self.path, arguments,
      environment: ["MUSTER_DATA": folder.path, "PATH": "/usr/bin:/bin", "HOME": folder.path]
        .merging(environment) { $1 },
      in: workingFolder, input: files[0], output: files[1], error: files[2])
  }

  /// Ctrl-C.
  func interrupt() { process.signal(SIGINT) }

  func finish() throws -> Result {
    let status = try process.wait()
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
