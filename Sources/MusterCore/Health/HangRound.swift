extension Controller {
  /// Looks at each running attempt for ranks that no longer step.
  mutating func judgeHangs() {
    for attempt in cluster.active where cluster.attempts[attempt].phase == .running { judgeHang(attempt) }
  }

  /// The shims of this attempt are to look at their ranks: someone has been quiet for half of the limit.
  func wantsProbe(_ attempt: Int32) -> Bool {
    guard cluster.attempts[attempt].phase == .running,
      let seen = watch.knownAttempt(attempt, id: cluster.attemptID(attempt)),
      let worst = seen.hang.quietest(now: watch.attention.clock(now))
    else { return false }
    return worst * 2 > hangLimit(attempt, seen)
  }

  private func hangLimit(_ attempt: Int32, _ seen: Watch.AttemptWatch) -> Span {
    let job = cluster.attempts[attempt].jobSlot
    let limit = HangWatch.limit(
      longestStep: watch.longestStep[cluster.jobs[job].id.number] ?? .zero,
      set: cluster.specs[Int(job)].restart.hangAfter)
    return seen.hang.anyStatus ? max(limit, HangWatch.unlearned) : limit
  }

  private mutating func judgeHang(_ attempt: Int32) {
    let clock = watch.attention.clock(now)
    let id = cluster.attemptID(attempt)
    guard let seen = watch.knownAttempt(attempt, id: id) else { return }
    let isSet = cluster.specs[Int(cluster.attempts[attempt].jobSlot)].restart.hangAfter != nil
    let looks = self.looks(attempt, seen, clock: clock, isSet: isSet)
    // Certain, whatever was learned of the job's steps, and whether this rank ever said one.
    let running = clock - cluster.attempts[attempt].runningAt
    let stopped = looks.probed.filter(\.isStopped).map { $0.spoke ? $0.quiet : running }.max() ?? .zero
    if stopped > hangLimit(attempt, seen) {
      let verdict = HangVerdict.judge(looks.probed, someEndedWell: looks.someEndedWell)
      return record(verdict, attempt, quiet: stopped, limit: hangLimit(attempt, seen), isSet: isSet)
    }
    let watched = looks.steps
    guard let worst = watched.max(by: { $0.quiet < $1.quiet }) else { return }
    let limit = hangLimit(attempt, seen)
    let heard = seen.hang.heard(now: clock)
    guard worst.quiet > limit, heard * 2 > limit else { return }
    // Every rank must have been looked at; where some cannot be, the answer a little later is "unknown".
    guard looks.unprobed == 0 || min(worst.quiet, heard) > limit + .seconds(2) else { return }
    var verdict = HangVerdict.judge(looks.probed, someEndedWell: looks.someEndedWell)
    if verdict.finding == .working {
      guard isSet || worst.quiet > limit * HangWatch.patience else { return }
      verdict = HangVerdict(finding: .unknown, evidence: verdict.evidence)
    }
    record(verdict, attempt, quiet: worst.quiet, limit: limit, isSet: isSet)
  }

  private mutating func record(
    _ verdict: HangVerdict, _ attempt: Int32, quiet: Span, limit: Span, isSet: Bool
  ) {
    let evidence =
      verdict.evidence + [
        "no step for \(tenths(quiet)) s; the limit is \(tenths(limit)) s, \(isSet ? "as restart.hangAfter says" : "from the job's own steps")",
        "no evidence against a node",
      ]
    let since = now - quiet
    switch verdict.finding {
    case .culprit(let rank, let cause, let confidence):
      let index = cluster.specs[Int(cluster.attempts[attempt].jobSlot)].member(ofRank: rank)
      let member = cluster.memberSlots(ofAttempt: attempt)[Int(index)]
      fail(
        attempt, node: NodeID(cluster.members[member].node), rank: rank, component: .rank, cause: cause,
        confidence: confidence, evidence: evidence, happenedAt: since, outcome: .jobFault)
    case .unknown, .working:
      fail(
        attempt, node: nil, rank: nil, component: .unknown, cause: .hangUnknown, confidence: .low,
        evidence: evidence, happenedAt: since, outcome: .jobFault)
    }
  }

  private struct Looks {
    var probed: [HangVerdict.Look] = []
    var steps: [HangVerdict.Look] = []
    var unprobed = 0
    var someEndedWell = false
  }

  private func looks(_ attempt: Int32, _ seen: Watch.AttemptWatch, clock: Instant, isSet: Bool) -> Looks {
    var out = Looks()
    let blank = Probe(state: "?", cpuPermille: 0)
    let stepping = steppingRanks(attempt)
    for slot in cluster.memberSlots(ofAttempt: attempt) {
      guard let report = watch.knownMember(slot, id: cluster.memberID(slot))?.report else { continue }
      for rank in report.ranks {
        if rank.state == .exited {
          if rank.rank < stepping { out.someEndedWell = true }
          continue
        }
        let known = Int(rank.rank) < seen.hang.ranks.count ? seen.hang.ranks[Int(rank.rank)] : nil
        let quiet = known.map { clock - seen.hang.quietSince($0) } ?? .zero
        let look = HangVerdict.Look(
          rank: rank.rank, probe: rank.probe ?? blank, step: rank.step,
          movedBytes: (rank.probe?.readBytes ?? 0) + (rank.probe?.writtenBytes ?? 0), quiet: quiet,
          spoke: known != nil)
        // Until its third step a rank compiles and fills caches: the learned limit is not for it yet.
        if let known, known.count >= 3 || isSet || quiet > HangWatch.unlearned { out.steps.append(look) }
        // What another role does in its own time says nothing of the first one's; that it was stopped does.
        guard rank.rank < stepping || look.isStopped else { continue }
        if rank.probe == nil { out.unprobed += 1 } else { out.probed.append(look) }
      }
    }
    return out
  }

  private func tenths(_ span: Span) -> String {
    let tenths = span.milliseconds / 100
    return "\(tenths / 10).\(tenths % 10)"
  }
}
