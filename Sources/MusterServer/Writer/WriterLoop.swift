import Logging
import MusterCore
import MusterJournal

/// What runs on the writer's thread: open, replay, then batch after batch.
struct WriterLoop: Sendable {
  let mailbox: Mailbox<Writer.Work>
  let folder: DataFolder
  let events: EventHub
  let limits: Limits
  let logger: Logger
  let clock: HostClock
  /// The clock that goes on from the journal, for those outside of this thread.
  let shownClock: Box<HostClock>
  /// Facts before the newest snapshot are not checked at the start.
  let trustsSnapshot: Bool
  let pretence: Server.Options.Pretence?

  func run(ready: (Result<JournalOpening, WriterFailure>) -> Void) {
    var isReady = false
    do {
      let journal = try Journal.open(
        folder: folder.path, options: JournalOptions(trustsSnapshot: trustsSnapshot))
      var state = try restore(journal, clock)
      try commitStart(journal, &state)
      try openFleet(&state)
      ready(.success(journal.opening))
      isReady = true
      serve(journal, &state)
      try journal.close()
    } catch let error as WriterFailure {
      if !isReady { ready(.failure(error)) }
    } catch let error as JournalError {
      if isReady {
        logger.error("journal: \(error)")
      } else {
        ready(.failure(.cannotStart("\(error)\n\(error.remedy)")))
      }
    } catch {
      if !isReady { ready(.failure(.cannotStart("\(error)"))) }
    }
  }

  /// The state as the journal has it, and a new epoch on top.
  private func restore(_ journal: Journal, _ before: HostClock) throws -> WriterState {
    var cluster = try Recovery.cluster(from: journal, logger: logger)
    let clock = before.notBefore(cluster.lastFactAt)
    shownClock.set(clock)
    let now = max(clock.now, cluster.lastFactAt)
    events.reset(names: cluster.nodeDetails.map(\.joined.name), sequence: cluster.sequence)
    cluster.reserve(nodes: 1024, jobs: 4096, members: 4096)
    var controller = Controller(cluster: cluster, limits: limits, now: now)
    _ = controller.handle(.start, now: now)
    return WriterState(controller: controller, clock: clock, now: now, startedAt: now)
  }

  private func commitStart(_ journal: Journal, _ state: inout WriterState) throws {
    var open = OpenCommit()
    open.take(from: &state.controller)
    if let failure = commit(journal, &state, open) { throw failure }
  }

  private func openFleet(_ state: inout WriterState) throws {
    guard let pretence else { return }
    let fleet = pretence.fleet()
    try fleet.open(state.controller.cluster, now: state.now)
    state.fleet = fleet
  }

  /// A batch for each moment at which something is due would be a disk sync for each.
  private static let fleetInterval = Span.milliseconds(20)
  private static let spaceInterval = Span.seconds(1)

  private func serve(_ journal: Journal, _ state: inout WriterState) {
    let planner = RoundPlanner(mailbox)
    defer { planner.stop() }
    let tickInterval = state.clock.passing(in: Controller.tickInterval)
    var nextTick = state.clock.now + tickInterval
    var nextSpaceCheck = state.clock.now
    var fleetRestsUntil = state.clock.now
    while true {
      let fleetWakes = max(state.fleet?.nextDue ?? .never, fleetRestsUntil)
      let deadline = state.clock.deadline(min(nextTick, fleetWakes))
      guard let batch = mailbox.take(deadline: deadline) else { return }
      state.now = max(state.clock.now, state.now)
      // While there is space it is looked at before every batch, so that no burst of submissions outruns the low-water mark.
      if state.space == nil || state.now >= nextSpaceCheck {
        checkSpace(journal, &state)
        nextSpaceCheck = state.now + state.clock.passing(in: Self.spaceInterval)
      }
      var commit = OpenCommit()
      commit.tellings.reserveCapacity(batch.count)
      for (i, work) in batch.enumerated() {
        let began = HostClock.monotonic
        if let telling = work(&state) { commit.tellings.append(telling) }
        state.counts.took(turn: HostClock.monotonic - began)
        commit.take(from: &state.controller)
        guard commit.isFull else { continue }
        guard close(&commit, journal, &state) else { return giveUp(Array(batch[(i + 1)...]), &state) }
      }
      if state.now >= fleetWakes {
        pretend(&state)
        fleetRestsUntil = state.now + state.clock.passing(in: Self.fleetInterval)
      }
      // Silence is judged only when all that had come in has been handled.
      if state.now >= nextTick {
        _ = state.controller.handle(.tick, now: state.now)
        nextTick = state.now + tickInterval
      }
      guard close(&commit, journal, &state) else { return giveUp([], &state) }
      let began = HostClock.monotonic
      if !state.isPlanning, let input = state.controller.takeRound() {
        state.isPlanning = true
        planner.plan(RoundPlanner.Request(input: input, since: began))
      }
    }
  }

