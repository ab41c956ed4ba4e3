import ArgumentParser
import MusterClient
import MusterProtocol

struct LogsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "logs", abstract: "Show what a job's ranks wrote.",
    discussion: """
      One rank's log is shown as it is. Without --rank a job of up to 8 ranks shows all of them, each line with its \
      rank in front; a larger one shows rank 0. With -f the next attempts follow, and a controller's restart is waited \
      through. With --json: one object a line, {"rank", "attempt", "text"}.
      """)

  @Argument(help: "The job's number, or ARRAY_INDEX.")
  var job: JobReference

  @Flag(name: .shortAndLong, help: "Go on until the job has ended.")
  var follow = false

  @Option(help: "Only this rank.")
  var rank: Int64?

  @Option(help: "Only this attempt (default: the present or last one).")
  var attempt: Int64?

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let client = connection.client()
    client.waitsForController = true
    let id = try self.job.resolved(client)
    var job = try client.get("/v1/jobs/\(id)")
    let worldSize = job["worldSize"]?.intValue ?? 1
    if let rank, !(0..<worldSize).contains(rank) {
      throw CommandFailure.noSuchRank(rank, job: id, worldSize: worldSize)
    }
    let ranks = rank.map { [$0] } ?? LogPrinter.ranks(worldSize: worldSize)
    if rank == nil, worldSize > LogPrinter.mostRanksTogether {
      Terminal.error("muster: rank 0 of \(worldSize); choose another with --rank\n")
    }
    guard follow else {
      return try showOnce(group(id, ranks, attempt: attempt ?? job["attempt"]?.intValue))
    }
    var shown: Int64 = 0
    while true {
      let current = job["attempt"]?.intValue ?? 0
      let next = attempt ?? (shown == 0 ? current : shown + 1)
      if next > shown, next <= current {
        job = try follow(id, group(id, ranks, attempt: next), attempt: next, client: client)
        shown = next
      }
      if attempt != nil || JobOutcome.hasEnded(job) && (job["attempt"]?.intValue ?? 0) <= shown { return }
      pause(milliseconds: 300)
      job = try refreshed(id, client) ?? job
    }
  }

  private func group(_ id: Int64, _ ranks: [Int64], attempt: Int64?) -> LogGroup {
    let form: LogPrinter.Form = connection.json ? .json : ranks.count == 1 ? .raw : .prefixed
    return LogGroup(
      source: connection.source, job: id, attempt: attempt, ranks: ranks, form: form, style: Terminal.outStyle,
      follows: follow, waitsForLogs: follow)
  }

  /// What there is now. A lost connection is an error.
  private func showOnce(_ group: LogGroup) throws {
    while !group.hasEnded {
      if let loss = try group.advance() { throw loss }
      if !group.hasEnded { group.wait() }
    }
  }

  /// Until this attempt is over and all of it was shown. Answers the job as it is then.
  private func follow(_ id: Int64, _ group: LogGroup, attempt: Int64, client: Client) throws -> JSON {
    var isOver = false
    while true {
      let loss = try group.advance(isOver: isOver)
      // Of a pretend job none will ever come.
      if let loss, case .refused(let refusal) = loss, refusal.code == "pretended" { throw loss }
      if loss != nil || group.hasEnded, let job = try refreshed(id, client) {
        isOver = JobOutcome.hasEnded(job) || (job["attempt"]?.intValue ?? 0) > attempt
        if isOver, group.hasEnded { return job }
      }
      // The end of the stream was not the attempt's: the controller stopped in good order.
      if group.hasEnded { group.reopen() }
      group.wait()
    }
  }

  private func pause(milliseconds: Int64) {
    let end = Deadline.after(milliseconds: milliseconds)
    while !end.isPast { _ = Readiness.wait(for: [], until: end) }
  }

  /// nil while the controller is away.
  private func refreshed(_ id: Int64, _ client: Client) throws(ClientError) -> JSON? {
    do {
      return try client.get("/v1/jobs/\(id)")
    } catch {
      guard error.passes else { throw error }
      return nil
    }
  }
}
