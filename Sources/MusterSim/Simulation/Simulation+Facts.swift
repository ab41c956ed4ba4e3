import MusterCore

/// What facts mean for the pretend fleet and for the accounts.
extension Simulation {
  mutating func see(_ fact: Fact) {
    switch fact.event {
    case .attemptStarted(let started): attemptStarted(started)
    case .gangStarted(let attempt): gangStarted(attempt)
    case .attemptEnding(let ending): attemptEnding(ending)
    case .attemptEnded(let ended): attemptEnded(ended)
    case .jobEnded(let ended): jobEnded(ended)
    case .nodeIsolated(let node, _, _): nodeIsolated(node)
    case .controllerStarted, .nodeJoined, .nodeReturned, .nodeSuspected, .nodeCleared, .nodeDrainRequested,
      .nodeResumed, .nodeFenced, .joinTokenCreated, .joinTokensForgotten, .nodeRevoked, .nodeLabelled, .jobSubmitted,
      .jobCancelRequested, .jobHeld, .jobReleased, .policyApplied, .maintenanceAdded, .maintenanceRemoved, .placesKept,
      .stepsBegan,
      .checkpointCommitted, .statusTold, .attemptWarned, .attemptPreempted, .faultFound, .memberStopped, .keysForgotten,
      .silenceWithheld, .jobArchived:
      break
    }
  }

  private mutating func attemptStarted(_ started: AttemptStarted) {
    let i = index(started.attempt.job)
    precondition(runs[i].phase == .waiting, "job \(i + 1) was started and did not wait")
    runs[i].number = started.attempt.job
    places[i] = started.places
    var held: Int32 = 0
    for place in started.places { held += hold(place) }
    if runs[i].attempt == 0 { runs[i].firstStart = now }
    runs[i].phase = .starting
    runs[i].attempt = started.attempt.number
    runs[i].held = held
    runs[i].attemptStart = now
    runs[i].worksFrom = .max
    runs[i].resumed = started.resumeStep * 1000
    level.waiting -= 1
    chores.add(.start(job: Int32(i)))
    if jobs[i].walltimeMilliseconds > 0, let slot = controller.cluster.slot(of: started.attempt.job) {
      events.put(.walltime(job: Int32(i)), at: controller.walltimeEnd(slot).nanoseconds / 1_000_000)
    }
  }

  private mutating func gangStarted(_ attempt: AttemptID) {
    let i = index(attempt.job)
    runs[i].phase = .running
    runs[i].worksFrom = now + (attempt.number > 1 ? settings.restartMilliseconds : 0)
    let left = jobs[i].durationMilliseconds - runs[i].resumed
    // Who is done in the moment in which its walltime is over is done.
    events.put(.finish(job: Int32(i), attempt: attempt.number), at: runs[i].worksFrom + left, isFirst: true)
    if tellsCheckpoints {
      let every = settings.checkpointMilliseconds
      let first = runs[i].worksFrom + every - runs[i].resumed % every
      events.put(.checkpoint(job: Int32(i), attempt: attempt.number), at: first)
    }
  }

  private mutating func attemptEnding(_ ending: AttemptEnding) {
    let i = index(ending.attempt.job)
    // Said again when a better cause is found.
    guard runs[i].phase == .starting || runs[i].phase == .running else { return }
    let done = runs[i].progress(at: now, of: jobs[i].durationMilliseconds)
    switch AttemptEnd(ending.outcome) {
    case .finished:
      charge(i, until: now, kept: jobs[i].durationMilliseconds)
    case .final:
      charge(i, until: now, kept: done)
      chores.add(.stop(job: Int32(i)))
    case .fault:
      runs[i].faults += 1
      charge(i, until: now, kept: checkpoint(before: done))
      chores.add(.stop(job: Int32(i)))
    case .preempted:
      runs[i].preemptions += 1
      runs[i].saved = checkpoint(before: done)
      charge(i, until: now, kept: checkpoint(before: done), isPreempted: true)
      chores.add(.stop(job: Int32(i)))
    }
    runs[i].phase = .stopping
    runs[i].endingAt = now
  }

  /// The last checkpoint that holds no more than so much work.
  func checkpoint(before done: Int64) -> Int64 {
    let every = settings.checkpointMilliseconds
    return every == 0 ? 0 : done / every * every
  }

  /// The attempt's time up to now: start, work that counts and work that is lost.
  mutating func charge(_ i: Int, until: Int64, kept: Int64, isPreempted: Bool = false) {
    let run = runs[i]
    let devices = Int64(min(run.held, jobs[i].devices))
    let worksFrom = min(until, run.worksFrom)
    let lost = run.progress(at: until, of: jobs[i].durationMilliseconds) - kept
    accounts.starting += (worksFrom - run.attemptStart) * devices
    accounts.productive += (kept - run.resumed) * devices
    accounts.redone += lost * devices
    accounts.rounding += (until - run.attemptStart) * (Int64(run.held) - devices)
    let held = Int64(run.held)
    truth[.starting] += (worksFrom - run.attemptStart) * held
    truth[.productive] += (kept - run.resumed) * held
    truth[isPreempted ? .preempted : .redone] += lost * held
    runs[i].redone += lost
    if run.wasPreempted { lostToPreemption += (worksFrom - run.attemptStart) * devices }
    if isPreempted { lostToPreemption += lost * devices }
    runs[i].wasPreempted = isPreempted
  }

