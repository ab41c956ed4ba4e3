import Glibc

/// Where the controller may be. The file, if there is one, is read at every dial: a controller that has moved is found.
public struct LinkAddresses: Sendable, Hashable {
  /// `host:port` or `http://host:port`.
  public var join: [String]
  /// Holds `http://host:port`; empty if there is none.
  public var addressFile: String

  public init(join: [String], addressFile: String = "") {
    self.join = join
    self.addressFile = addressFile
  }

  /// All of them, the file's first.
  func candidates() -> [(host: String, port: UInt16)] {
    var texts: [String] = []
    if !addressFile.isEmpty, let text = readSmallFile(addressFile) { texts.append(text) }
    return (texts + join).compactMap(Self.parse)
  }

  static func parse(_ text: String) -> (host: String, port: UInt16)? {
    var rest = Substring(text.filter { !$0.isWhitespace })
    if rest.hasPrefix("http://") { rest = rest.dropFirst(7) }
    if let slash = rest.firstIndex(of: "/") { rest = rest[..<slash] }
    guard let colon = rest.lastIndex(of: ":"), let port = UInt16(rest[rest.index(after: colon)...]) else { return nil }
    var host = rest[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
    return host.isEmpty ? nil : (String(host), port)
  }
}
