import Foundation
import GRDB

/// The SQLite file of a journal, opened for writing by its one server or for reading by anybody.
struct JournalDatabase: Sendable {
  /// What `PRAGMA user_version` says in a journal of this version's format.
  static let format = 1
  /// "MSTR": `PRAGMA application_id`, so that file(1) and we can tell a journal from any other SQLite file.
  static let applicationID: Int64 = 0x4D53_5452

  let path: String
  private let queue: DatabaseQueue

  /// For the server. A `DatabaseQueue`, not a pool: its commits cost the same (0.17 ms each, measured) and it leaves
  /// SQLite's settings alone, while a pool sets `synchronous` to NORMAL, which acknowledges commits that a power cut
  /// takes back.
  init(writing path: String, options: JournalOptions) throws(JournalError) {
    var configuration = Configuration()
    configuration.label = "MusterJournal.writer"
    configuration.busyMode = .timeout(options.busySeconds)
    try self.init(path: path, configuration: configuration)
    try perform { database in
      let mode = try String.fetchOne(database, sql: "PRAGMA journal_mode = WAL")
      guard mode == "wal" else {
        throw JournalError.unreadable(path: path, detail: "this file system cannot hold SQLite's write-ahead log")
      }
      try database.execute(sql: "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = \(options.logPages)")
      guard try Int.fetchOne(database, sql: "PRAGMA synchronous") == 2 else {
        throw JournalError.unreadable(path: path, detail: "SQLite does not take synchronous = FULL")
      }
    }
  }

  /// For readers, beside a running server or on a copy. Changes no fact and no page; SQLite may create its `-shm` file.
  init(reading path: String) throws(JournalError) {
    do {
      try self.init(path: path, configuration: JournalDatabase.readOnly)
      try checkFormat()
    } catch JournalError.unreadable(let path, let detail) {
      // A folder that cannot be written has no room for the -shm file, without which SQLite reads no log. Without a log
      // there is nothing to miss, and the file alone can be read as it is. With one, that would hide its last facts.
      guard Folder.fileBytes(path + "-wal") ?? 0 == 0, access(Folder.parent(of: path), W_OK) != 0 else {
        throw .unreadable(path: path, detail: detail)
      }
      let allowed = CharacterSet.urlPathAllowed
      let escaped = path.addingPercentEncoding(withAllowedCharacters: allowed) ?? path
      try self.init(path: "file:\(escaped)?immutable=1", configuration: JournalDatabase.readOnly)
      try checkFormat()
    }
  }

  /// For a damaged file: SQLite then does not refuse one that is shorter than its header says, but gives what is there.
  init(salvaging path: String) throws(JournalError) {
    var configuration = JournalDatabase.readOnly
    configuration.prepareDatabase { try $0.execute(sql: "PRAGMA writable_schema = ON") }
    try self.init(path: path, configuration: configuration)
    try checkFormat()
  }

  private static var readOnly: Configuration {
    var configuration = Configuration()
    configuration.label = "MusterJournal.reader"
    configuration.readonly = true
    configuration.busyMode = .timeout(5)
    return configuration
  }

  private init(path: String, configuration: Configuration) throws(JournalError) {
    self.path = path
    do {
      queue = try DatabaseQueue(path: path, configuration: configuration)
    } catch {
      throw JournalDatabase.readingError(error, path: path)
    }
  }

  /// Runs `body` on the connection; SQLite's errors come out as what they mean for one who reads.
  func perform<Value>(_ body: (Database) throws -> Value) throws(JournalError) -> Value {
    do {
      return try queue.inDatabase(body)
    } catch {
      throw JournalDatabase.readingError(error, path: path)
    }
  }