  /// What the pretend fleet does now. A person's commands of the same batch came first.
  private func pretend(_ state: inout WriterState) {
    guard let fleet = state.fleet else { return }
    for command in fleet.due(state.now) {
      if case .refused(let refusal) = state.controller.handle(command, now: state.now) {
        logger.notice("the pretend fleet was refused: \(refusal.message)")
      }
    }
  }

  /// Facts that are applied and not yet durable, as the journal will have them, and who waits for them.
  private struct OpenCommit {
    /// Far below what one commit may be (`JournalError.batchTooLarge`): one work more must still fit.
    static let fullBytes = 16 << 20
    var facts: [Fact] = []
    var writer = ByteWriter()
    var tellings: [Writer.Telling] = []

    var isFull: Bool { writer.bytes.count >= OpenCommit.fullBytes }

    mutating func take(from controller: inout Controller) {
      let fresh = controller.takeFresh()
      for fact in fresh { writer.put(fact) }
      facts += fresh
    }
  }

  /// One disk sync for all facts so far, then answers, intents and orders leave.
  /// - Returns: false when the journal cannot be used any more.
  private func close(_ open: inout OpenCommit, _ journal: Journal, _ state: inout WriterState) -> Bool {
    open.take(from: &state.controller)
    let closed = open
    open = OpenCommit()
    if let failure = commit(journal, &state, closed) {
      logger.critical("commit failed, state is rebuilt from the journal: \(failure)")
      state.counts.settle(isDurable: false)
      for telling in closed.tellings { telling(&state, .lost(failure)) }
      return rebuild(journal, &state)
    }
    state.counts.settle(isDurable: true)
    for telling in closed.tellings { telling(&state, .durable) }
    state.links.deliver(state.controller.takeDirty(), from: state.controller)
    state.fleet?.see(closed.facts, state.controller.cluster)
    return true
  }

  /// The journal cannot be used any more: whoever waits, or still comes, hears so. Memory is no longer what is on disk, and
  /// nothing of it is told.
  private func giveUp(_ rest: [Writer.Work], _ state: inout WriterState) {
    mailbox.close()
    var batch = rest
    repeat {
      for work in batch { work(&state)?(&state, .lost(.stopping)) }
      batch = mailbox.take(deadline: HostClock.monotonic(after: .zero)) ?? []
    } while !batch.isEmpty
    logger.critical("the controller ends; start it again when the disk is well")
  }

  private func commit(_ journal: Journal, _ state: inout WriterState, _ closed: OpenCommit) -> WriterFailure? {
    guard !closed.facts.isEmpty else { return nil }
    let began = HostClock.monotonic
    let first = state.controller.cluster.sequence - Int64(closed.facts.count) + 1
    func append() throws(JournalError) {
      try journal.append(
        firstSequence: first, count: closed.facts.count, at: state.now.nanoseconds, facts: closed.writer.bytes)
    }
    do throws(JournalError) {
      do throws(JournalError) {
        try append()
      } catch .diskFull {
        // Nothing was synced and the reserve has been given back: the same batch may be appended again.
        try append()
      }
    } catch {
      state.counts.commitFailed()
      return .commitFailed("\(error)")
    }
    state.counts.committed(closed.facts, in: HostClock.monotonic - began)
    events.publish(closed.facts, first: first)
    return nil
  }

  /// Memory is thrown away and rebuilt from what is on disk: never a second try of a failed sync.
  private func rebuild(_ journal: Journal, _ state: inout WriterState) -> Bool {
    state.links.closeAll()
    do {
      try journal.reopen()
      let counts = state.counts
      state = try restore(journal, state.clock)
      state.counts = counts
      try commitStart(journal, &state)
      try openFleet(&state)
      return true
    } catch {
      logger.critical("the journal cannot be used: \(error)")
      return false
    }
  }

  private func checkSpace(_ journal: Journal, _ state: inout WriterState) {
    do throws(JournalError) {
      switch try journal.space() {
      case .normal: state.space = nil
      case .low(let free, let needed), .full(let free, let needed):
        state.space = .diskLow(freeBytes: free, neededBytes: needed)
      }
      state.isSpaceUnknown = false
    } catch {
      // Before every batch: one line is enough.
      guard !state.isSpaceUnknown else { return }
      state.isSpaceUnknown = true
      logger.warning("free space of \(folder.path) is unknown: \(error)")
    }
  }
}
