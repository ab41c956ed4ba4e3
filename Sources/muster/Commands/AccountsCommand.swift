import ArgumentParser
import MusterClient
import MusterCore
import MusterProtocol

/// What accounts are listed by.
enum AccountsKey: String, ExpressibleByArgument, CaseIterable {
  case job, project, user, type, day
}

struct AccountsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "accounts", abstract: "Show where every GPU-hour went: work, and what was lost to what.",
    discussion: """
      Times have their zone (2026-12-01T08:00:00Z), are a day in UTC (2026-12-01), or relative (now-7d). They are widened to \
      whole minutes, of more than a week ago to whole hours; the answer says what it covers. --json and --csv give \
      GPU-milliseconds, the table GPU-hours.
      """)

  @Option(help: "job, project, user, type or day.")
  var by: AccountsKey = .project

  @Option(help: ArgumentHelp("From when (default: the beginning).", valueName: "time"))
  var from: String?

  @Option(help: ArgumentHelp("Up to when (default: now).", valueName: "time"))
  var to: String?

  @Flag(help: "Comma-separated values, one row each.")
  var csv = false

  @OptionGroup var connection: ConnectionOptions

  func validate() throws {
    guard !(csv && connection.json) else { throw ValidationError("--json or --csv, one of both") }
    for (name, text) in [("--from", from), ("--to", to)] {
      if let text, CallerContext.pastMoment(text) == nil {
        throw ValidationError(
          "\(name) is \"\(text)\": a moment with its zone, e.g. 2026-12-01T08:00:00Z, a day, e.g. 2026-12-01, or now-7d "
            + "(at most 3650d)"
        )
      }
    }
    let (begin, end) = (from.flatMap { CallerContext.pastMoment($0) }, to.flatMap { CallerContext.pastMoment($0) })
    if let begin, let end, end <= begin {
      throw ValidationError("--to is \"\(self.to ?? "")\": a moment after --from")
    }
  }

  func run() throws {
    let client = connection.client()
    let accounts = try Self.fetch(
      client, by: by, from: try from.flatMap { try ConnectionOptions.moment($0, client) },
      to: try to.flatMap { try ConnectionOptions.moment($0, client) })
    if csv {
      print(AccountsText.csv(accounts), terminator: "")
    } else {
      connection.show(accounts) { AccountsText.table(accounts, $0) }
    }
  }

  /// All rows, page after page, over the time that the first page covers.
  static func fetch(_ client: Client, by: AccountsKey, from: Instant?, to: Instant?) throws -> JSON {
    func path(_ from: String?, _ to: String?, _ after: Int64?) -> String {
      var path = "/v1/accounts?by=\(by.rawValue)"
      if let from { path += "&from=\(from)" }
      if let to { path += "&to=\(to)" }
      if let after { path += "&after=\(after)" }
      return path
    }
    var page = try client.get(path(from?.shortRFC3339, to?.shortRFC3339, nil))
    var members = page.objectValue ?? []
    var rows = page["rows"]?.arrayValue ?? []
    while let next = page["next"]?.intValue {
      page = try client.get(path(page["from"]?.stringValue, page["to"]?.stringValue, next))
      rows += page["rows"]?.arrayValue ?? []
    }
    members.removeAll { $0.name == "next" || $0.name == "rows" }
    members.append(.init(name: "rows", value: .array(rows)))
    return .object(members)
  }
}
