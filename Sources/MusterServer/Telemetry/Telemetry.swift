import Logging
public import MusterCore
public import MusterDevices
import MusterProtocol

/// What the fleet's devices do: takes rollups as agents send them, joins them with who held the devices, answers for nodes
/// and jobs, keeps history. Beside the writer, never through it: what goes wrong here touches no job.
actor Telemetry {
  nonisolated let inbox = RollupInbox()
  nonisolated let store: RollupStore
  private let follower: Follower
  private let logger: Logger
  private let clock: @Sendable () -> Int64
  private let pretended: (any PretendedDevices)?
  private(set) var fold = DeviceFold()
  private var isOpen = false
  /// By the controller's clock, milliseconds since 1970; when each was done last.
  private var (wroteSent, wroteMinutes, droppedOld): (Int64, Int64, Int64) = (0, 0, 0)
  private var pretendedUntil: Int64 = 0
  /// The journal could not be read: it is not asked again before then.
  private var journalRestsUntil: ContinuousClock.Instant?

  /// The fleet's last answer, of a fleet so large that it takes long to make.
  private var shownAnswer: (at: ContinuousClock.Instant, answer: JSON)?

  /// Between two turns, of the machine's time.
  static let turn = Duration.seconds(1)
  static let sentEvery: Int64 = 10_000
  static let minutesEvery: Int64 = 60_000
  static let dropEvery: Int64 = 600_000
  /// What a node said longer ago than this is not what its devices do now. Milliseconds.
  static let fresh: Int64 = 90_000
  nonisolated let fresh: Int64
  /// The follower begins anew each time that it is asked: that is not done every second.
  static let journalRest = Duration.seconds(60)

  /// - Parameter clock: the controller's, milliseconds since 1970.
  init(
    follower: Follower, store: RollupStore, logger: Logger, pretended: (any PretendedDevices)? = nil,
    clock: @escaping @Sendable () -> Int64
  ) {
    self.follower = follower
    self.store = store
    self.logger = logger
    self.pretended = pretended
    fresh = max(Self.fresh, pretended?.fresh ?? 0)
    self.clock = clock
  }

  nonisolated var now: Int64 { clock() }

  /// What was shown of the fleet within the last second; nil: nothing, or it is quickly made.
  func shownFleet() -> JSON? {
    shownAnswer.flatMap { ContinuousClock.now - $0.at < .seconds(1) ? $0.answer : nil }
  }

  func shown(_ answer: JSON) {
    guard fold.nodes.count >= Self.largeFleet else { return }
    shownAnswer = (.now, answer)
  }

  /// Nodes.
  private static let largeFleet = 1_000

  /// What a node's agent says of its devices; waits for nothing.
  /// - Parameter devices: so many the node has declared.
  nonisolated func heard(_ node: NodeID, devices: Int32, _ bytes: [UInt8]) {
    inbox.put(RollupInbox.Parcel(node: node.index, devices: devices, bytes: bytes))
  }

  /// Runs until the task is cancelled.
  func run() async throws {
    await open()
    while true {
      try await Task.sleep(for: Self.turn)
      await take()
      await write(now: now)
    }
  }

  /// Takes up what was written before the last end.
  func open() async {
    guard !isOpen else { return }
    isOpen = true
    let at = now
    pretendedUntil = at
    for (job, devices) in await store.runningJobs() { fold.restore(job, devices, now: at) }
    await store.dropOld(now: at)
    droppedOld = at
  }

  /// Handles all that has come, as one batch.
  func take() async {
    let now = self.now
    var parcels = inbox.take()
    if let pretended { parcels += await pretend(pretended, until: now) }
    guard !parcels.isEmpty else { return }
    let held = await held(on: Set(parcels.map(\.node)))
    for job in held.jobs where fold.jobs[job] == nil {
      if let devices = await store.devices(of: job) { fold.restore(job, devices, now: now) }
    }
    // Whoever asks meanwhile gets an answer between two slices.
    let sorted = DeviceFold.byNode(parcels)
    for first in stride(from: 0, to: sorted.count, by: Self.parcelsAtOnce) {
      fold.take(Array(sorted[first..<min(sorted.count, first + Self.parcelsAtOnce)]), held, now: now)
      await Task.yield()
    }
  }

  /// Rollups that are decoded before others get a turn: a few milliseconds. It also bounds their memory, where a whole
  /// fleet sends at once.
  private static let parcelsAtOnce = 200

  private func held(on nodes: Set<Int32>) async -> HeldDevices {
    await look { HeldDevices($0, on: nodes) } ?? HeldDevices()
  }

  private func pretend(_ pretended: any PretendedDevices, until now: Int64) async -> [RollupInbox.Parcel] {
    let from = pretendedUntil
    pretendedUntil = max(from, now)
    var parcels: [RollupInbox.Parcel] = []
    // The follower answers others, too: it is asked about a part of the fleet at a time.
    let count = await look { Int32($0.nodes.count) } ?? 0
    for first in stride(from: Int32(0), to: count, by: Int(Self.pretendedAtOnce)) {
      let nodes = first..<first + Self.pretendedAtOnce
      let rollups = await look { pretended.rollups(of: nodes, from: from, to: now, $0) } ?? []
      parcels += rollups.map {
        RollupInbox.Parcel(node: $0.node, devices: Int32($0.rollup.devices.count), bytes: $0.rollup.packed())
      }
      await Task.yield()
    }
    return parcels
  }

  /// Nodes: packing what they say takes a few milliseconds, after which others get a turn.
  private static let pretendedAtOnce: Int32 = 512

  /// Nil: the journal cannot be read. Nodes are still told; what comes now is no job's.
  private func look<T: Sendable>(_ body: @Sendable (borrowing Cluster) -> T) async -> T? {
    if let journalRestsUntil, .now < journalRestsUntil { return nil }
    do {
      return try await follower.look(body)
    } catch {
      journalRestsUntil = .now + Self.journalRest
      logger.error("telemetry: who holds the devices is not known for \(Self.journalRest): \(error)")
      return nil
    }
  }

  /// Hands what is due to the store.
  func write(now: Int64) async {
    if now - wroteSent >= Self.sentEvery {
      wroteSent = now
      await write(.sent, now)
    }
    guard now - wroteMinutes >= Self.minutesEvery else { return }
    wroteMinutes = now
    let quiet = fold.close(now: now, quiet: max(JobFold.quiet, 2 * fresh))
    await store.archive(quiet, now: now)
    for level in RollupLevel.allCases where level != .sent { await write(level, now) }
    await store.write(running: running, now: now)
    guard now - droppedOld >= Self.dropEvery else { return }
    droppedOld = now
    await store.dropOld(now: now)
  }

  private func write(_ level: RollupLevel, _ now: Int64) async {
    await store.write(level, fold.rows.take(level), now: now)
  }

  private var running: [(job: Int64, devices: JobDevices)] {
    fold.jobs.map { ($0.key, $0.value.devices) }.sorted { $0.0 < $1.0 }
  }

  /// Before the process ends: writes all that there is.
  func finish() async {
    guard isOpen else { return }
    isOpen = false
    let now = self.now
    await take()
    fold.closeAll(now: now)
    for level in RollupLevel.allCases { await write(level, now) }
    await store.write(running: running, now: now)
  }
}

