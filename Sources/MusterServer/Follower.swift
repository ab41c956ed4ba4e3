import Logging
import MusterCore
import MusterJournal

/// Folds the durable journal into a state and a ledger of its own, beside the writer, and writes snapshots from them: a
/// restart does not replay a year, and neither snapshots nor accounts ever stop the writer.
actor Follower {
  private let folder: DataFolder
  private let logger: Logger
  private var fold = Fold()
  private var source: BatchCursor?

  /// Facts between two snapshots.
  static let interval: Int64 = 20_000
  static let look = Duration.seconds(2)
  /// After a failure it begins anew.
  static let pause = Duration.seconds(30)
  /// Batches that are folded before others get a turn.
  private static let batchesAtOnce = 1_000

  init(folder: DataFolder, logger: Logger) {
    self.folder = folder
    self.logger = logger
  }

  /// Runs until the task is cancelled: what goes wrong here costs snapshots and accounts, never the service.
  func run() async throws {
    while true {
      do {
        while true {
          try await catchUp()
          try await Task.sleep(for: Follower.look)
        }
      } catch is CancellationError {
        throw CancellationError()
      } catch {
        logger.error("follower: \(error); no snapshot and no accounts until it has begun anew in \(Self.pause)")
        source = nil
      }
      try await Task.sleep(for: Self.pause)
    }
  }

  /// Asks the ledger, when it knows all facts up to a sequence that is durable.
  func ledger<T: Sendable>(
    upTo sequence: Int64, now: Instant, _ body: @Sendable (borrowing Ledger, borrowing Cluster) -> T
  ) async throws -> T {
    if source == nil || fold.cluster.sequence < sequence { try await catchUp() }
    fold.ledger.advance(to: now.nanoseconds / 1_000_000)
    return body(fold.ledger, fold.cluster)
  }

  /// Looks at the state after all that is durable.
  func look<T: Sendable>(_ body: @Sendable (borrowing Cluster) -> T) async throws -> T {
    try await catchUp()
    return body(fold.cluster)
  }

  private func catchUp() async throws {
    if source == nil { try begin() }
    while try step() {
      try Task.checkCancellation()
      await Task.yield()
    }
  }

  private func begin() throws {
    let reader = try JournalReader(path: folder.path)
    fold = try Fold(reader, folder, logger)
    source = try reader.batches(after: fold.cluster.sequence)
  }

  /// - Returns: whether there may be more.
  private func step() throws -> Bool {
    for _ in 0..<Follower.batchesAtOnce {
      guard let batch = try source?.next() else { return false }
      try batch.forEachFact { sequence, fact in if sequence > fold.cluster.sequence { fold.add(fact) } }
      guard fold.cluster.sequence - fold.written >= Follower.interval else { continue }
      try fold.write(folder, batch.chain)
    }
    return true
  }
}

/// A state and its ledger after the same facts.
struct Fold: ~Copyable {
  private(set) var cluster = Cluster()
  fileprivate(set) var ledger = Ledger()
  /// Sequence of the newest snapshot.
  private(set) var written: Int64 = 0

  init() {}

  /// From the newest snapshots that belong together; where there are none, from the journal's beginning.
  init(_ reader: JournalReader, _ folder: DataFolder, _ logger: Logger) throws {
    let cluster = try Recovery.newestSnapshot(reader) { logger.warning("\($0)") }
    guard cluster.sequence > 0 else { return }
    let accounts = Self.accounts(folder)
    do {
      let snapshot = try accounts.read(cluster.sequence)
      guard try reader.chain(at: snapshot.sequence) == snapshot.chain else { throw SnapshotFault.otherJournal }
      ledger = try Ledger(snapshot.payload, cluster)
      self.cluster = cluster
      written = self.cluster.sequence
    } catch {
      logger.notice("accounts are folded anew from the journal's beginning: \(error)")
    }
  }

  mutating func add(_ fact: Fact) {
    cluster.apply(fact)
    ledger.apply(fact, cluster)
  }

  mutating func write(_ folder: DataFolder, _ chain: Chain) throws {
    let sequence = cluster.sequence
    // First the accounts: a state without them is of no use to them.
    try Self.accounts(folder).write(Snapshot(sequence: sequence, chain: chain, payload: ledger.encode()))
    try SnapshotFolder(journalFolder: folder.path).write(
      Snapshot(sequence: sequence, chain: chain, payload: cluster.encodeSnapshot()))
    written = sequence
  }

  private static func accounts(_ folder: DataFolder) -> SnapshotFolder {
    SnapshotFolder(journalFolder: folder.path, name: SnapshotFolder.accounts)
  }
}
