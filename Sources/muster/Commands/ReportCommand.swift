import ArgumentParser
import MusterClient
import MusterCore
import MusterProtocol

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Report what a job, a project or a week got and lost: goodput, faults, waste and what to do next.",
    discussion: """
      Of a job: goodput, attempts, faults, MFU, what it wasted, on what, and what to do next. Of a project, or with --week \
      of the fleet: goodput as scheduling x runtime x program, where the time went, and who loses most. What counts as \
      waste, and what it costs: `muster efficiency`.
      """)

  @Argument(help: "The job's number, or ARRAY_INDEX.")
  var id: JobReference?

  @Option(help: ArgumentHelp("Of this project.", valueName: "name"))
  var project: String?

  @Flag(help: "Of the fleet; of the last seven days, unless --from says more.")
  var week = false

  @Option(help: ArgumentHelp("From when, e.g. 2026-12-01 or now-30d (default: now-7d).", valueName: "time"))
  var from: String?

  @Option(help: ArgumentHelp("Up to when (default: now).", valueName: "time"))
  var to: String?

  @Flag(help: "Comma-separated values: what was found, a row each.")
  var csv = false

  @Option(
    help: ArgumentHelp("Write one page with plots; - is standard output.", valueName: "file"), completion: .file())
  var html: String?

  @OptionGroup var connection: ConnectionOptions

  func validate() throws {
    if id == nil, project == nil, !week { throw ValidationError("a job's number, --project NAME or --week") }
    if id != nil, project != nil || week { throw ValidationError("a job's number, --project or --week, one of them") }
    if id != nil, from != nil || to != nil { throw ValidationError("--from and --to are for --project and --week") }
    if csv, connection.json { throw ValidationError("--json or --csv, one of both") }
    if html == "-", csv || connection.json { throw ValidationError("--html - is alone on standard output") }
    for (name, text) in [("--from", from), ("--to", to)] {
      if let text, CallerContext.pastMoment(text) == nil {
        throw ValidationError(
          "\(name) is \"\(text)\": a moment with its zone, e.g. 2026-12-01T08:00:00Z, a day, e.g. 2026-12-01, or now-7d "
            + "(at most 3650d)"
        )
      }
    }
  }

  func run() throws {
    let client = connection.client()
    guard let id else { return try period(client) }
    let number = try id.resolved(client)
    let report = try client.get("/v1/jobs/\(number)/report")
    // A controller that is older than this program does not know it; what it knows is shown.
    let efficiency = try Self.known { try client.get("/v1/jobs/\(number)/efficiency") }
    if let html {
      let devices = try Self.known { try client.get("/v1/jobs/\(number)/devices") }
      try OutputFile.write(ReportPage.job(report, efficiency ?? .null, devices: devices ?? .null).html, to: html)
      if html == "-" { return }
    }
    if csv { return Terminal.out(PeriodText.csv(job: efficiency ?? .null)) }
    let whole = JSON.object((report.objectValue ?? []) + [.init(name: "efficiency", value: efficiency ?? .null)])
    connection.show(whole) { style in
      ReportText.text(report, style) + (efficiency.map { EfficiencyText.job($0, style) } ?? "")
    }
  }

  private func period(_ client: Client) throws {
    let from = from ?? "now-7d"
    var query = ""
    if let from = try ConnectionOptions.moment(from, client) { query += "&from=\(from.shortRFC3339)" }
    if let to = try to.flatMap({ try ConnectionOptions.moment($0, client) }) { query += "&to=\(to.shortRFC3339)" }
    if let project { query += "&project=\(HTTPRequest.escaped(project))" }
    let goodput = try client.get("/v1/goodput?by=project\(query)")
    let days = try client.get("/v1/goodput?by=day\(query)")
    let waste = try client.get("/v1/waste?by=job&limit=\(csv ? 500 : 50)\(query)")
    let report: JSON = [
      "project": JSON(project), "from": goodput["from"] ?? .null, "to": goodput["to"] ?? .null, "goodput": goodput,
      "days": days, "waste": waste,
    ]
    if let html {
      try OutputFile.write(ReportPage.period(report).html, to: html)
      if html == "-" { return }
    }
    if csv { return Terminal.out(PeriodText.csv(report)) }
    connection.show(report) { PeriodText.text(report, $0) }
  }

  private static func known(_ ask: () throws -> JSON) throws -> JSON? {
    do {
      return try ask()
    } catch ClientError.refused(let error) where error.exitStatus == .notFound {
      return nil
    }
  }
}