  private mutating func attemptEnded(_ ended: AttemptEnded) {
    let i = index(ended.attempt.job)
    let devices = Int64(min(runs[i].held, jobs[i].devices))
    accounts.stopping += (now - runs[i].endingAt) * devices
    accounts.rounding += (now - runs[i].endingAt) * (Int64(runs[i].held) - devices)
    truth[runs[i].wasPreempted ? .preempted : .draining] += (now - runs[i].endingAt) * Int64(runs[i].held)
    for place in places[i] { release(place) }
    let wasShort = now - runs[i].attemptStart < 30_000 && runs[i].faults > 0
    runs[i].phase = .waiting
    level.waiting += 1
    // After some short attempts the core lets a job pause, and looks at the clock for its end.
    if wasShort { for seconds: Int64 in [1, 2, 4, 8, 16, 32, 60] { events.put(.tick, at: now + seconds * 1000) } }
  }

  private mutating func jobEnded(_ ended: JobEnded) {
    let i = index(ended.job)
    precondition(runs[i].phase == .waiting, "job \(i + 1) ended and its attempt had not")
    runs[i].phase = .over
    runs[i].state = ended.state
    runs[i].endedAt = now
    places[i] = []
    level.waiting -= 1
    unended -= 1
  }

  // MARK: Devices and nodes

  private func isUp(_ node: Int) -> Bool { nodes[node].service == .up }

  /// Free devices on nodes of which a part is held.
  private func freeOnPart(_ node: Int) -> Int64 {
    isUp(node) && nodes[node].held > 0 ? Int64(nodes[node].devices - nodes[node].held) : 0
  }

  private mutating func hold(_ place: Place) -> Int32 {
    let node = Int(place.node.index)
    precondition(isUp(node), "node \(node + 1) is out and was given to a job")
    let count = Int32(place.devices.nonzeroBitCount)
    level.freeOnPartNodes -= freeOnPart(node)
    nodes[node].held += count
    level.freeOnPartNodes += freeOnPart(node)
    level.free -= Int64(count)
    level.held += Int64(count)
    return count
  }

  private mutating func release(_ place: Place) {
    let node = Int(place.node.index)
    let count = Int32(place.devices.nonzeroBitCount)
    level.freeOnPartNodes -= freeOnPart(node)
    nodes[node].held -= count
    level.freeOnPartNodes += freeOnPart(node)
    level.held -= Int64(count)
    if isUp(node) {
      level.free += Int64(count)
    } else {
      // The node is charged with all its devices since it went out; these were a job's until now.
      level.out += Int64(count)
      charge(node, -(now - nodes[node].since) * Int64(count))
    }
  }

  /// A node goes out of service. Of its devices those that are held follow when they are given back.
  mutating func takeOut(_ node: Int32, _ service: NodeRun.Service) {
    let n = Int(node)
    guard isUp(n) else { return }
    let idle = Int64(nodes[n].devices - nodes[n].held)
    level.freeOnPartNodes -= freeOnPart(n)
    level.free -= idle
    level.out += idle
    nodes[n].service = service
    nodes[n].since = now
  }

  /// Charges the time that a node was out, and puts it back.
  mutating func endService(_ node: Int32) {
    let n = Int(node)
    guard !isUp(n) else { return }
    let idle = Int64(nodes[n].devices - nodes[n].held)
    charge(n, (now - nodes[n].since) * idle)
    nodes[n].service = .up
    nodes[n].since = now
    level.out -= idle
    level.free += idle
    level.freeOnPartNodes += freeOnPart(n)
  }

  private mutating func charge(_ node: Int, _ time: Int64) {
    if nodes[node].service != .up { truth[.broken] += time }
    switch nodes[node].service {
    case .broken: accounts.broken += time
    case .isolated: accounts.isolated += time
    case .up: break
    }
  }

  /// The core took a node out that we had not: faults gathered on it.
  private mutating func nodeIsolated(_ node: NodeID) {
    guard isUp(Int(node.index)) else { return }
    takeOut(node.index, .isolated)
    events.put(.inspected(node: node.index), at: now + Self.inspection)
  }

  /// How long somebody takes to look at a node that the core isolated, and resumes it: four hours.
  static var inspection: Int64 { 4 * 3_600_000 }

  /// At the end: what was counted from facts is what the core's state says.
  func checkLevels() {
    var free: Int64 = 0
    for node in controller.cluster.nodes.indices where controller.cluster.nodes[node].isSchedulable {
      free += Int64(controller.cluster.nodes[node].freeDeviceCount)
    }
    precondition(free == level.free, "\(level.free) devices are counted as free, \(free) are")
  }
}
