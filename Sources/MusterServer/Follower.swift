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

  /// Runs until the task is cancelled.
  func run() async {
    do {
      try await follow()
    } catch is CancellationError {
      return
    } catch {
      // The service goes on without snapshots: a restart takes longer.
      logger.error("follower: \(error); no snapshots are written from here on")
    }
  }

  private func follow() async throws {
    let reader = try JournalReader(path: folder.path)
    let snapshots = SnapshotFolder(journalFolder: folder.path)
    var cluster = Cluster()
    if let newest = try reader.latestSnapshot().snapshot {
      cluster = try Cluster(snapshot: newest.payload)
    }
    var written = cluster.sequence
    var batches = try reader.batches(after: cluster.sequence)
    while true {
      while let batch = try batches.next() {
        var bytes = ByteReader(batch.facts)
        while !bytes.isAtEnd { cluster.apply(try bytes.fact()) }
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
