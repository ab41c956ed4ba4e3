import MusterCore
import MusterProtocol

/// The writer's loop around the core: a batch, a sync, and only then messages. As `WriterLoop` does it.
extension World {
  /// What the host's steady clock shows now: it may run fast or slow, and never jumps.
  var steady: Instant {
    Instant(nanoseconds: now + now / 1_000_000 * shape.controllerDrift + 1)
  }
  private var wall: Instant {
    Instant(nanoseconds: 1_000_000_000_000_000 + steady.nanoseconds + host.wallError)
  }

  mutating func wakeWriter(at: Int64) {
    guard host.isUp, !host.isSyncing, at < host.writerAt else { return }
    host.writerAt = at
    timeline.put(.writer(life: host.life), at: at)
  }

  mutating func writerWakes(life: Int) {
    guard life == host.life, host.isUp, !host.isSyncing, now >= host.writerAt else { return }
    host.writerAt = .max
    guard now >= host.stalledUntil else { return wakeWriter(at: host.stalledUntil) }
    host.time = max(host.clock.now(steady: steady), host.time)
    let batch = host.faults + host.orders + host.submissions.prefix(256)
    host.faults = []
    host.orders = []
    host.submissions.removeFirst(min(256, host.submissions.count))
    host.tellings = []
    for work in batch { perform(work) }
    // Silence is judged only when all that had come in has been handled.
    if host.time >= host.nextTick {
      handle(.tick)
      host.nextTick = host.time + Controller.tickInterval
    }
    commit()
  }

  @discardableResult
  mutating func handle(_ command: Command) -> Controller.Reply {
    let before = controller.keptPlaces
    let first = controller.fresh.count
    let reply = controller.handle(command, now: host.time)
    switch command {
    case .agentGone, .agentHello: auditor.connectionChanged()
    case .commitPlan, .commitQuick: auditor.roundReturned()
    default: break
    }
    auditor.placesKept(for: Set((before + controller.keptPlaces).map(\.job.number)))
    // After every fact: what broke must be seen before anything is built on it.
    while host.audited < controller.fresh.count, failure == nil {
      let fact = controller.fresh[host.audited]
      host.audited += 1
      history.add(at: now, fact)
      if let broken = auditor.check(fact) { violated(broken) }
      checkTime(of: fact)
      if case .attemptStarted(let start) = fact.event { checkKept(start, before) }
      witness(fact)
    }
    switch command {
    case .commitPlan: coverage.did(.backfilled, count: auditor.roundIsOver())
    case .commitQuick:
      _ = auditor.roundIsOver()
      coverage.did(
        .startedQuickly,
        count: controller.fresh[first...].count { if case .attemptStarted = $0.event { true } else { false } })
    default: break
    }
    if let why = controller.impossible, failure == nil { violated(Failure(invariant: .factsFollow, detail: why)) }
    return reply
  }

  /// A place that is kept is the core's memory, not a fact: it is looked at before and after the command.
  private mutating func checkKept(_ start: AttemptStarted, _ kept: [(job: JobID, places: [Place])]) {
    // Those without devices that asked to be alone start after a place was given up.
    let isPlain = controller.cluster.slot(of: start.attempt.job).map { controller.cluster.job($0).devicesPerNode == 0 }
    for (job, places) in controller.keptPlaces + (isPlain == true ? [] : kept) where job != start.attempt.job {
      for place in places
      where start.places.contains(where: { $0.node == place.node && $0.devices & place.devices != 0 }) {
        violated(
          Failure(
            invariant: .keptPlaceHolds, detail: "\(start.attempt) takes of \(place.node) what is kept for job \(job)",
            job: job.number, node: place.node.index))
      }
    }
  }

  /// Within a life of the controller the time of its facts runs as its steady clock does: a time that stands still, or
  /// jumps, would hide silence and end leases at the wrong moment.
  private mutating func checkTime(of fact: Fact) {
    let error = (fact.at - host.began.time) - (steady - host.began.steady)
    guard abs(error.nanoseconds) > 1_000_000_000, failure == nil else { return }
    violated(
      Failure(invariant: .timeRuns, detail: "fact \(facts.count + host.audited) is \(error.milliseconds) ms off"))
  }

  /// One disk sync for all facts of the batch.
  private mutating func commit() {
    var facts = controller.takeFresh()
    host.audited = 0
    let dirty = controller.takeDirty()
    if plant == .intentBeforeCommit { deliver(dirty) }
    if plant == .answerBeforeCommit { tell(onlyAnswers: true) }
    guard !facts.isEmpty else {
      host.dirtyInFlight = dirty
      return tellAll()
    }
    let first = controller.cluster.sequence - Int64(facts.count) + 1
    if plant == .factNotWritten { facts.removeAll { if case .nodeSuspected = $0.event { true } else { false } } }
    var writer = ByteWriter()
    for fact in facts { writer.put(fact) }
    host.inFlight = facts
    host.dirtyInFlight = dirty
    if disk.isFull, now >= disk.fullUntil { (disk.isFull, disk.hasReserve) = (false, true) }
    if disk.isFull {
      // Nothing was synced: the reserve is given back and the same batch appended once more, or the batch is lost.
      guard disk.hasReserve, inject(.diskFullOnce, "the reserve is given back") else { return lost(.diskFull) }
      disk.hasReserve = false
    }
    disk.write(SimDisk.Batch(first: first, count: facts.count, bytes: writer.bytes))
    host.isSyncing = true
    timeline.put(.synced(life: host.life), at: now + diskChance.between(100_000, shape.slowestSync))
  }

