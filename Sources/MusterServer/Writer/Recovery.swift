package import Logging
package import MusterCore
package import MusterJournal

/// From a journal to the state: the newest usable snapshot, then the facts after it.
package enum Recovery {
  package static func cluster(from journal: Journal, logger: Logger) throws -> Cluster {
    let reader = try JournalReader(path: journal.folder)
    return try cluster(from: reader, until: journal.lastSequence, useSnapshot: true) { logger.warning("\($0)") }
  }

  /// Folds the facts up to and with `until`.
  package static func cluster(
    from reader: JournalReader, until: Int64, useSnapshot: Bool, warn: (String) -> Void
  ) throws -> Cluster {
    var cluster = Cluster()
    if useSnapshot {
      let found = try reader.latestSnapshot()
      for skipped in found.skipped { warn("snapshot \(skipped.path) was left aside: \(skipped.fault)") }
      if let snapshot = found.snapshot, snapshot.sequence <= until {
        do {
          cluster = try Cluster(snapshot: snapshot.payload)
        } catch {
          warn("snapshot \(snapshot.sequence) was left aside: \(error)")
          cluster = Cluster()
        }
      }
    }
    var batches = try reader.batches(after: cluster.sequence)
    while cluster.sequence < until, let batch = try batches.next() {
      var bytes = ByteReader(batch.facts)
      var sequence = batch.firstSequence
      while !bytes.isAtEnd {
        let fact = try bytes.fact()
        if sequence == cluster.sequence + 1, sequence <= until { cluster.apply(fact) }
        sequence += 1
      }
    }
    return cluster
  }
}
