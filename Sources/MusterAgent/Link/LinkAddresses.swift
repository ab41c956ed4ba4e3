import Glibc
import MusterClient

/// Where the controller may be. The file, if there is one, is read at every dial: a controller that has moved is found.
public struct LinkAddresses: Sendable, Hashable {
  /// `host:port`, with or without `http://` or `https://`: whether it is TLS depends on what the node shows.
  public var join: [String]
  /// Holds one of them; empty if there is none.
  public var addressFile: String

  public init(join: [String], addressFile: String = "") {
    self.join = join
    self.addressFile = addressFile
  }

  /// The same, another one first.
  func beginning(with first: String?) -> LinkAddresses {
    guard let first, join.contains(first) else { return self }
    return LinkAddresses(join: [first] + join.filter { $0 != first }, addressFile: addressFile)
  }

  /// All of them, the file's first.
  func candidates() -> [(text: String, host: String, port: UInt16)] {
    var texts: [String] = []
    if !addressFile.isEmpty, let text = readSmallFile(addressFile) { texts.append(text) }
    return (texts + join).compactMap { text in Self.parse(text).map { (text, $0.host, $0.port) } }
  }

  /// Whether a text names a controller: `HOST:PORT`, with or without `http://` or `https://`.
  public static func isAddress(_ text: String) -> Bool { parse(text) != nil }

  static func parse(_ text: String) -> (host: String, port: UInt16)? {
    var rest = Substring(text.filter { !$0.isWhitespace })
    for scheme in ["http://", "https://"] where rest.hasPrefix(scheme) { rest = rest.dropFirst(scheme.count) }
    if rest.hasSuffix("/") { rest = rest.dropLast() }
    guard let colon = rest.lastIndex(of: ":"), let port = UInt16(rest[rest.index(after: colon)...]), port > 0 else {
      return nil
    }
    var host = rest[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
    return host.isEmpty || host.contains("/") ? nil : (String(host), port)
  }

  /// Whether all that was given with `--join` is this machine's loopback: the only place to speak to without TLS.
  public var isLoopback: Bool {
    join.allSatisfy { text in Self.parse(text).map { Loopback.contains($0.host) } ?? false }
  }
}
