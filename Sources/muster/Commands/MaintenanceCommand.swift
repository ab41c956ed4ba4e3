import ArgumentParser
import MusterClient
import MusterCore
import MusterProtocol

struct MaintenanceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "maintenance", abstract: "Times in which nodes take no work.",
    subcommands: [Add.self, List.self, Remove.self])

  struct Add: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "add", abstract: "Plan a maintenance.",
      discussion: "Give --to or --for, and --nodes or --within. Times have their zone, or are relative: now+2h.")

    @Option(help: ArgumentHelp("When it begins, e.g. 2026-12-01T08:00:00Z (default: now).", valueName: "time"))
    var from: String?

    @Option(help: ArgumentHelp("When it ends.", valueName: "time"))
    var to: String?

    @Option(name: .customLong("for"), help: ArgumentHelp("How long it lasts, e.g. 4h.", valueName: "time"))
    var length: String?

    @Option(help: ArgumentHelp("On these nodes: node-3,node-[7-9].", valueName: "nodes"))
    var nodes: String?

    @Option(help: ArgumentHelp("On all nodes of a domain: rack=r17.", valueName: "level=name"))
    var within: String?

    @Option(help: "Why; everybody sees it.")
    var reason: String?

    @OptionGroup var connection: ConnectionOptions

    func validate() throws {
      guard (to == nil) != (length == nil) else { throw ValidationError("--to or --for, one of both") }
      guard (nodes == nil) != (within == nil) else { throw ValidationError("--nodes or --within, one of both") }
      for (name, text) in [("--from", from), ("--to", to)] {
        if let text, CallerContext.moment(text) == nil {
          throw ValidationError(
            "\(name) is \"\(text)\": a moment with its zone, e.g. 2026-12-01T08:00:00Z, or now+2h (at most 3650d)")
        }
      }
      if let length, (JobFile.span(length) ?? .zero) <= .zero {
        throw ValidationError("--for is \"\(length)\": a time with its unit, e.g. 90m or 4h")
      }
      if let within, LabelText.label(within)?.value.isEmpty ?? true {
        throw ValidationError("--within is \"\(within)\": LEVEL=NAME, e.g. rack=r17")
      }
    }

    func run() throws {
      let client = connection.client()
      var members: [JSON.Member] = []
      for (name, text) in [("from", from), ("to", to)] {
        if let moment = try text.flatMap({ try ConnectionOptions.moment($0, isPast: false, client) }) {
          members.append(.init(name: name, value: .string(moment.shortRFC3339)))
        }
      }
      if let span = length.flatMap({ JobFile.span($0) }) {
        members.append(.init(name: "forSeconds", value: .double(span.seconds)))
      }
      if let nodes { members.append(.init(name: "nodes", value: .string(nodes))) }
      if let domain = within.flatMap(LabelText.label) {
        members.append(
          .init(name: "within", value: ["level": .string(domain.key), "domain": .string(domain.value)]))
      }
      if let reason { members.append(.init(name: "reason", value: .string(reason))) }
      let added = try client.post("/v1/maintenance", .object(members))
      connection.show(added) { MaintenanceText.table([added], $0) }
    }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List what is planned.")

    @OptionGroup var connection: ConnectionOptions

    func run() throws {
      let windows = try connection.client().get("/v1/maintenance")["maintenance"]?.arrayValue ?? []
      connection.show(.array(windows)) { MaintenanceText.table(windows, $0) }
    }
  }

  struct Remove: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "remove", abstract: "Remove a maintenance: its nodes take work again.")

    @Argument(help: "The maintenance's number.")
    var id: Int64

    @OptionGroup var connection: ConnectionOptions

    func run() throws {
      let removed = try connection.client().delete("/v1/maintenance/\(id)")
      connection.show(removed) { _ in "Maintenance \(id) is removed.\n" }
    }
  }
}
