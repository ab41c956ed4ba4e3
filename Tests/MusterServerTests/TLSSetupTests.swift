import Foundation
import MusterTLS
import Testing

@testable import MusterServer

@Suite struct TLSSetupTests {
  @Test("an authority that is there and cannot be read is told, not replaced: every node would have to join again")
  func unreadableAuthority() throws {
    let folder = NSTemporaryDirectory() + "muster-authority-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }  // a temporary folder left behind is no failure
    try FileManager.default.createDirectory(atPath: folder + "/ca", withIntermediateDirectories: true)
    let key = folder + "/ca/key.pem"
    // Readable for nobody, root included.
    try FileManager.default.createSymbolicLink(atPath: key, withDestinationPath: key)
    let told = #expect(throws: PEMFile.Failure.self) {
      _ = try TLSSetup.open(folder: folder, host: "127.0.0.1", nodeLifetime: 3600)
    }
    #expect(told?.path == key)
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: key) == key)
  }
}
