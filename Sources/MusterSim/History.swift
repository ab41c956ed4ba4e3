import MusterCore

/// What happened, in words, for the people who read a failure.
struct History: Sendable {
  struct Line: Sendable {
    var at: Int64
    var text: String
    var job: Int64?
    var node: Int32?
  }
  var isKept = false
  private(set) var lines: [Line] = []

  mutating func add(at: Int64, _ text: @autoclosure () -> String, job: Int64? = nil, node: Int32? = nil) {
    guard isKept else { return }
    lines.append(Line(at: at, text: text(), job: job, node: node))
  }

  mutating func add(at: Int64, _ fact: Fact) {
    guard isKept else { return }
    let (job, node) = History.concerns(fact.event)
    lines.append(Line(at: at, text: "fact \(fact.event)", job: job, node: node))
  }

  /// The last lines that concern a job or a node, or all; at most `count`.
  func tail(job: Int64?, node: Int32?, count: Int) -> String {
    var own: [Int] = []
    var general: [Int] = []
    for (i, line) in lines.enumerated() {
      if line.job == nil, line.node == nil { general.append(i) }
      if let job, line.job == job {
        own.append(i)
      } else if line.job == nil, node != nil, line.node == node {
        own.append(i)
      }
    }
    // What befell it, and as many of the lines about everybody as there is room for.
    if own.isEmpty { own = Array(lines.indices) }
    let told = Set(own.suffix(count * 3 / 4))
    let both = (Array(told) + general.suffix(count / 4).filter { !told.contains($0) }).sorted()
    return both.map { index in
      let line = lines[index]
      let milliseconds = line.at / 1_000_000
      let part = String(milliseconds % 1000 + 1000).dropFirst()
      return "  \(milliseconds / 1000).\(part) s  \(History.short(line.text))"
    }.joined(separator: "\n")
  }

  /// Without the module's name, which Swift puts before each type, and not longer than a person reads.
  private static func short(_ text: String) -> String {
    let plain = text.split(separator: "MusterCore.", omittingEmptySubsequences: false).joined()
    return plain.count > 240 ? plain.prefix(240) + " ..." : plain
  }

  private static func concerns(_ event: Fact.Event) -> (job: Int64?, node: Int32?) {
    switch event {
    case .controllerStarted, .keysForgotten, .silenceWithheld, .joinTokenCreated, .joinTokensForgotten, .policyApplied,
      .maintenanceAdded, .maintenanceRemoved, .placesKept:
      (nil, nil)
    case .nodeJoined(let joined), .nodeReturned(let joined): (nil, joined.node.index)
    case .nodeSuspected(let node, _), .nodeIsolated(let node, _, _), .nodeCleared(let node),
      .nodeDrainRequested(let node, _), .nodeResumed(let node), .nodeFenced(let node), .nodeRevoked(let node, _):
      (nil, node.index)
    case .nodeLabelled(let node, _): (nil, node.index)
    case .jobSubmitted(let submitted): (submitted.job.number, nil)
    case .jobCancelRequested(let job), .jobArchived(let job), .jobHeld(let job), .jobReleased(let job):
      (job.number, nil)
    case .attemptStarted(let started): (started.attempt.job.number, nil)
    case .gangStarted(let attempt), .stepsBegan(let attempt, _), .checkpointCommitted(let attempt, _):
      (attempt.job.number, nil)
    case .attemptPreempted(let attempt, _), .statusTold(let attempt, _, _): (attempt.job.number, nil)
    case .attemptWarned(let warned): (warned.attempt.job.number, nil)
    case .faultFound(let fault): (fault.attempt.job.number, fault.node?.index)
    case .attemptEnding(let ending): (ending.attempt.job.number, nil)
    case .memberStopped(let member, _): (member.attempt.job.number, nil)
    case .attemptEnded(let ended): (ended.attempt.job.number, nil)
    case .jobEnded(let ended): (ended.job.number, nil)
    }
  }
}
