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
    var cluster = useSnapshot ? try newestSnapshot(reader, until: until, warn: warn) : Cluster()
    var batches = try reader.batches(after: cluster.sequence)
    while cluster.sequence < until, let batch = try batches.next() {
      try batch.forEachFact { sequence, fact in
        if sequence == cluster.sequence + 1, sequence <= until { cluster.apply(fact) }
      }
    }
    return cluster
  }

  /// The state of the newest snapshot that can be used; an empty one if there is none.
  static func newestSnapshot(
    _ reader: JournalReader, until: Int64 = .max, warn: (String) -> Void
  ) throws -> Cluster {
    let found = try reader.latestSnapshot()
    for skipped in found.skipped { warn("snapshot \(skipped.path) was left aside: \(skipped.fault)") }
    guard let snapshot = found.snapshot, snapshot.sequence <= until else { return Cluster() }
    do {
      return try Cluster(snapshot: snapshot.payload)
    } catch {
      // Of another format: all that it holds is in the facts.
      warn("snapshot \(snapshot.sequence) was left aside: \(error)")
      return Cluster()
    }
  }
}

extension Batch {
  /// Its facts in order, each with its sequence.
  func forEachFact(_ body: (Int64, Fact) throws -> Void) throws {
    var bytes = ByteReader(facts)
    var sequence = firstSequence
    while !bytes.isAtEnd {
      try body(sequence, try bytes.fact())
      sequence += 1
    }
  }
}
