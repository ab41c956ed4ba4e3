import GRDB
import Glibc

/// What opening a journal found.
public struct JournalOpening: Hashable, Sendable {
  /// There was none; an empty one was made.
  public var created = false
  /// Batches after this sequence number were read and checked; those before it are vouched for by a snapshot.
  public var verifiedAfter: Int64 = 0
  /// The last fact and the hash there.
  public var end = JournalEnd(sequence: 0, chain: .genesis)
  /// Snapshots that cannot be used, to be told to people.
  public var skipped: [SkippedSnapshot] = []
}

extension JournalOpening {
  /// Checks before it writes: a journal that is damaged, foreign or newer is left exactly as it was found.
  static func run(
    folder: String, path: String, options: JournalOptions
  ) throws(JournalError) -> (JournalDatabase, JournalOpening) {
    var found = JournalOpening()
    let isThere = Folder.fileBytes(path) ?? 0 > 0
    if isThere {
      try found.check(folder: folder)
    } else {
      try refuseLeftovers(folder: folder, path: path)
      // Made by us first for its mode: SQLite gives its log the database's.
      try OpenFile(path, flags: O_RDWR | O_CREAT).sync()
      found.created = true
    }
    let database = try JournalDatabase(writing: path, options: options)
    if found.created {
      try database.createTables()
      try Folder.sync(folder)
    }
    try settle(database)
    return (database, found)
  }

  private mutating func check(folder: String) throws(JournalError) {
    let reader = try JournalReader(path: folder)
    let search = try reader.latestSnapshot()
    skipped = search.skipped
    let known = search.snapshot.map { JournalEnd(sequence: $0.sequence, chain: $0.chain) }
    verifiedAfter = known?.sequence ?? 0
    end = try reader.verify(after: known ?? JournalEnd(sequence: 0, chain: .genesis))
    try reader.close()
    for case .beyondJournal(let last) in skipped.map(\.fault) {
      throw .shortened(last: last, snapshot: skipped.map(\.sequence).max() ?? last)
    }
  }

  /// A log or snapshots without their journal are what is left of one. SQLite would delete the log.
  private static func refuseLeftovers(folder: String, path: String) throws(JournalError) {
    if Folder.fileBytes(path + "-wal") ?? 0 > 0 {
      throw .unreadable(path: path, detail: "the file is missing or empty, but its log \(path)-wal is there")
    }
    if let newest = try SnapshotFolder(journalFolder: folder).sequences().first {
      throw .shortened(last: 0, snapshot: newest)
    }
  }

  /// Makes durable what the file shows. After a crash, or a sync that failed, its log may hold a commit that was never
  /// on disk: readers would act on it. Syncing the log again proves nothing (the kernel drops the pages of a failed sync
  /// and then reports success), so the log is copied into the database, fresh writes under a sync of their own.
  private static func settle(_ database: JournalDatabase) throws(JournalError) {
    guard try database.checkpoint(.full) else {
      throw .unreadable(
        path: database.path, detail: "a program that has read the journal for long keeps its log from being settled")
    }
    // Best effort: with a reader on it the log is used again from its beginning a little later.
    _ = try database.checkpoint(.truncate)
  }
}
