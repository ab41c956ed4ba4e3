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

  func run(ready: (WriterFailure?) -> Void) {
    var isReady = false
    do {
      let journal = try Journal.open(folder: folder.path)
      var state = try restore(journal, clock)
      var tellings: [Writer.Telling] = []
      if let failure = commit(journal, &state, &tellings) { throw failure }
      ready(nil)
      isReady = true
      serve(journal, &state)
      try journal.close()
    } catch let error as WriterFailure {
      if !isReady { ready(error) }
    } catch let error as JournalError {
      if isReady { logger.error("journal: \(error)") } else { ready(.cannotStart("\(error)\n\(error.remedy)")) }
    } catch {
      if !isReady { ready(.cannotStart("\(error)")) }
    }
  }

  /// The state as the journal has it, and a new epoch on top.
  private func restore(_ journal: Journal, _ before: HostClock) throws -> WriterState {
    var cluster = try Recovery.cluster(from: journal, logger: logger)
    let clock = before.notBefore(cluster.lastFactAt)
    let now = max(clock.now, cluster.lastFactAt)
    events.reset(names: cluster.nodeDetails.map(\.joined.name), sequence: cluster.sequence)
    cluster.reserve(nodes: 1024, jobs: 4096, members: 4096)
    var controller = Controller(cluster: cluster, limits: limits, now: now)
    _ = controller.handle(.start, now: now)
    return WriterState(controller: controller, clock: clock, now: now, startedAt: now)
  }

  private func serve(_ journal: Journal, _ state: inout WriterState) {
    var nextTick = state.clock.now + Controller.tickInterval
    var nextSpaceCheck = state.clock.now
    while true {
      let wait = max(Span.zero, nextTick - state.clock.now)
      guard let batch = mailbox.take(deadline: HostClock.monotonic(after: wait)) else { return }
      state.now = max(state.clock.now, state.now)
      if state.now >= nextSpaceCheck {
        checkSpace(journal, &state)
        nextSpaceCheck = state.now + .seconds(1)
      }
      var tellings: [Writer.Telling] = []
      tellings.reserveCapacity(batch.count)
      for work in batch {
        if let telling = work(&state) { tellings.append(telling) }
      }
      // Silence is judged only when all that had come in has been handled.
      if state.now >= nextTick {
        _ = state.controller.handle(.tick, now: state.now)
        nextTick = state.now + Controller.tickInterval
      }
      if let failure = commit(journal, &state, &tellings) {
        logger.critical("commit failed, state is rebuilt from the journal: \(failure)")
        for telling in tellings { telling(&state, .lost(failure)) }
        guard rebuild(journal, &state) else { return }
        continue
      }
      for telling in tellings { telling(&state, .durable) }
      state.links.deliver(state.controller.takeDirty(), from: state.controller)
    }
  }

  /// One disk sync for all facts of the batch.
  private func commit(
    _ journal: Journal, _ state: inout WriterState, _ tellings: inout [Writer.Telling]
  ) -> WriterFailure? {
    let facts = state.controller.takeFresh()
    guard !facts.isEmpty else { return nil }
    let first = state.controller.cluster.sequence - Int64(facts.count) + 1
    var writer = ByteWriter()
    for fact in facts { writer.put(fact) }
    func append() throws(JournalError) {
      try journal.append(
        firstSequence: first, count: facts.count, at: state.now.nanoseconds, facts: writer.bytes)
    }
    do throws(JournalError) {
      do throws(JournalError) {
        try append()
      } catch .diskFull {
        // Nothing was synced and the reserve has been given back: the same batch may be appended again.
        try append()
      }
    } catch {
      return .commitFailed("\(error)")
    }
    events.publish(facts, first: first)
    return nil
  }

  /// Memory is thrown away and rebuilt from what is on disk: never a second try of a failed sync.
  private func rebuild(_ journal: Journal, _ state: inout WriterState) -> Bool {
    state.links.closeAll()
    do {
      try journal.reopen()
      state = try restore(journal, state.clock)
      var tellings: [Writer.Telling] = []
      if let failure = commit(journal, &state, &tellings) { throw failure }
      return true
    } catch {
      logger.critical(
        "the journal cannot be used: \(error). The controller ends; start it again when the disk is well.")
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
    } catch {
      logger.warning("free space of \(folder.path) is unknown: \(error)")
    }
  }
}