  mutating func synced(life: Int) {
    guard life == host.life, host.isUp, host.isSyncing else { return }
    guard now >= host.stalledUntil else { return timeline.put(.synced(life: life), at: host.stalledUntil) }
    if let crash = host.crashAtNextCommit {
      host.crashAtNextCommit = nil
      if crash.isAfterSync {
        disk.sync()
        host.isSyncing = false
      }
      return crashController(downFor: crash.downFor)
    }
    host.isSyncing = false
    if host.syncFails {
      host.syncFails = false
      // Nobody knows whether it is on disk; only reading it again tells.
      disk.lose(diskChance.hits(500) ? .gone : .kept, cut: 0)
      return lost(.syncFailed)
    }
    disk.sync()
    host.commits += 1
    becameDurable(host.inFlight)
    host.inFlight = []
    if host.commits % 25 == 0 { compareWithFollower() }
    tellAll()
  }

  mutating func becameDurable(_ batch: [Fact]) {
    for fact in batch {
      facts.append(fact)
      coverage.saw(fact)
      if case .attemptStarted(let started) = fact.event { durableAttempts.insert(started.attempt) }
    }
    follow(batch)
  }

  /// The batch is durable: now answers, intents and orders leave.
  private mutating func tellAll() {
    if !host.isListening {
      host.isListening = true
      host.attentiveFrom = now
    }
    tell(onlyAnswers: false)
    if let dirty = host.dirtyInFlight { deliver(dirty) }
    host.dirtyInFlight = nil
    startRound()
    // The lanes may have filled; else the next tick is due.
    let isWaiting = !host.faults.isEmpty || !host.orders.isEmpty || !host.submissions.isEmpty
    let untilTick = max(0, (host.nextTick - host.clock.now(steady: steady)).nanoseconds)
    wakeWriter(at: now + (isWaiting ? 10_000 : untilTick + 10_000))
  }

  /// A round is planned beside the writer, from what is durable now; it may come back late.
  private mutating func startRound() {
    guard !host.isPlanning, let input = controller.takeRound() else { return }
    host.isPlanning = true
    let serving = controller.cluster.nodes.indices.map { controller.free(NodeID(Int32($0))) != nil }
    let broken = auditor.roundTaken(
      at: host.time, unit: shape.grid.unit, horizon: shape.grid.horizon, serving: serving)
    if let broken { violated(broken) }
    timeline.put(
      .planned(life: host.life, scheduler.plan(input)), at: now + timing.between(10_000, shape.slowestPlan))
  }

  mutating func planned(life: Int, _ command: Command) {
    guard life == host.life, host.isUp else { return }
    host.orders.append(.plan(command))
    wakeWriter(at: now)
  }

  /// A commit that failed is not tried again: memory is thrown away and rebuilt from the journal.
  private mutating func lost(_ why: Injected) {
    _ = inject(why, "the batch of \(host.inFlight.count) facts is lost to memory")
    for telling in host.tellings {
      // Whoever waits is told that nothing happened: people try again, connections are closed anyway.
      if case .answer(let request, _) = telling { requests[request].isUnknown = true }
    }
    for connection in host.open { serverCloses(connection) }
    if disk.isFull {
      // Not even a new epoch can be written: the controller ends, and is started again when the disk is well.
      crashController(downFor: 1_000_000_000)
    } else {
      host.life += 1
      restore()
    }
  }

  // MARK: Start and end of the process

  mutating func bootController() {
    if disk.isFull, now >= disk.fullUntil || !isStorm { (disk.isFull, disk.hasReserve) = (false, true) }
    guard !disk.isFull || disk.hasReserve else {
      return timeline.put(.controllerBoots(life: host.life), at: now + 500_000_000)
    }
    host.isUp = true
    host.life += 1
    host.clock = SteadyClock(wall: wall, steady: steady, notBefore: .zero)
    restore()
  }

  mutating func crashController(downFor: Int64) {
    guard host.isUp else { return }
    if host.isSyncing {
      let loss = SimDisk.Loss.allCases[diskChance.below(3)]
      switch loss {
      case .gone: _ = inject(.batchLost, "the last batch was not yet written")
      case .torn: _ = inject(.batchTorn, "the last batch is torn")
      case .kept: _ = inject(.batchKeptUntold, "the last batch is on disk, and nobody was told")
      }
      disk.lose(loss, cut: diskChance.below(max(1, disk.inFlight?.bytes.count ?? 1)))
    }
    let (life, wallError) = (host.life + 1, host.wallError)
    for connection in host.open { serverProcessEnds(connection) }
    host = SimHost()
    host.life = life
    host.wallError = wallError
    timeline.put(.controllerBoots(life: life), at: now + downFor)
  }

  /// The state as the disk has it, and a new epoch on top.
  private mutating func restore() {
    let (faults, orders, submissions) = (host.faults, host.orders, host.submissions)
    var fresh = SimHost()
    (fresh.isUp, fresh.life, fresh.wallError, fresh.clock) = (true, host.life, host.wallError, host.clock)
    fresh.stalledUntil = host.stalledUntil
    (fresh.faults, fresh.orders, fresh.submissions) = (faults, orders, submissions)
    fresh.commits = host.commits
    fresh.crashAtNextCommit = host.crashAtNextCommit
    host = fresh
    let cluster = recover()
    if plant != .timeStandsStill, host.clock.now(steady: steady) < cluster.lastFactAt {
      host.clock = SteadyClock(wall: cluster.lastFactAt, steady: steady, notBefore: cluster.lastFactAt)
    }
    host.time = max(host.clock.now(steady: steady), cluster.lastFactAt)
    host.began = (host.time, steady)
    controller = Controller(cluster: cluster, limits: shape.limits, now: host.time)
    controller.planted = plant.ofTheCore
    controller.keepsImpossible = true
    handle(.start)
    commit()
  }
}
