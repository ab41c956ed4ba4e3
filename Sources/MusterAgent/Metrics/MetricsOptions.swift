import Glibc

/// Where an agent serves its metrics, and to whom.
public struct MetricsOptions: Hashable, Sendable {
  /// A numeric address of this host.
  public var host: String
  /// 0: the kernel chooses, and the agent writes it to `metrics-address` in its folder.
  public var port: UInt16
  /// Holds the bearer token; nil: `metrics-token` in the agent's folder, made at the first start.
  public var tokenFile: String?

  public init(host: String, port: UInt16, tokenFile: String? = nil) {
    self.host = host
    self.port = port
    self.tokenFile = tokenFile
  }

  /// `ADDRESS:PORT`, an IPv6 address in brackets; nil: it is none.
  public init?(listen text: String) {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else { return nil }
    var host = String(text[..<colon])
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = String(host.dropFirst().dropLast())
    } else if host.contains(":") {
      return nil
    }
    guard !SocketAddress.all(host, port, flags: AI_NUMERICHOST).isEmpty, !host.isEmpty else { return nil }
    self.init(host: host, port: port)
  }

  /// The shortest token that is accepted from a file: 16 characters.
  static let shortestToken = 16

  struct NoToken: Error, CustomStringConvertible {
    var description: String
  }

  /// The token from its file; where none is named, made on first use: 256 bits from the kernel, mode 0600.
  func token(dataFolder: String) throws(NoToken) -> String {
    let path = tokenFile ?? dataFolder + "/metrics-token"
    if let text = readSmallFile(path) {
      let token = text.split(whereSeparator: \.isWhitespace).first.map(String.init) ?? ""
      guard token.utf8.count < Self.shortestToken else { return token }
      throw NoToken(
        description: "\(path) holds a token of \(token.utf8.count) bytes: at least \(Self.shortestToken) are needed")
    }
    guard tokenFile == nil else { throw NoToken(description: "\(path) cannot be read: \(errorText(errno))") }
    // The system's generator is the kernel's getrandom on Linux.
    let digits = Array("0123456789abcdef")
    let token = String((0..<64).map { _ in digits[Int.random(in: 0..<16)] })
    let code = writeFile(path, token + "\n")
    guard code == 0 else { throw NoToken(description: "\(path) cannot be written: \(errorText(code))") }
    return token
  }
}
