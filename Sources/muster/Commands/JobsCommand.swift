import ArgumentParser
import MusterClient
import MusterProtocol

struct JobsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "jobs", abstract: "List jobs: all that have not ended, and those that ended within a day.")

  @Flag(help: "Only those that wait for nodes.")
  var pending = false

  @Flag(help: "Also those that ended earlier.")
  var all = false

  @Flag(help: "Show the list again every two seconds, until Ctrl-C. With --json: one array a line.")
  var watch = false

  @OptionGroup var connection: ConnectionOptions

  private static let intervalMilliseconds: Int64 = 2000

  func run() throws {
    var query: [String] = []
    if pending { query.append("state=pending") }
    if all { query.append("all=1") }
    let client = connection.client()
    guard watch else {
      let jobs = try client.pages("/v1/jobs", key: "jobs", query: query)
      return connection.show(.array(jobs)) { JobsText.table(jobs, now: CallerContext.nowUnixSeconds, $0) }
    }
    while true {
      do {
        show(try client.pages("/v1/jobs", key: "jobs", query: query))
      } catch {
        guard error.passes else { throw error }
        Terminal.error(ErrorText.text(error, isJSON: connection.json))
      }
      let next = Deadline.after(milliseconds: Self.intervalMilliseconds)
      while !next.isPast { _ = Readiness.wait(for: [], until: next) }
    }
  }

  private func show(_ jobs: [JSON]) {
    if connection.json { return Terminal.out(JSON.array(jobs).text + "\n") }
    // On a terminal each list takes the place of the last: home, then clear.
    let start = Terminal.outIsTerminal ? "\u{1b}[H\u{1b}[2J" : ""
    let table = JobsText.table(jobs, now: CallerContext.nowUnixSeconds, Terminal.outStyle)
    Terminal.out(start + table + (Terminal.outIsTerminal ? "" : "\n"))
  }
}
