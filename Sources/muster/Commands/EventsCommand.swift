import ArgumentParser
import MusterClient
import MusterProtocol

struct EventsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "events", abstract: "Show what happened, to everything or to one job.",
    discussion: "With --json: one object a line. With -f a controller's restart is waited through.")

  @Argument(help: "The job's number, or ARRAY_INDEX.")
  var job: JobReference?

  @Flag(name: .shortAndLong, help: "Go on with what happens from now on.")
  var follow = false

  @Option(help: "Only events behind this sequence.")
  var after: Int64 = 0

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    // Says at once, and in the ordinary way, that nobody is there or that there is no such job.
    let client = connection.client()
    let id = try job?.resolved(client)
    _ = try client.get(id.map { "/v1/jobs/\($0)" } ?? "/v1/version")
    let events = EventFollower(source: connection.source, job: id, after: after, follows: follow)
    var isAway = false
    while true {
      for item in try events.advance() {
        switch item {
        case .event(_, let kind, let body): show(body, kind: kind)
        case .opened: isAway = false
        case .resync:
          Terminal.error("muster: events are missing here: this was too slow, or the journal does not reach so far\n")
        case .ended: return
        case .lost(let error):
          guard follow else { throw error }
          if !isAway { Terminal.error("muster: \(error.message); trying again\n") }
          isAway = true
        }
      }
      let descriptors = events.stream.descriptor.map { [$0] } ?? []
      _ = Readiness.wait(for: descriptors, until: events.stream.wakeAt)
    }
  }

  private func show(_ event: JSON, kind: String) {
    Terminal.out(connection.json ? event.text + "\n" : EventsText.line(event, kind: kind, Terminal.outStyle))
  }
}
