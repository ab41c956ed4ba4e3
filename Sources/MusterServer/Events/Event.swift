import MusterCore
import MusterProtocol

/// A fact as people and clients see it.
struct Event: Sendable {
  var sequence: Int64
  var kind: String
  var job: JobID?
  var json: JSON

  init(sequence: Int64, fact: Fact, names: [String]) {
    self.sequence = sequence
    kind = fact.event.name
    let detail = EventDetail(fact.event, names: names)
    job = detail.job
    var members: [JSON.Member] = [
      .init(name: "sequence", value: .int(sequence)), .init(name: "at", value: .time(fact.at)),
      .init(name: "kind", value: .string(kind)),
    ]
    if let job = detail.job { members.append(.init(name: "job", value: .int(job.number))) }
    if let attempt = detail.attempt { members.append(.init(name: "attempt", value: JSON(attempt))) }
    if let node = detail.node { members.append(.init(name: "node", value: .string(node))) }
    members.append(.init(name: "text", value: .string(detail.text)))
    members.append(contentsOf: detail.more)
    json = .object(members)
  }
}

/// Whom an event concerns, and one line for people.
struct EventDetail {
  var job: JobID?
  var attempt: Int32?
  var node: String?
  var text: String
  var more: [JSON.Member] = []

  init(_ event: Fact.Event, names: [String]) {
    func name(_ id: NodeID) -> String { Int(id.index) < names.count ? names[Int(id.index)] : id.description }
    func about(_ id: NodeID, _ text: String) -> EventDetail {
      EventDetail(node: name(id), text: "node \(name(id)) \(text)")
    }
    func about(_ id: AttemptID, _ text: String) -> EventDetail {
      EventDetail(job: id.job, attempt: id.number, text: "job \(id.job) attempt \(id.number) \(text)")
    }
    switch event {
    case .controllerStarted(let epoch): self.init(text: "controller started, epoch \(epoch)")
    case .nodeJoined(let joined): self = about(joined.node, "joined with \(joined.devices) devices")
    case .nodeReturned(let joined): self = about(joined.node, "returned")
    case .nodeSuspected(let node, let reason): self = about(node, "is suspect: \(reason)")
    case .nodeIsolated(let node, _, let reason): self = about(node, "is isolated: \(reason)")
    case .nodeCleared(let node): self = about(node, "is ready again: nothing old runs on it")
    case .nodeDrainRequested(let node, let reason): self = about(node, "drains: \(reason)")
    case .nodeResumed(let node): self = about(node, "is back in service")
    case .nodeFenced(let node): self = about(node, "was fenced by a person")
    case .joinTokenCreated(let token):
      self.init(text: "join token \(token.id) was made, valid until \(token.expiresAt.rfc3339)")
    case .joinTokensForgotten(let before): self.init(text: "join tokens from before \(before.rfc3339) were forgotten")
    case .nodeRevoked(let node, _): self = about(node, "was revoked: its key is not let in again")
    case .nodeLabelled(let node, let labels):
      let all = labels.map { "\($0.key)=\($0.value)" }.joined(separator: ", ")
      self = about(node, labels.isEmpty ? "has no labels" : "has the labels \(all)")
    case .jobSubmitted(let submitted):
      self.init(job: submitted.job, text: "job \(submitted.job) \"\(submitted.spec.name)\" was submitted")
    case .jobCancelRequested(let job): self.init(job: job, text: "job \(job) is to be cancelled")
    case .attemptStarted(let started):
      let nodes = started.places.map { name($0.node) }
      let resume = started.resumeStep > 0 ? ", resuming after step \(started.resumeStep)" : ""
      self = about(started.attempt, "placed on \(compactNodeList(nodes))\(resume)")
      more = [
        .init(name: "nodes", value: .array(nodes.map { .string($0) })),
        .init(name: "resumeStep", value: .int(started.resumeStep)),
      ]
    case .gangStarted(let attempt): self = about(attempt, "runs: every rank has been started")
    case .stepsBegan(let attempt, _): self = about(attempt, "has done its first step")
    case .checkpointCommitted(let attempt, let step):
      self = about(attempt, "has a checkpoint of step \(step)")
      more = [.init(name: "step", value: .int(step))]
    case .statusTold(let attempt, let times, _): self = about(attempt, Self.text(times))
    case .attemptWarned(let warned): self = EventDetail(warned)
    case .attemptPreempted(let attempt, let by): self = EventDetail(preempted: attempt, by: by)
    case .faultFound(let fault):
      self = about(fault.attempt, "fault: \(fault.summary)")
      node = fault.node.map(name)
      more = [.init(name: "fault", value: fault.json(names: names))]
    case .attemptEnding(let ending):
      self = about(ending.attempt, "is being stopped (\(ending.outcome)) at step \(ending.lastStep)")
      more = [
        .init(name: "outcome", value: .string("\(ending.outcome)")), .init(name: "step", value: .int(ending.lastStep)),
      ]
    case .memberStopped(let member, let how):
      self = about(member.attempt, "has nothing left on its member \(member.index) (\(how))")
      more = [.init(name: "member", value: JSON(member.index))]
    case .attemptEnded(let ended): self = about(ended.attempt, "ended")
    case .jobEnded(let ended):
      let why = ended.reason.isEmpty ? "" : ": \(ended.reason)"
      self.init(job: ended.job, text: "job \(ended.job) \(ended.state)\(why)")
      more = [
        .init(name: "state", value: .string("\(ended.state)")), .init(name: "exitCode", value: JSON(ended.exitCode)),
      ]
    case .keysForgotten, .silenceWithheld, .jobArchived, .jobHeld, .jobReleased, .policyApplied, .maintenanceAdded,
      .maintenanceRemoved, .placesKept:
      let (job, text) = EventDetail.plain(event)
      self.init(job: job, text: text)
    }
  }

