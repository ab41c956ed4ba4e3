import MusterCore

/// Shims and ranks.
extension PretendFleet {
  // MARK: Facts

  mutating func attemptStarted(_ started: AttemptStarted, _ cluster: borrowing Cluster) {
    guard let slot = cluster.slot(of: started.attempt.job) else { return }
    let (id, spec) = (started.attempt, cluster.spec(slot))
    let total = PretendWork.milliseconds(spec, id.job, seed: settings.seed)
    let first = PretendWork.starting(AttemptID(job: id.job, number: 1), total: total, seed: settings.seed)
    let starting = PretendWork.starting(id, total: total, seed: settings.seed)
    let run = PretendRun(
      attempt: id, spec: spec, nodes: started.places.map(\.node.index), worksFrom: now + starting,
      resumed: started.resumeStep * 1_000, work: max(1_000, total - first))
    runs[id.job.number] = run
    for node in run.nodes { nodes[Int(node)].jobs.append(id.job.number) }
    // A quarter for preparing; then the ranks run, and load what they need.
    events.put(.start(job: id.job.number, attempt: id.number), at: now + starting / 4)
  }

  mutating func gangStarted(_ attempt: AttemptID) {
    guard var run = run(attempt.job.number, attempt.number, in: .starting) else { return }
    run.phase = .running
    run.worksFrom = max(run.worksFrom, now)
    runs[attempt.job.number] = run
    events.put(.say(job: attempt.job.number, attempt: attempt.number), at: run.worksFrom + 1_000)
    events.put(.finish(job: attempt.job.number, attempt: attempt.number), at: run.finishesAt)
  }

  mutating func attemptEnding(_ ending: AttemptEnding) {
    let job = ending.attempt.job.number
    guard var run = runs[job], run.attempt == ending.attempt, run.phase == .starting || run.phase == .running else {
      return
    }
    run.phase = ending.outcome == .finished ? .finished : .stopping
    runs[job] = run
    guard run.phase == .stopping else { return }
    // Within `restart.grace` and what the core allows beyond it.
    events.put(.confirm(job: job, attempt: run.attempt.number), at: now + stops.between(200, 2_500))
  }

  mutating func attemptEnded(_ attempt: AttemptID) {
    let job = attempt.job.number
    guard let run = runs[job], run.attempt == attempt else { return }
    runs[job] = nil
    for node in run.nodes {
      if let i = nodes[Int(node)].jobs.firstIndex(of: job) { nodes[Int(node)].jobs.remove(at: i) }
    }
  }

  // MARK: What is due

  private func run(_ job: Int64, _ attempt: Int32, in phase: PretendRun.Phase) -> PretendRun? {
    guard let run = runs[job], run.attempt.number == attempt, run.phase == phase else { return nil }
    return run
  }

  /// Shims on a node that is broken say nothing.
  private mutating func report(_ run: PretendRun, _ make: (Int32) -> ShimReport) {
    for (index, node) in run.nodes.enumerated() where nodes[Int(node)].service != .broken {
      commands.append(.shimReport(MemberID(attempt: run.attempt, index: Int32(index)), make(Int32(index))))
    }
  }

  /// All prepare, the first of each role holds a port; all start. (Ranks that have said nothing are not listed.)
  mutating func startGang(_ job: Int64, _ attempt: Int32) {
    guard let run = run(job, attempt, in: .starting) else { return }
    report(run) { index in
      let isFirst = run.spec.part(ofMember: index).firstMember == index
      return ShimReport(state: .prepared, port: isFirst ? 29_500 : 0, ranks: [])
    }
    report(run) { _ in ShimReport(state: .running, ranks: []) }
  }

  mutating func say(_ job: Int64, _ attempt: Int32) {
    guard let run = run(job, attempt, in: .running) else { return }
    speak(run)
    let soon = now + max(1, settings.sayEvery.milliseconds)
    let next = min(soon, run.nextCheckpoint(after: now) ?? soon)
    if next < run.finishesAt { events.put(.say(job: job, attempt: attempt), at: next) }
  }

  /// The first rank speaks for the gang.
  func word(of run: PretendRun) -> RankReport? {
    run.word(at: now, longestStep: max(.seconds(1), settings.sayEvery))
  }

  /// A job says how far it has come: of its own, or because something is about to end its attempt.
  mutating func speak(_ run: PretendRun) {
    guard run.phase == .running, let first = run.nodes.first, nodes[Int(first)].service != .broken,
      let word = word(of: run)
    else { return }
    let member = MemberID(attempt: run.attempt, index: 0)
    commands.append(.shimReport(member, ShimReport(state: .running, ranks: [word])))
  }

  mutating func finish(_ job: Int64, _ attempt: Int32) {
    guard let run = run(job, attempt, in: .running) else { return }
    var last = word(of: run)
    last?.state = .exited
    report(run) { index in ShimReport(state: .stopped, ranks: index == 0 ? last.map { [$0] } ?? [] : []) }
  }

  mutating func confirmStop(_ job: Int64, _ attempt: Int32) {
    guard let run = run(job, attempt, in: .stopping) else { return }
    report(run) { _ in ShimReport(state: .stopped, ranks: []) }
  }
}
