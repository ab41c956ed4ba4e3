import ArgumentParser
import Glibc
import Logging
import MusterCore
import MusterServer

struct ServerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "server", abstract: "Run a controller.",
    discussion: "Agents join it with `muster agent --join ADDR --token-file DIR/node-token`.")

  @OptionGroup var hosting: HostingOptions

  func run() async throws {
    let server = try await hosting.open()
    try await Serving.run(server, options: hosting) { _ in }
  }
}

/// Where a controller keeps its journal and listens.
struct HostingOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Folder of the journal (default: MUSTER_DATA, else ~/.local/share/muster).", valueName: "dir"),
    completion: .directory)
  var data: String?

  @Option(help: ArgumentHelp("Address to listen on; port 0 lets the kernel choose.", valueName: "host:port"))
  var listen = "127.0.0.1:7070"

  @Option(
    help: ArgumentHelp(
      "How long a node's ranks run on without a word from the controller, e.g. 30s. Longer than a restart takes.",
      valueName: "time"))
  var lease: WaitingTime?

  @Option(help: ArgumentHelp("trace, debug, info, notice, warning, error or critical.", valueName: "level"))
  var logLevel = "notice"

  func validate() throws {
    _ = try address()
    guard Logger.Level(rawValue: logLevel) != nil else {
      throw ValidationError(
        "--log-level is \"\(logLevel)\": one of trace, debug, info, notice, warning, error, critical")
    }
    if let lease, !(2...86_400).contains(lease.seconds) {
      throw ValidationError("--lease is \(lease.seconds) s: from 2 s to one day")
    }
  }

  func address() throws -> (host: String, port: Int) {
    guard let colon = listen.lastIndex(of: ":"), let port = Int(listen[listen.index(after: colon)...]),
      (0...65_535).contains(port), colon != listen.startIndex
    else { throw ValidationError("--listen is \"\(listen)\": HOST:PORT, e.g. 127.0.0.1:7070") }
    var host = String(listen[..<colon])
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    guard host == "localhost" || host == "::1" || host.hasPrefix("127.") else {
      throw ValidationError(
        "--listen is \"\(listen)\": only this machine's loopback (127.0.0.1, ::1) until the link has TLS: not yet")
    }
    return (host, port)
  }

  var folder: String { data.map(Paths.absolute) ?? Paths.dataFolder() }

  func logger(_ label: String) -> Logger {
    var logger = Logger(label: label) { StreamLogHandler.standardError(label: $0) }
    logger.logLevel = Logger.Level(rawValue: logLevel) ?? .notice
    return logger
  }

  func open() async throws -> Server {
    let (host, port) = try address()
    try Port.check(host: host, port: port)
    var options = Server.Options(dataFolder: folder, host: host, port: port)
    if let lease { options.limits.lease = .milliseconds(Int64(lease.seconds * 1000)) }
    do {
      return try await Server(options, logger: logger("muster"))
    } catch let failure as Server.StartFailure {
      throw CommandFailure.cannotServe(failure.reason)
    }
  }
}
