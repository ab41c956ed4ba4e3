import ArgumentParser
import MusterClient
import MusterProtocol

struct WaitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "wait", abstract: "Wait until jobs have ended.",
    discussion: """
      Exits with 0 if all have completed, 1 if one has failed, was cancelled or timed out, 124 if --timeout passed \
      first. A controller's restart is waited through.
      """)

  @Argument(help: "The jobs' numbers; an array's number is all of its tasks, ARRAY_INDEX one.")
  var jobs: [JobReference]

  @Option(help: ArgumentHelp("Give up after this long, e.g. 90s or 1h30m.", valueName: "time"))
  var timeout: WaitingTime?

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let deadline = timeout?.deadline ?? .never
    let client = connection.client()
    client.waitsForController = true
    let ids = try jobs.flatMap { try $0.allResolved(client) }
    let watched = try Watched(ids: ids, source: connection.source)
    try watched.advance()
    while !watched.isDone {
      if deadline.isPast, let timeout { throw CommandFailure.timedOut(seconds: timeout.seconds) }
      watched.wait(until: deadline)
      try watched.advance()
    }
    let jobs = ids.compactMap { watched.ended[$0] }
    connection.show(jobs.count == 1 ? jobs[0] : .array(jobs)) { style in
      jobs.map { job in
        let state = job.shown("state")
        return "Job \(job.shownJob) \(style.paint(state, Style.tone(state: state)))\(JobOutcome.because(job))\n"
      }.joined()
    }
    let failed = jobs.first { JobOutcome.status($0) != 0 }
    if let failed { throw CommandFailure.silent(code: JobOutcome.status(failed)) }
  }
}
