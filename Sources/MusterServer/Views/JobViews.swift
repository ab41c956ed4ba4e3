import MusterCore
import MusterProtocol

/// The state as clients see it.
extension Controller {
  /// Jobs by ascending number after `after`; `next` is where the following page begins, or null.
  func jobPage(after: Int64, limit: Int, states: Set<JobState>?) -> JSON {
    var jobs: [JSON] = []
    var id = max(after, cluster.knownJobs.lowerBound - 1) + 1
    while id < cluster.knownJobs.upperBound, jobs.count < limit {
      if let slot = cluster.slot(of: JobID(id)), states?.contains(cluster.job(slot).state) ?? true {
        jobs.append(.object(jobView(slot)))
      }
      id += 1
    }
    return ["jobs": .array(jobs), "next": id < cluster.knownJobs.upperBound ? .int(id - 1) : .null]
  }

  /// - Parameter told: why it waits or ended, where that has been asked for already.
  func jobView(_ slot: Int32, reason told: String? = nil) -> [JSON.Member] {
    let (job, spec) = (cluster.job(slot), cluster.spec(slot))
    let (step, loss) = progress(slot)
    var nodes: [JSON] = []
    if job.latestAttempt >= 0 {
      nodes = cluster.memberSlots(ofAttempt: job.latestAttempt).map { .string(nodeName($0)) }
    }
    let resumeStep = job.latestAttempt >= 0 ? cluster.attempt(job.latestAttempt).resumeStep : 0
    return [
      .init(name: "id", value: .int(job.id.number)), .init(name: "name", value: .string(spec.name)),
      .init(name: "project", value: .string(spec.project)), .init(name: "user", value: .string(spec.user)),
      .init(name: "priority", value: JSON(spec.priority)), .init(name: "state", value: .string("\(job.state)")),
      .init(name: "attempt", value: JSON(job.attempt)), .init(name: "nodes", value: .array(nodes)),
      .init(name: "nodeCount", value: JSON(spec.nodes)),
      .init(name: "worldSize", value: JSON(spec.ranks)), .init(name: "devices", value: JSON(spec.devices)),
      .init(name: "step", value: step.map { .int($0) } ?? .null),
      .init(name: "loss", value: Double(loss).map { .double($0) } ?? .null),
      .init(name: "checkpointStep", value: job.hasCheckpoint ? .int(job.checkpointStep) : .null),
      .init(name: "resumeStep", value: .int(resumeStep)), .init(name: "submittedAt", value: .time(job.submittedAt)),
      .init(name: "startedAt", value: .time(job.startedAt)), .init(name: "endedAt", value: .time(job.endedAt)),
      .init(name: "reason", value: told.map { .string($0) } ?? reason(slot)),
      .init(name: "exitCode", value: job.state.isFinal ? JSON(job.exitCode) : .null),
      .init(name: "arrayId", value: spec.wishes.array.map { .int($0.array(of: job.id).number) } ?? .null),
      .init(name: "arrayIndex", value: spec.wishes.array.map { JSON($0.index) } ?? .null),
    ]
  }

  /// Why it waits, or why it ended; empty while it runs or when all went well.
  private func reason(_ slot: Int32) -> JSON {
    let job = cluster.job(slot)
    if job.state == .pending { return .string(waiting(for: slot).causes.first?.message ?? "") }
    return .string(job.state.isFinal ? cluster.endReason(slot) : "")
  }

  func nodeName(_ member: Int32) -> String {
    cluster.nodeDetails[Int(cluster.member(member).node)].joined.name
  }

  func jobDetail(_ slot: Int32) -> JSON {
    let job = cluster.job(slot)
    var members = jobView(slot)
    members.append(.init(name: "ranks", value: .array(ranks(slot))))
    members.append(.init(name: "spec", value: cluster.spec(slot).viewJSON))
    var attempts: [JSON] = []
    var attempt = job.latestAttempt
    while attempt >= 0 {
      attempts.append(attemptView(attempt))
      attempt = cluster.attempt(attempt).previous
    }
    members.append(.init(name: "attempts", value: .array(attempts.reversed())))
    return .object(members)
  }

  private func attemptView(_ slot: Int32) -> JSON {
    let attempt = cluster.attempt(slot)
    return [
      "number": JSON(attempt.number), "phase": .string("\(attempt.phase)"),
      "outcome": attempt.phase >= .stopping ? .string("\(attempt.outcome)") : .null,
      "resumeStep": .int(attempt.resumeStep), "lastStep": .int(attempt.lastStep),
      "startedAt": .time(attempt.startedAt), "runningAt": .time(attempt.runningAt),
      "warnedAt": .time(attempt.warnedAt), "endingAt": .time(attempt.endingAt), "endedAt": .time(attempt.endedAt),
    ]
  }

