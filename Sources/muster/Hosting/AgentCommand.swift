import ArgumentParser
import Foundation
import MusterAgent
import MusterClient
import MusterTLS

struct AgentCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "agent", abstract: "Run a node's agent.",
    discussion:
      "It dials the controller; nothing listens on the node but what jobs open themselves and --metrics-listen.")

  @Option(help: ArgumentHelp("The controller: HOST:PORT or http://HOST:PORT; several with commas.", valueName: "addr"))
  var join: String?

  @Option(
    help: ArgumentHelp("A file that holds the controller's address, read at each dial.", valueName: "file"),
    completion: .file())
  var addressFile: String?

  @Option(
    help: ArgumentHelp(
      "A join token (`muster token create`), needed once; on loopback without TLS a node's token.", valueName: "token"))
  var token: String?

  @Option(
    help: ArgumentHelp("A file that holds the token: others cannot see it as they see arguments.", valueName: "file"),
    completion: .file())
  var tokenFile: String?

  @Option(help: "The node's name; default: the host's.")
  var name: String?

  @Option(help: "Declared devices, 0 to 64; default: what NVML says.")
  var devices: Int32?

  @OptionGroup var node: NodeOptions

  @OptionGroup var counters: CounterOptions

  @Option(
    help: ArgumentHelp("The node's folder: run folders and logs.", valueName: "dir"), completion: .directory)
  var data = "/var/lib/muster-agent"

  @Option(
    help: ArgumentHelp(
      "Where the gang's other nodes reach this one: an address or an interface; default: the address on the way to the controller.",
      valueName: "ip|interface"))
  var address: String?

  @Option(
    help: ArgumentHelp(
      "Serve metrics for Prometheus there, behind a token, without TLS; port 0 lets the kernel choose. Default: off.",
      valueName: "addr:port"))
  var metricsListen: String?

  @Option(
    help: ArgumentHelp(
      "A file that holds the scraper's token; default: metrics-token in the node's folder, made at the first start.",
      valueName: "file"), completion: .file())
  var metricsTokenFile: String?

  @Option(name: .customLong("boot-id"), help: .hidden)
  var bootID: String?

  @Option(help: ArgumentHelp("End after so long without a controller when nothing runs.", valueName: "seconds"))
  var orphanTimeout: Int64?

  func validate() throws {
    guard join != nil || addressFile != nil else {
      throw ValidationError("--join ADDR (or --address-file FILE) says where the controller is")
    }
    for part in joinParts where !LinkAddresses.isAddress(part) {
      throw ValidationError("--join has \"\(part)\": HOST:PORT, e.g. head:7070; several with commas")
    }
    if let address, !isReachable(address) {
      throw ValidationError(
        "--address is \"\(address)\": an interface of this host, or an address that one of them has, and not loopback, which no other host reaches"
      )
    }
    guard token == nil || tokenFile == nil else { throw ValidationError("--token or --token-file, not both") }
    guard token != nil || tokenFile != nil || NodeIdentity(folder: identityFolder).isThere else {
      throw ValidationError(
        "--token or --token-file is needed to join: `muster token create` prints one (\(identityFolder) holds no certificate)"
      )
    }
    if let name, !PeerIdentity.isName(name) {
      throw ValidationError("--name is \"\(name)\": 1 to 253 letters, digits, \".\", \"_\" or \"-\"")
    }
    if let metricsListen, MetricsOptions(listen: metricsListen) == nil {
      throw ValidationError(
        "--metrics-listen is \"\(metricsListen)\": a numeric ADDRESS:PORT of this host, e.g. 127.0.0.1:7071 or [::1]:7071"
      )
    }
    if metricsTokenFile != nil, metricsListen == nil {
      throw ValidationError("--metrics-token-file is for --metrics-listen ADDR:PORT, which is not there")
    }
    if let devices, !(0...64).contains(devices) { throw ValidationError("--devices is \(devices): from 0 to 64") }
  }

  private var joinParts: [String] {
    (join ?? "").split(separator: ",", omittingEmptySubsequences: join == nil).map(String.init)
  }

  /// An interface by its name, or an address of this host; loopback only where the controller is on it, too.
  private func isReachable(_ address: String) -> Bool {
    let isLocal = LinkAddresses(join: joinParts).isLoopback
    let named = HostAddresses.of(interface: address)
    let found = named.isEmpty ? HostAddresses.of().filter { $0 == address } : named
    return found.contains { isLocal || !Loopback.contains($0) }
  }

  private var identityFolder: String { Paths.absolute(data) + "/identity" }

  func run() throws {
    var shown = token ?? ""
    // A join token is needed once: a service whose file has been removed since then starts with its certificate.
    if let tokenFile, access(tokenFile, F_OK) == 0 || !NodeIdentity(folder: identityFolder).isThere {
      guard let text = FileManager.default.contents(atPath: tokenFile) else {
        throw CommandFailure.unreadableFile(tokenFile)
      }
      shown = String(decoding: text, as: UTF8.self).filter { !$0.isWhitespace }
    }
    let isToken = JoinToken.looksLike(shown)
    // A node's own token is for a controller without TLS, and that is loopback: nothing is sent beyond it in the clear.
    guard isToken || shown.isEmpty || LinkAddresses(join: joinParts).isLoopback else {
      throw CommandFailure.noJoinToken
    }
    var options = AgentOptions(
      addresses: LinkAddresses(
        join: joinParts, addressFile: addressFile.map(Paths.absolute) ?? ""),
      credentials: isToken || shown.isEmpty ? .identity(folder: identityFolder) : .token(shown),
      joinToken: isToken ? shown : nil, name: name ?? ProcessInfo.processInfo.hostName, devices: devices,
      dataFolder: Paths.absolute(data), address: address, bootID: bootID, orphanTimeoutSeconds: orphanTimeout,
      executable: Paths.executable())
    options.deviceType = node.deviceType
    options.labels = try node.parsedLabels()
    options.counters = try counters.read()
    options.version = Version.current
    options.metrics = metricsListen.flatMap(MetricsOptions.init(listen:))
    options.metrics?.tokenFile = metricsTokenFile.map(Paths.absolute)
    let code = AgentMain.run(options)
    if code != 0 { throw CommandFailure.silent(code: code) }
  }
}