  /// Inserts one batch. A single statement is a transaction of its own: one commit, one sync, and 0.02 ms less than
  /// with BEGIN and COMMIT around it.
  func insert(_ batch: Batch) throws(CommitFailure) {
    do {
      try queue.inDatabase { database in
        do {
          let statement = try database.cachedStatement(sql: "INSERT INTO batch VALUES (?, ?, ?, ?, ?)")
          try statement.execute(arguments: [
            batch.firstSequence, batch.count, batch.at, Data(batch.facts), Data(batch.chain.bytes),
          ])
        } catch let error as DatabaseError {
          // SQLITE_FULL is what SQLite says when a write(2) found no space. It writes before it syncs and shows a
          // commit to nobody before the sync, so here no sync has failed and nothing is half kept, provided it has
          // also rolled back. A sync that fails for want of space is another error (SQLITE_IOERR_FSYNC).
          if error.resultCode == .SQLITE_FULL, !database.isInsideTransaction { throw CommitFailure.noSpace }
          throw error
        }
      }
    } catch let failure as CommitFailure {
      throw failure
    } catch {
      throw .unknown("\(error)")
    }
  }

  /// Copies the log into the database and syncs it. False if a reader that stands further back did not let it finish.
  func checkpoint(_ mode: Database.CheckpointMode) throws(JournalError) -> Bool {
    try perform { database in
      do {
        let (frames, done) = try database.checkpoint(mode)
        return frames == done
      } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
        return false
      }
    }
  }

  /// Closes the connection now, not when the last reference goes.
  func close() throws(JournalError) {
    do {
      try queue.close()
    } catch {
      throw JournalDatabase.readingError(error, path: path)
    }
  }

  /// Refuses a file that is no journal or of a newer format.
  private func checkFormat() throws(JournalError) {
    let (application, format) = try perform { database in
      (
        try Int64.fetchOne(database, sql: "PRAGMA application_id") ?? 0,
        try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
      )
    }
    guard application == JournalDatabase.applicationID else { throw .notAJournal(path: path) }
    guard format <= JournalDatabase.format else {
      throw .newerFormat(path: path, found: format, known: JournalDatabase.format)
    }
    guard format == JournalDatabase.format else { throw .notAJournal(path: path) }
  }

  /// Makes the tables in an empty file, all or nothing.
  func createTables() throws(JournalError) {
    try perform { database in
      try database.inTransaction(.immediate) {
        try database.execute(
          sql: """
            CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
            CREATE TABLE batch (first INTEGER PRIMARY KEY, count INTEGER NOT NULL, at INTEGER NOT NULL,
              facts BLOB NOT NULL, chain BLOB NOT NULL);
            INSERT INTO meta VALUES ('kind', 'muster journal'), ('format', '\(JournalDatabase.format)'),
              ('chain', 'sha256(previous, first, count, at, facts)'), ('genesis', '\(Chain.genesis)');
            PRAGMA application_id = \(JournalDatabase.applicationID);
            PRAGMA user_version = \(JournalDatabase.format);
            """)
        return .commit
      }
    }
  }

  private static func readingError(_ error: any Error, path: String) -> JournalError {
    switch error {
    case let error as JournalError: error
    case let error as DatabaseError where error.resultCode == .SQLITE_FULL:
      .diskFull(path: path, freeBytes: 0, neededBytes: 0)
    case let error as DatabaseError where isDamage(error):
      .damaged(
        JournalDamage(
          path: path, detail: "SQLite \(error.extendedResultCode.rawValue): \(error.message ?? "no message")"))
    case let error as DatabaseError:
      .unreadable(path: path, detail: "SQLite \(error.extendedResultCode.rawValue): \(error.message ?? "no message")")
    default: .unreadable(path: path, detail: "\(error)")
    }
  }
}

extension JournalDatabase {
  /// Whether it tells of pages that are missing or malformed, not of a file that is none of ours or not to be had.
  fileprivate static func isDamage(_ error: DatabaseError) -> Bool {
    error.resultCode == .SQLITE_CORRUPT || error.extendedResultCode == .SQLITE_IOERR_SHORT_READ
  }
}

/// Why a commit did not happen, or may not have.
enum CommitFailure: Error {
  /// No space, found before anything was synced; nothing of the batch was kept.
  case noSpace
  /// Anything else. Whether the batch is on disk is not known.
  case unknown(String)
}
