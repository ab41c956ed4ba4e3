import CPage
import Crypto
import Foundation
import Hummingbird
import Synchronization

/// The page's files: those in the program, or a folder's as it is now.
struct PageAssets: Sendable {
  struct Asset: Sendable {
    var type: String
    var body: ByteBuffer
    /// In quotes, as HTTP has it.
    var tag: String

    init(name: String, bytes: [UInt8]) {
      type = PageAssets.type(of: name)
      body = ByteBuffer(bytes: bytes)
      tag = "\"\(SHA256.hash(data: bytes).prefix(12).map { String(format: "%02x", $0) }.joined())\""
    }
  }

  private let embedded: [String: Asset]
  private let folder: String?

  /// - Parameter folder: for people who change the page; nil are the files in the program.
  init(folder: String?) {
    self.folder = folder
    var found: [String: Asset] = [:]
    for i in 0..<(folder == nil ? cpage_count() : 0) {
      guard let asset = cpage_asset(i) else { continue }
      let name = String(cString: asset.pointee.name)
      let bytes = UnsafeBufferPointer(start: asset.pointee.bytes, count: asset.pointee.count)
      found[name] = Asset(name: name, bytes: Array(bytes))
    }
    embedded = found
  }

  func asset(_ name: String) -> Asset? {
    guard let folder else { return embedded[name] }
    return Self.read(folder, name)
  }

  /// Names have no slash and no leading dot: nothing outside of the folder has one.
  static func read(_ folder: String, _ name: String) -> Asset? {
    guard isName(name), let data = FileManager.default.contents(atPath: folder + "/" + name) else { return nil }
    return Asset(name: name, bytes: Array(data))
  }

  static func isName(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.count <= 64 && !name.hasPrefix(".")
      && name.utf8.allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
        default: false
        }
      }
  }

  private static func type(of name: String) -> String {
    switch name.split(separator: ".").last {
    case "html": "text/html; charset=utf-8"
    case "js": "text/javascript; charset=utf-8"
    case "css": "text/css; charset=utf-8"
    case "svg": "image/svg+xml"
    default: "application/octet-stream"
    }
  }
}

/// Libraries that the page uses where the system has them; without, it shows numbers and says what is missing.
enum PageLibrary {
  /// Debian's libjs-chart.js.
  static let folders = ["Chart.min.js": "/usr/share/javascript/chart.js"]

  static func asset(_ name: String) -> PageAssets.Asset? {
    folders[name].flatMap { PageAssets.read($0, name) }
  }
}
