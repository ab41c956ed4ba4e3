import GRDB
import Glibc

/// Reads a journal: beside the running server, from any thread or process, or offline from a copied folder. It sees a
/// batch only once its commit is on disk (SQLite shows a commit after its sync), and never changes the journal.
///
/// ```swift
/// let reader = try JournalReader(path: "/var/lib/muster")
/// var cursor = try reader.batches(after: 0)
/// while let batch = try cursor.next() { ... }
/// ```
public final class JournalReader: Sendable {
  /// The data folder, where the snapshots are.
  public let folder: String
  /// The SQLite file.
  public let path: String
  let database: JournalDatabase

  /// `path` is the data folder, or the journal.sqlite inside one.
  ///
  /// Throws `system` (no such file), `unreadable`, `damaged`, `notAJournal`, `newerFormat`.
  public convenience init(path: String) throws(JournalError) {
    let place = JournalReader.place(of: path)
    guard let size = Folder.fileBytes(place.file) else { throw .lastCall("stat", place.file) }
    // SQLite would take it for a new database. Ours is never empty: it comes into its place complete.
    guard size > 0 else { throw .unreadable(path: place.file, detail: "the file is empty") }
    try self.init(place, JournalDatabase(reading: place.file))
  }

  init(_ place: (folder: String, file: String), _ database: JournalDatabase) {
    folder = place.folder
    path = place.file
    self.database = database
  }

  static func place(of path: String) -> (folder: String, file: String) {
    Folder.exists(path) ? (path, path + "/journal.sqlite") : (Folder.parent(of: path), path)
  }

  /// Closes the files. Any use afterwards throws.
  public func close() throws(JournalError) { try database.close() }

  /// The last fact's sequence number and the hash there; 0 and `Chain.genesis` for an empty journal.
  public func end() throws(JournalError) -> JournalEnd {
    guard let batch = try batch(holding: .max) else { return JournalEnd(sequence: 0, chain: .genesis) }
    return JournalEnd(sequence: batch.lastSequence, chain: batch.chain)
  }

  /// The stored hash at a sequence number. Nil if no batch ends there.
  public func chain(at sequence: Int64) throws(JournalError) -> Chain? {
    if sequence == 0 { return .genesis }
    guard let batch = try batch(holding: sequence), batch.lastSequence == sequence else { return nil }
    return batch.chain
  }

  /// All batches with facts after `sequence` (0: all), in order, each checked to follow on the one before by number
  /// and hash. The first may begin at or before `sequence`, if that lies inside it.
  ///
  /// Throws `beyondEnd` if the journal does not reach `sequence`.
  public func batches(after sequence: Int64) throws(JournalError) -> BatchCursor {
    if sequence <= 0 { return BatchCursor(reader: self, after: 0, chain: .genesis) }
    guard let batch = try batch(holding: sequence), batch.lastSequence >= sequence else {
      throw .beyondEnd(asked: sequence, last: try end().sequence)
    }
    if batch.lastSequence == sequence { return BatchCursor(reader: self, after: sequence, chain: batch.chain) }
    let before = batch.firstSequence - 1
    guard let chain = try chain(at: before) else {
      let previous = try self.batch(holding: before)
      throw .gap(after: previous?.lastSequence ?? 0, found: batch.firstSequence)
    }
    return BatchCursor(reader: self, after: before, chain: chain)
  }

  /// Reads every page of the file and every batch, and checks all of it. Reading from end to end: not for a request.
  ///
  /// Throws what is wrong: `unreadable`, `damaged`, `altered`, `gap`.
  @discardableResult
  public func verify() throws(JournalError) -> JournalEnd {
    try checkLog()
    let complaint = try database.perform { try String.fetchOne($0, sql: "PRAGMA integrity_check(1)") }
    guard complaint == "ok" else {
      throw .damaged(JournalDamage(path: path, detail: complaint ?? "integrity_check said nothing"))
    }
    return try verify(after: JournalEnd(sequence: 0, chain: .genesis))
  }

  /// Checks what follows on a place that is known to be right.
  func verify(after known: JournalEnd) throws(JournalError) -> JournalEnd {
    var cursor = BatchCursor(reader: self, after: known.sequence, chain: known.chain)
    while try cursor.next() != nil {}
    return cursor.position
  }

  /// The batch with the largest first number that is not above `sequence`.
  private func batch(holding sequence: Int64) throws(JournalError) -> Batch? {
    try database.perform { database in
      let statement = try database.cachedStatement(
        sql: "SELECT first, count, at, facts, chain FROM batch WHERE first <= ? ORDER BY first DESC LIMIT 1")
      return try Row.fetchOne(statement, arguments: [sequence]).map { try Batch(row: $0) }
    }
  }
}

/// A place in the journal: the last sequence number before it and the hash there.
public struct JournalEnd: Hashable, Sendable {
  public var sequence: Int64
  public var chain: Chain

  public init(sequence: Int64, chain: Chain) {
    self.sequence = sequence
    self.chain = chain
  }
}
