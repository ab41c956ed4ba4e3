import ArgumentParser
import MusterClient
import MusterProtocol

struct JobsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "jobs", abstract: "List jobs: all that have not ended, and those that ended within a day.")

  @Flag(help: "Only those that wait, in the scheduler's order: when each should start, and what it waits for.")
  var pending = false

  @Flag(help: "Also those that ended earlier.")
  var all = false

  @Flag(help: "Show the list again every two seconds, until Ctrl-C. With --json: one array a line.")
  var watch = false

  @OptionGroup var connection: ConnectionOptions

  private static let intervalMilliseconds: Int64 = 2000

  func run() throws {
    let client = connection.client()
    guard watch else {
      let jobs = try list(client)
      return connection.show(.array(jobs)) { text(jobs, client, $0) }
    }
    while true {
      do {
        show(try list(client), client)
      } catch {
        guard error.passes else { throw error }
        Terminal.error(ErrorText.text(error, isJSON: connection.json))
      }
      let next = Deadline.after(milliseconds: Self.intervalMilliseconds)
      while !next.isPast { _ = Readiness.wait(for: [], until: next) }
    }
  }

  func validate() throws {
    if pending, all { throw ValidationError("--pending and --all: what has ended does not wait") }
  }

  private func list(_ client: Client) throws(ClientError) -> [JSON] {
    guard pending else { return try client.pages("/v1/jobs", key: "jobs", query: all ? ["all=1"] : []) }
    var seen: Set<Int64> = []
    // The queue moves between two pages: what was shown is not shown again.
    return try client.pages("/v1/queue", key: "jobs").filter { seen.insert($0["id"]?.intValue ?? 0).inserted }
  }

  private func text(_ jobs: [JSON], _ client: Client, _ style: Style) -> String {
    pending ? QueueText.table(jobs, style) : JobsText.table(jobs, now: ConnectionOptions.now(client), style)
  }

  private func show(_ jobs: [JSON], _ client: Client) {
    if connection.json { return Terminal.out(JSON.array(jobs).text + "\n") }
    // On a terminal each list takes the place of the last: home, then clear.
    let start = Terminal.outIsTerminal ? "\u{1b}[H\u{1b}[2J" : ""
    let table = text(jobs, client, Terminal.outStyle)
    Terminal.out(start + table + (Terminal.outIsTerminal ? "" : "\n"))
  }
}
