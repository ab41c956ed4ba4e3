/// Where a controller listens, and the word that opens it.
public struct Endpoint: Hashable, Sendable {
  public var host: String
  public var port: UInt16
  public var token: String
  public var security: Security

  public enum Security: Hashable, Sendable {
    /// For loopback.
    case plain
    /// TLS 1.3 with the controller whose authority's certificate this is.
    case tls(authorityPEM: String)
  }

  public init(host: String, port: UInt16, token: String, security: Security = .plain) {
    self.host = host
    self.port = port
    self.token = token
    self.security = security
  }

  /// For people and for the Host header.
  public var address: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

  /// Reads `https://HOST:PORT`, `http://HOST:PORT` or `HOST:PORT`, with or without a slash at the end. Without a scheme
  /// it is TLS, but on loopback; without TLS it is loopback or an error: the token must not cross a network in the clear.
  /// `place` is named in errors.
  /// - Parameter authorityFile: the certificate of the controller's authority; read only for TLS.
  public static func parse(
    _ text: String, token: String, authorityFile: String = "", place: String
  ) throws(ClientError) -> Endpoint {
    let schemes = ["https://", "http://"]
    let scheme = schemes.first { text.hasPrefix($0) } ?? ""
    guard let (host, port) = hostAndPort(text.dropFirst(scheme.count)) else { throw .badAddress(text, place: place) }
    let isLocal = Loopback.contains(host)
    if scheme == "http://" || (scheme.isEmpty && isLocal) {
      guard isLocal else { throw .inTheClear(text, place: place) }
      return Endpoint(host: host, port: port, token: token)
    }
    guard let bytes = FileBytes.read(authorityFile, limit: 64 << 10), !bytes.isEmpty else {
      throw .noAuthority(address: text, file: authorityFile)
    }
    return Endpoint(
      host: host, port: port, token: token, security: .tls(authorityPEM: String(decoding: bytes, as: UTF8.self)))
  }

  /// Host and port alone, whatever the scheme: for one who is about to learn whom to trust there. Nothing may be sent to
  /// it before its `security` is set.
  public static func bare(_ text: String, token: String, place: String) throws(ClientError) -> Endpoint {
    let scheme = ["https://", "http://"].first { text.hasPrefix($0) } ?? ""
    guard let (host, port) = hostAndPort(text.dropFirst(scheme.count)) else { throw .badAddress(text, place: place) }
    return Endpoint(host: host, port: port, token: token)
  }

  private static func hostAndPort(_ text: Substring) -> (host: String, port: UInt16)? {
    var rest = text
    if rest.hasSuffix("/") { rest = rest.dropLast() }
    guard let colon = rest.lastIndex(of: ":"), let port = UInt16(rest[rest.index(after: colon)...]), port > 0 else {
      return nil
    }
    var host = rest[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
    let isHost = host.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "/") }
    return host.isEmpty || !isHost ? nil : (String(host), port)
  }
}

/// Where to find the endpoint. Read again for each connection: a controller that starts again may have another port.
public struct EndpointSource: Hashable, Sendable {
  /// As given with `--data`; it goes before everything else.
  public var folder: String?
  /// The caller's.
  public var environment: [String: String]
  private var known: Endpoint?

  init(known: Endpoint) {
    environment = [:]
    self.known = known
  }

  public init(folder: String? = nil, environment: [String: String]) {
    self.folder = folder
    self.environment = environment
  }

  /// `--data`, `MUSTER_DATA`, or `~/.local/share/muster`.
  public var dataFolder: String {
    if let folder { return folder }
    if let named = environment["MUSTER_DATA"], !named.isEmpty { return named }
    return (environment["HOME"] ?? "") + "/.local/share/muster"
  }

  /// `MUSTER_CA`, or `ca.pem` in the data folder.
  public var authorityFile: String {
    if folder == nil, let file = environment["MUSTER_CA"], !file.isEmpty { return file }
    return dataFolder + "/ca.pem"
  }

  /// `MUSTER_ADDR` and `MUSTER_TOKEN` unless a folder was given with `--data`, else the folder's files. A token that the
  /// environment lacks is looked for in the folder.
  public func read() throws(ClientError) -> Endpoint {
    if let known { return known }
    let useEnvironment = folder == nil
    let token = useEnvironment ? environment["MUSTER_TOKEN"].flatMap { $0.isEmpty ? nil : $0 } : nil
    let tokenFile = dataFolder + "/token"
    if useEnvironment, let address = environment["MUSTER_ADDR"], !address.isEmpty {
      guard let token = token ?? Self.line(of: tokenFile) else { throw .noToken(place: "MUSTER_TOKEN") }
      return try Endpoint.parse(address, token: token, authorityFile: authorityFile, place: "MUSTER_ADDR")
    }
    let addressFile = dataFolder + "/address"
    guard let address = Self.line(of: addressFile) else { throw .noController(folder: dataFolder) }
    guard let token = token ?? Self.line(of: tokenFile) else { throw .noToken(place: tokenFile) }
    return try Endpoint.parse(address, token: token, authorityFile: authorityFile, place: addressFile)
  }

  /// The first line without its end; nil if the file cannot be read or is empty.
  private static func line(of path: String) -> String? {
    guard let bytes = FileBytes.read(path, limit: 4096) else { return nil }
    let line = bytes.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
    return line.isEmpty ? nil : String(decoding: line, as: UTF8.self)
  }
}
