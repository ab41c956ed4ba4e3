import Foundation

/// A folder that ends with its test.
public final class TestFolder: Sendable {
  public let path: String

  public init() throws {
    var template = Array((NSTemporaryDirectory() + "/muster-test-XXXXXX").utf8CString)
    guard let made = mkdtemp(&template) else { throw CocoaError(.fileWriteUnknown) }
    path = String(cString: made)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }  // Left-overs in the temporary folder harm nobody.

  public func write(_ text: String, to name: String) throws {
    try text.write(toFile: path + "/" + name, atomically: true, encoding: .utf8)
  }

  /// As a controller does at its start.
  public func describe(_ controller: ScriptedController, token: String = "secret") throws {
    try write(controller.address + "\n", to: "address")
    try write(token + "\n", to: "token")
  }
}
