import ArgumentParser
import Foundation
import MusterClient
import MusterProtocol
import MusterTLS

struct LoginCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "login", abstract: "Remember a controller on another host: its address, a token, its certificate.",
    discussion: """
      The token is a person's (the controller's DIR/token): from --token-file, MUSTER_TOKEN, or standard input. The \
      controller is known by its certificate (--ca or MUSTER_CA: a copy of its DIR/ca.pem) or by its fingerprint; \
      without either the fingerprint is shown and has to be confirmed. Afterwards every command finds it.
      """)

  @Argument(help: ArgumentHelp("The controller: HOST:PORT or https://HOST:PORT.", valueName: "addr"))
  var address: String

  @Option(help: ArgumentHelp("A file that holds the token.", valueName: "file"), completion: .file())
  var tokenFile: String?

  @Option(help: ArgumentHelp("The certificate of the controller's authority.", valueName: "file"), completion: .file())
  var ca: String?

  @Option(help: ArgumentHelp("SHA-256 of the authority's key, in hexadecimal.", valueName: "hex"))
  var fingerprint: String?

  @Option(
    help: ArgumentHelp(
      "Folder to remember it in (default: MUSTER_DATA, else ~/.local/share/muster).", valueName: "dir"),
    completion: .directory)
  var data: String?

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    if let fingerprint, Self.plain(fingerprint).count != 64 || !Self.plain(fingerprint).allSatisfy(\.isHexDigit) {
      throw ValidationError(
        "--fingerprint is \"\(fingerprint)\": 64 hexadecimal digits, as `muster server` prints them at its start")
    }
  }

  private static func plain(_ fingerprint: String) -> String { fingerprint.lowercased().filter { $0 != ":" } }

  func run() throws {
    let folder = data.map(Paths.absolute) ?? Paths.dataFolder()
    guard access(folder + "/journal.sqlite", F_OK) != 0 else { throw CommandFailure.ownController(folder: folder) }
    let isPlain = address.hasPrefix("http://")
    var endpoint = try Endpoint.bare(address, token: try token(), place: "ADDR")
    guard !isPlain || Loopback.contains(endpoint.host) else { throw CommandFailure.plainLogin(address) }
    var authority = ""
    if !isPlain {
      authority = try authorityPEM(endpoint)
      endpoint.security = .tls(authorityPEM: authority)
    }
    let version = try Client(endpoint: endpoint).get("/v1/version")
    try remember(endpoint, isPlain: isPlain, authority: authority, in: folder)
    let url = "\(isPlain ? "http" : "https")://\(endpoint.address)"
    if json {
      Terminal.out("{\"address\":\"\(url)\",\"data\":\"\(folder)\"}\n")
    } else {
      Terminal.out("Logged in to \(url), Muster \(version["version"]?.stringValue ?? "?"); remembered in \(folder)\n")
    }
  }

  private func token() throws -> String {
    var text = CallerContext.environment["MUSTER_TOKEN"] ?? ""
    if let tokenFile {
      guard let bytes = FileManager.default.contents(atPath: tokenFile) else {
        throw CommandFailure.unreadableFile(tokenFile)
      }
      text = String(decoding: bytes, as: UTF8.self)
    } else if text.isEmpty {
      if isatty(0) == 1 { Terminal.error("Token: ") }
      text = readLine() ?? ""
    }
    text = text.filter { !$0.isWhitespace }
    guard !text.isEmpty else { throw ClientError.noToken(place: "--token-file, MUSTER_TOKEN or standard input") }
    return text
  }

  private func authorityPEM(_ endpoint: Endpoint) throws -> String {
    let named = CallerContext.environment["MUSTER_CA"].flatMap { $0.isEmpty ? nil : $0 }
    if let file = ca ?? (fingerprint == nil ? named : nil) {
      guard let bytes = FileManager.default.contents(atPath: file), !bytes.isEmpty else {
        throw CommandFailure.unreadableFile(file)
      }
      return String(decoding: bytes, as: UTF8.self)
    }
    let shown = try ControllerTrust.shown(at: endpoint, until: .after(milliseconds: 5_000))
    if let fingerprint {
      let wanted = Self.plain(fingerprint)
      guard wanted == shown.fingerprint else {
        throw ClientError.untrusted(
          address: endpoint.address,
          reason: TLSProblem.wrongAuthority(seen: shown.fingerprint, wanted: wanted).description)
      }
      return shown.authorityPEM
    }
    guard isatty(0) == 1 else { throw CommandFailure.unknownController(fingerprint: shown.fingerprint) }
    Terminal.error(
      "The controller at \(endpoint.address) shows the fingerprint\n  \(shown.fingerprint)\nIs that the one its operator told you? (yes/no) "
    )
    guard readLine() == "yes" else { throw CommandFailure.unknownController(fingerprint: shown.fingerprint) }
    return shown.authorityPEM
  }

  private func remember(_ endpoint: Endpoint, isPlain: Bool, authority: String, in folder: String) throws {
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    if !isPlain { try PEMFile.write(folder + "/ca.pem", authority, mode: 0o644) }
    try PEMFile.write(folder + "/token", endpoint.token + "\n", mode: 0o600)
    try PEMFile.write(
      folder + "/address", "\(isPlain ? "http" : "https")://\(endpoint.address)\n", mode: 0o644)
  }
}
