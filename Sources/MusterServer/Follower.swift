import Logging
import MusterCore
import MusterJournal

/// Folds the durable journal into a state of its own, beside the writer, and writes snapshots from it: a restart does
/// not replay a year, and the writer never stops for one.
struct Follower: Sendable {
  let folder: DataFolder
  let logger: Logger
  /// Facts between two snapshots.
  static let interval: Int64 = 20_000
  static let look = Duration.seconds(2)

  /// After a failure it begins anew.
  static let pause = Duration.seconds(30)

  /// Runs until the task is cancelled: what goes wrong here costs snapshots, never the service.
  func run() async throws {
    while true {
      do {
        try await follow()
      } catch is CancellationError {
        throw CancellationError()
      } catch {
        logger.error("follower: \(error); no snapshot until it has begun anew in \(Self.pause)")
      }
      try await Task.sleep(for: Self.pause)
    }
  }

  private func follow() async throws {
    let reader = try JournalReader(path: folder.path)
    let snapshots = SnapshotFolder(journalFolder: folder.path)
    var cluster = try Recovery.newestSnapshot(reader) { logger.warning("\($0)") }
    var written = cluster.sequence
    var batches = try reader.batches(after: cluster.sequence)
    while true {
      while let batch = try batches.next() {
        try batch.forEachFact { sequence, fact in if sequence > cluster.sequence { cluster.apply(fact) } }
        if cluster.sequence - written >= Follower.interval {
          try snapshots.write(
            Snapshot(sequence: cluster.sequence, chain: batch.chain, payload: cluster.encodeSnapshot()))
          written = cluster.sequence
        }
        try Task.checkCancellation()
      }
      try await Task.sleep(for: Follower.look)
    }
  }
}
