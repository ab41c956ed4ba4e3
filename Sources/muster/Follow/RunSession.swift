import MusterClient
import MusterProtocol

/// From a submitted job to its end: its logs on standard output, what happens to it on standard error.
final class RunSession {
  private let id: Int64
  private let source: EndpointSource
  private let isJSON: Bool
  private let client: Client
  private let events: EventFollower
  private let interrupt = Interrupt()
  private var interrupts = 0
  private var wantsCancel = false
  private var groups: [LogGroup] = []
  private var shownAttempt: Int64 = 0
  private var job: JSON = .null
  private var isStale = true
  private var isAway = false
  private var lookAgainAt = Deadline.never
  /// Set once the job has ended: its last lines are waited for until then.
  private var leaveAt = Deadline.never

  /// However silent the events are.
  private static let lookAgainMilliseconds: Int64 = 5000
  private static let retryMilliseconds: Int64 = 300
  private static let lastLinesMilliseconds: Int64 = 5000
  /// As a shell shows a program that Ctrl-C ended.
  private static let leftStatus: Int32 = 130
  /// Kinds of events that say nothing new to who follows the logs; the end is told once the last lines are out.
  private static let quiet: Set<String> = [
    "jobSubmitted", "jobEnded", "stepsBegan", "checkpointCommitted", "memberStopped", "keysForgotten", "jobArchived",
    "nodeLabelled", "policyApplied", "maintenanceAdded", "maintenanceRemoved", "placesKept",
  ]

  init(id: Int64, source: EndpointSource, isJSON: Bool) {
    self.id = id
    self.source = source
    self.isJSON = isJSON
    client = Client(source: source)
    events = EventFollower(source: source, job: id, follows: true)
  }

  /// Answers the exit code. Throws what trying again does not heal.
  func run() throws(ClientError) -> Int32 {
    while true {
      if takeInterrupts() { return Self.leftStatus }
      try takeEvents()
      try look()
      let hasEnded = JobOutcome.hasEnded(job)
      for (index, group) in groups.enumerated() {
        let isOver = hasEnded || index < groups.count - 1
        if let loss = try group.advance(isOver: isOver) { lost(loss) }
      }
      if hasEnded, groups.allSatisfy(\.hasEnded) || leaveAt.isPast { return finish() }
      // A stream that ended before its attempt: the controller stopped in good order.
      if !hasEnded, let last = groups.last, last.hasEnded { last.reopen() }
      wait()
    }
  }

  /// True when the caller leaves.
  private func takeInterrupts() -> Bool {
    let count = interrupt?.take() ?? 0
    guard count > 0 else { return false }
    interrupts += count
    guard interrupts == 1 else {
      tell("left job \(id) to itself; see it with: muster job \(id)")
      return true
    }
    tell("cancelling job \(id); Ctrl-C again leaves at once")
    wantsCancel = true
    return false
  }

  private func takeEvents() throws(ClientError) {
    for item in try events.advance() {
      switch item {
      case .opened:
        if isAway { tell("the controller is back") }
        isAway = false
        isStale = true
      case .resync: isStale = true
      case .lost(let error): lost(error)
      case .ended: break
      case .event(_, let kind, let body):
        isStale = true
        if isJSON {
          Terminal.out(body.text + "\n")
        } else if !Self.quiet.contains(kind) {
          let style = Terminal.errorStyle
          tell(style.paint(Table.oneLine(body["text"]?.stringValue ?? kind), Style.tone(event: kind)))
        }
      }
    }
  }

  /// Reads the job anew if something may have changed, and follows the logs of its new attempts.
  private func look() throws(ClientError) {
    guard isStale || wantsCancel || lookAgainAt.isPast else { return }
    do {
      if wantsCancel {
        _ = try client.post("/v1/jobs/\(id)/cancel")
        wantsCancel = false
      }
      job = try client.get("/v1/jobs/\(id)")
    } catch {
      if case .refused(let refusal) = error, refusal.status == 409 {
        // It has ended meanwhile: there is nothing left to cancel.
        wantsCancel = false
        return
      }
      guard error.passes else { throw error }
      lost(error)
      lookAgainAt = .after(milliseconds: Self.retryMilliseconds)
      return
    }
    isStale = false
    lookAgainAt = .after(milliseconds: Self.lookAgainMilliseconds)
    if JobOutcome.hasEnded(job), leaveAt == .never {
      leaveAt = .after(milliseconds: Self.lastLinesMilliseconds)
    }
    followNewAttempts()
  }

  private func followNewAttempts() {
    let attempt = job["attempt"]?.intValue ?? 0
    let worldSize = job["worldSize"]?.intValue ?? 1
    let ranks = LogPrinter.ranks(worldSize: worldSize)
    while shownAttempt < attempt {
      shownAttempt += 1
      if shownAttempt == 1, worldSize > LogPrinter.mostRanksTogether {
        tell("showing rank 0 of \(worldSize); others with: muster logs \(id) --rank R")
      }
      let form: LogPrinter.Form = isJSON ? .json : ranks.count == 1 ? .raw : .prefixed
      groups.append(
        LogGroup(
          source: source, job: id, attempt: shownAttempt, ranks: ranks, form: form, style: Terminal.outStyle,
          follows: true, waitsForLogs: true))
    }
  }

  private func wait() {
    let open = groups.filter { !$0.hasEnded }
    var descriptors = open.flatMap(\.descriptors)
    if let descriptor = events.stream.descriptor { descriptors.append(descriptor) }
    if let interrupt { descriptors.append(interrupt.descriptor) }
    let wakes = open.map(\.wakeAt) + [events.stream.wakeAt, lookAgainAt, leaveAt]
    _ = Readiness.wait(for: descriptors, until: wakes.min() ?? .never)
  }

  /// Says once that the controller is away. A refusal is not that: a log may not be there yet.
  private func lost(_ error: ClientError) {
    if case .refused = error { return }
    if !isAway { tell("\(error.message); trying again, the job goes on meanwhile") }
    isAway = true
  }

  private func finish() -> Int32 {
    let status = JobOutcome.runStatus(job)
    if isJSON {
      Terminal.out(job.text + "\n")
    } else {
      let state = job.shown("state")
      tell("job \(id) \(Terminal.errorStyle.paint(state, Style.tone(state: state)))\(JobOutcome.because(job))")
    }
    return status
  }

  private func tell(_ text: String) { Terminal.error("muster: \(text)\n") }
}