  /// In rank order, as the latest attempt has them; pids as the host sees them.
  private func ranks(_ slot: Int32) -> [JSON] {
    let (job, spec) = (cluster.job(slot), cluster.spec(slot))
    guard job.latestAttempt >= 0 else { return [] }
    var out: [JSON] = []
    for member in cluster.memberSlots(ofAttempt: job.latestAttempt) {
      let live = liveReport(member)
      let part = spec.part(ofMember: cluster.member(member).index)
      for rank in spec.ranks(ofMember: cluster.member(member).index) {
        out.append(rankView(rank, of: member, live?.ranks.first { $0.rank == rank }, job, part))
      }
    }
    return out
  }

  private func rankView(_ rank: Int32, of member: Int32, _ live: RankReport?, _ job: Job, _ part: JobPart) -> JSON {
    // Without a report (an attempt of an earlier controller) only what the facts say is known.
    let stopped = cluster.member(member).stopped
    let state = stopped ? "exited" : live?.state.name ?? (job.state == .running ? "running" : "waiting")
    let exited = live?.state == .exited
    return [
      "role": .string(part.role.name), "rank": JSON(rank), "roleRank": JSON(rank - part.firstRank),
      "node": .string(nodeName(member)),
      "pid": live.map { $0.pid == 0 ? .null : JSON($0.pid) } ?? .null, "state": .string(state),
      "exitCode": exited && live?.signal == 0 ? JSON(live?.exitCode ?? 0) : job.state == .completed ? 0 : .null,
      "signal": exited && live?.signal != 0 ? JSON(live?.signal ?? 0) : .null,
      "step": live?.step.map { .int($0) } ?? .null,
      "waitedForRanksSeconds": live?.waited.map { .double($0.seconds) } ?? .null,
    ]
  }

  /// Nodes that take no work now, each with its reason.
  private func outOfService(limit: Int) -> [JSON] {
    var out: [JSON] = []
    for i in cluster.nodes.indices where out.count < limit {
      let hot = cluster.nodes[i]
      let isAway = hot.state == .ready && !agent(of: NodeID(Int32(i))).connected
      guard hot.state != .ready || isAway else { continue }
      let detail = cluster.nodeDetails[i]
      let why = isAway ? "its agent is not connected" : detail.reason
      out.append([
        "kind": "nodeOutOfService", "node": .string(detail.joined.name),
        "message": .string("\(detail.joined.name) is \(hot.state)\(why.isEmpty ? "" : ": \(why)")"),
      ])
    }
    return out
  }

  func why(_ slot: Int32) -> JSON {
    var common = WhyCommon()
    return why(slot, &common)
  }

  /// What is the same for all jobs that are asked about at one moment, looked for when the first of them needs it.
  struct WhyCommon: Sendable {
    fileprivate var outOfService: [JSON]?
    fileprivate var ends: PlannedEnds?
  }

  func why(_ slot: Int32, _ common: inout WhyCommon) -> JSON {
    let job = cluster.job(slot)
    var causes: [JSON] = []
    var start = JSON.null
    var changes: [JSON] = []
    if job.state == .pending {
      let waiting = waiting(for: slot)
      causes = waiting.causes.map { ["kind": .string($0.kind), "message": .string($0.message)] }
      if waiting.causes.contains(where: { $0.kind == "nodesBusy" }) {
        let found = common.outOfService ?? outOfService(limit: 8)
        common.outOfService = found
        causes += found
      }
      for change in startChanges(slot) {
        changes.append(
          ["kind": .string(change.kind), "value": .string(change.value), "message": .string(change.message)])
      }
      if let at = waiting.start {
        start = .time(at)
        let ends = common.ends ?? plannedEnds()
        if let rest = startRest(slot, ends) { changes.append(rest.json) }
        common.ends = ends
      }
    } else if job.state == .stopping, job.latestAttempt >= 0 {
      for member in cluster.memberSlots(ofAttempt: job.latestAttempt) where !cluster.member(member).stopped {
        let node = cluster.nodes[Int(cluster.member(member).node)]
        let message =
          node.state == .suspect || node.state == .isolated
          ? "\(nodeName(member)) is \(node.state): " + WaitReason.fenced.message
          : "waits for \(nodeName(member)) to confirm that its ranks have stopped"
        causes.append(["kind": "stopping", "message": .string(message)])
      }
    } else if job.state.isFinal, !cluster.endReason(slot).isEmpty {
      causes.append(["kind": "ended", "message": .string(cluster.endReason(slot))])
    }
    let array = cluster.spec(slot).wishes.array
    return [
      "id": .int(job.id.number), "state": .string("\(job.state)"), "causes": .array(causes), "startEstimate": start,
      "arrayId": array.map { .int($0.array(of: job.id).number) } ?? .null,
      "arrayIndex": array.map { JSON($0.index) } ?? .null,
      "wouldStartNow": .array(changes),
    ]
  }
}

extension StartRest {
  fileprivate var json: JSON {
    [
      "kind": "jobsEnd", "jobs": .array(jobs.prefix(100).map { .int($0.number) }), "at": .time(at),
      "message": .string(message),
    ]
  }
}