extension Telemetry {
  /// What the devices of a job have done since it first ran, at most a second old; nil: nothing was measured, or it has
  /// been forgotten. A job that has ended is read from disk.
  func devices(of job: JobID) async -> JobDevices? {
    if let fold = fold.jobs[job.number] { return fold.devices }
    return await store.devices(of: job.number)
  }

  /// The same of several jobs, asked for once; those of which nothing is known are not in it.
  func devices(of jobs: [JobID]) async -> [JobID: JobDevices] {
    var known: [JobID: JobDevices] = [:]
    known.reserveCapacity(jobs.count)
    for job in jobs { known[job] = fold.jobs[job.number]?.devices }
    let ended = jobs.filter { fold.jobs[$0.number] == nil }
    guard !ended.isEmpty else { return known }
    let kept = await store.devices(of: Set(ended.map(\.number)))
    return known.merging(kept.map { (JobID($0.key), $0.value) }) { running, _ in running }
  }

  /// Numbers of the jobs whose devices were heard of in the last minutes.
  var measuredJobs: [JobID] { fold.jobs.keys.sorted().map { JobID($0) } }
}

/// The devices of a pretend fleet.
public protocol PretendedDevices: Sendable {
  /// How long what a node told is what it does now, milliseconds: longer than it takes until it tells again.
  var fresh: Int64 { get }
  /// What those of some nodes whose turn it is would have sent between two moments, milliseconds since 1970. The same
  /// cluster, nodes and moments give the same rollups; nodes that there are not give none.
  func rollups(
    of nodes: Range<Int32>, from: Int64, to: Int64, _ cluster: borrowing Cluster
  ) -> [(node: Int32, rollup: NodeRollup)]
}