  private init(preempted id: AttemptID, by: JobID) {
    job = id.job
    attempt = id.number
    text = "job \(id.job) attempt \(id.number) gives way to job \(by), and goes on later"
    more = [.init(name: "by", value: .string("\(by)"))]
  }

  private static func text(_ told: StatusTimes) -> String {
    "has said so far that it saves for \(told.checkpointing.seconds) s, evaluates for \(told.evaluating.seconds) s, "
      + "waits for data for \(told.inputStall.seconds) s"
      + (told.slowRank < 0 ? "" : ", for rank \(told.slowRank) for \(told.straggling.seconds) s")
  }

  private init(_ warned: AttemptWarned) {
    let attempt = "job \(warned.attempt.job) attempt \(warned.attempt.number)"
    let end = warned.walltimeEnd.rfc3339
    job = warned.attempt.job
    self.attempt = warned.attempt.number
    text = "\(attempt) is warned: signal \(warned.signalName) to all ranks; its walltime ends at \(end)"
    more = [
      .init(name: "signal", value: .string(warned.signalName)),
      .init(name: "walltimeEnd", value: .time(warned.walltimeEnd)),
    ]
  }

  /// Facts that are told in one line and nothing more.
  private static func plain(_ event: Fact.Event) -> (JobID?, String) {
    switch event {
    case .keysForgotten(let before): (nil, "idempotency keys from before \(before.rfc3339) were forgotten")
    case .silenceWithheld(let silent, let connected):
      (nil, "\(silent) of \(connected) shims fell silent at once: the fault is nearer home, no attempt ends for it yet")
    case .jobArchived(let job): (job, "job \(job) left the hot state")
    case .jobHeld(let job): (job, "job \(job) is held")
    case .jobReleased(let job): (job, "job \(job) is released")
    case .policyApplied(let policy):
      (
        nil,
        "policy applied: \(policy.projects.count) projects, \(policy.priorities.count) priorities, \(policy.topology.places.count) places"
      )
    case .maintenanceAdded(let window):
      (nil, "maintenance \(window.id) from \(window.from.rfc3339) to \(window.to.rfc3339)")
    case .maintenanceRemoved(let id): (nil, "maintenance \(id) was removed")
    case .placesKept(let kept):
      (
        nil,
        "idle devices kept for gangs that wait: "
          + (kept.isEmpty
            ? "none"
            : kept.map { $0.deviceType.isEmpty ? "\($0.devices)" : "\($0.devices) \($0.deviceType)" }
              .joined(separator: ", "))
      )
    default: (nil, event.name)
    }
  }

  private init(job: JobID? = nil, attempt: Int32? = nil, node: String? = nil, text: String) {
    self.job = job
    self.attempt = attempt
    self.node = node
    self.text = text
  }
}

extension Fault {
  func json(names: [String]) -> JSON {
    [
      "component": .string("\(component)"),
      "node": node.map { .string(Int($0.index) < names.count ? names[Int($0.index)] : "\($0)") } ?? .null,
      "rank": rank.map { JSON($0) } ?? .null, "cause": .string("\(cause)"), "confidence": .string("\(confidence)"),
      "evidence": .array(evidence.map { .string($0) }), "action": .string("\(action)"),
      "stepsLost": .int(stepsLost),
    ]
  }
}
