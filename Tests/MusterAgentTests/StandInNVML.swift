import Foundation
import MusterTestKit

/// A management library of our own (Tests/Support/nvml_stand_in.c), made anew for each test: it answers what the test
/// tells it to.
final class StandInNVML {
  static let isPossible = FileManager.default.isExecutableFile(atPath: "/usr/bin/cc")

  let folder: TestFolder
  var library: String { folder.path + "/libnvidia-ml.so.1" }

  init(_ values: [String]) throws {
    folder = try TestFolder()
    let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Support/nvml_stand_in.c").path
    let compile = try ChildProcess(
      "/usr/bin/cc", ["-shared", "-fPIC", "-o", library, source], environment: ["PATH": "/usr/bin:/bin"])
    guard try compile.wait() == 0 else { throw CocoaError(.executableNotLoadable) }
    try tell(values)
  }

  /// From now on; a line a value, as the C file says.
  func tell(_ values: [String]) throws { try folder.write(values.joined(separator: "\n") + "\n", to: "values") }
}
