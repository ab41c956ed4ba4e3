import ArgumentParser
import Glibc
import Logging
import MusterClient
import MusterCore
import MusterProtocol
import MusterServer

struct ServerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "server", abstract: "Run a controller.",
    discussion: """
      With --tls nodes of other hosts join it: `muster token create` prints a token, `muster agent --join ADDR --token \
      T` uses it. Without, it listens on loopback alone, and agents of this machine show DIR/node-token.
      """)

  @OptionGroup var hosting: HostingOptions

  @Flag(help: "TLS 1.3 with an authority of its own (DIR/ca.pem); needed for any address but loopback.")
  var tls = false

  @Option(
    help: ArgumentHelp(
      "How long a node's certificate is valid (renewed by itself at half of it), 10s to 365d.", valueName: "time"))
  var certificateLifetime: WaitingTime?

  @Option(
    help: ArgumentHelp(
      "Reports a second from all agents on which nothing runs, 1 to 1000000; where they are more, each reports less "
        + "often (every second at the most, every 5 s at the least).", valueName: "number"))
  var idleReports: Int64 = 5_000

  func validate() throws {
    let (host, _) = try hosting.address()
    guard tls || Loopback.contains(host) else {
      throw ValidationError(
        "--listen is \"\(hosting.listen)\": with --tls; without TLS only this machine's loopback (127.0.0.1, ::1)")
    }
    guard (1...1_000_000).contains(idleReports) else {
      throw ValidationError("--idle-reports is \(idleReports): from 1 to 1000000")
    }
    if let lifetime = certificateLifetime, !(10...(365 * 86_400)).contains(lifetime.seconds) {
      throw ValidationError("--certificate-lifetime is \(lifetime.seconds) s: from 10 s to 365 days")
    }
  }

  func run() async throws {
    OpenFiles.raise()
    let server = try await hosting.open { options in
      options.hasTLS = tls
      options.limits.idleReports = idleReports
      if let certificateLifetime { options.certificateLifetime = Int64(certificateLifetime.seconds) }
    }
    try await Serving.run(
      server, options: hosting,
      started: { address in
        let fingerprint = server.authorityFingerprint
        if hosting.json {
          let shown: JSON = [
            "address": .string(address), "data": .string(hosting.folder), "version": .string(Version.current),
            "fingerprint": fingerprint.map { .string($0) } ?? .null,
          ]
          return Terminal.out(shown.text + "\n")
        }
        let trust = fingerprint.map { ", fingerprint \($0)" } ?? ""
        Terminal.out("Muster \(Version.current) listens on \(address)\(trust)\n")
        Terminal.out("The page: \(address)/ (it asks for the token in \(hosting.folder)/token)\n")
      })
  }
}

extension LogFormat: ExpressibleByArgument {}

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

  @Flag(
    help:
      "Start from the newest whole snapshot without checking the older part of the journal: for one that is damaged there."
  )
  var trustSnapshot = false

  @Option(
    help: ArgumentHelp(
      "A name that browsers may open the page by, beside loopback and the address listened on; may be repeated.",
      valueName: "name"))
  var allowHost: [String] = []

  @Option(
    help: ArgumentHelp(
      "Serve the page's files from this folder, as they are now: for changing them.", valueName: "dir"),
    completion: .directory)
  var pageFolder: String?

  @Option(
    help: ArgumentHelp(
      "How long what the devices did is kept: by 10 s, by minute, by hour (default: \(RollupTimes.standard)).",
      valueName: "times"))
  var rollupsKeep: String?

  @Option(
    help: ArgumentHelp(
      "What counts as waste, what a GPU-hour costs, what happens to idle jobs: docs/waste.md. Read again when it changes.",
      valueName: "file"), completion: .file())
  var efficiency: String?

  @Option(help: ArgumentHelp("trace, debug, info, notice, warning, error or critical.", valueName: "level"))
  var logLevel = "notice"

  @Option(
    help: ArgumentHelp(
      "How the log on standard error is written: text, or json (an object a line: time, level, message, metadata).",
      valueName: "text|json"))
  var logFormat = LogFormat.text

  @Flag(help: "Print one line of JSON when it is up.")
  var json = false

  func validate() throws {
    _ = try address()
    guard Logger.Level(rawValue: logLevel) != nil else {
      throw ValidationError(
        "--log-level is \"\(logLevel)\": one of trace, debug, info, notice, warning, error, critical")
    }
    for name in allowHost where name.isEmpty || name.contains(where: { ":/ ".contains($0) }) {
      throw ValidationError("--allow-host is \"\(name)\": a name alone, e.g. head.example.org")
    }
    if let pageFolder, access(Paths.absolute(pageFolder) + "/index.html", R_OK) != 0 {
      throw ValidationError("--page-folder is \"\(pageFolder)\": a folder with index.html, e.g. Sources/CPage/assets")
    }
    if let rollupsKeep { _ = try RollupTimes.read(rollupsKeep) }
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
    return (host, port)
  }

  var folder: String { data.map(Paths.absolute) ?? Paths.dataFolder() }

  func logger(_ label: String) -> Logger {
    let format = logFormat
    var logger = Logger(label: label) { label in
      switch format {
      case .text: StreamLogHandler.standardError(label: label)
      case .json: JSONLogHandler()
      }
    }
    logger.logLevel = Logger.Level(rawValue: logLevel) ?? .notice
    return logger
  }

  func open(_ adjust: (inout Server.Options) -> Void = { _ in }) async throws -> Server {
    let (host, port) = try address()
    try Port.check(host: host, port: port)
    var options = Server.Options(dataFolder: folder, host: host, port: port)
    if let lease { options.limits.lease = .milliseconds(Int64(lease.seconds * 1000)) }
    options.trustsSnapshot = trustSnapshot
    options.allowedHosts = allowHost
    options.pageFolder = pageFolder.map(Paths.absolute)
    if let rollupsKeep { options.rollupsKept = try RollupTimes.read(rollupsKeep) }
    if let efficiency {
      do throws(EfficiencySource.Failure) {
        options.efficiency = try EfficiencySource(path: Paths.absolute(efficiency))
      } catch {
        throw CommandFailure.wrongEfficiency("\(error)")
      }
    }
    adjust(&options)
    do {
      return try await Server(options, logger: logger("muster"))
    } catch let failure as Server.StartFailure {
      throw CommandFailure.cannotServe(failure.reason)
    }
  }
}
