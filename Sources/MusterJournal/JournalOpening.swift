import GRDB
import Glibc

/// What opening a journal found.
public struct JournalOpening: Hashable, Sendable {
  /// There was none; an empty one was made.
  public var created = false
  /// Batches after this sequence number were read and checked; those before it were not, and the state comes from a
  /// snapshot that is tied to the journal there. 0: all were.
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
    if Folder.fileBytes(path) == nil {
      try create(folder: folder, path: path, options: options)
      found.created = true
    } else {
      try found.check(folder: folder, options: options)
    }
    try settleLog(path + "-wal")
    let database = try JournalDatabase(writing: path, options: options)
    try tidyLog(database)
    return (database, found)
  }

  private mutating func check(folder: String, options: JournalOptions) throws(JournalError) {
    do throws(JournalError) {
      try read(folder: folder, options: options)
    } catch {
      throw JournalReader.located(error, in: folder)
    }
  }

  private mutating func read(folder: String, options: JournalOptions) throws(JournalError) {
    let reader = try JournalReader(path: folder)
    try reader.checkLog()
    let search = try reader.latestSnapshot()
    skipped = search.skipped
    var known = search.snapshot.map { JournalEnd(sequence: $0.sequence, chain: $0.chain) }
    if !options.trustsSnapshot, Folder.fileBytes(reader.path) ?? 0 <= options.wholeCheckBytes { known = nil }
    verifiedAfter = known?.sequence ?? 0
    end = try reader.verify(after: known ?? JournalEnd(sequence: 0, chain: .genesis))
    try reader.checkEnd()
    try reader.close()
    // The snapshot was made from facts that were on disk.
    for case .beyondJournal(let last) in skipped.map(\.fault) {
      throw .shortened(last: last, snapshot: skipped.map(\.sequence).max() ?? last)
    }
  }

  /// Makes an empty journal under another name first: so a journal.sqlite that is empty or half made is never ours, and
  /// is refused instead of being taken for a first start.
  private static func create(folder: String, path: String, options: JournalOptions) throws(JournalError) {
    // A log or snapshots without their journal are what is left of one. SQLite would delete the log.
    if Folder.fileBytes(path + "-wal") ?? 0 > 0 {
      throw .unreadable(path: path, detail: "the file is missing, but its log \(path)-wal is there")
    }
    if let newest = try SnapshotFolder(journalFolder: folder).sequences().first {
      throw .shortened(last: 0, snapshot: newest)
    }
    if let marked = try EndMark.read(folder: folder), marked.sequence > 0 {
      throw .endMissing(last: 0, marked: marked.sequence)
    }
    let new = path + ".new"
    for leftover in [new, new + "-wal", new + "-shm"] {
      guard unlink(leftover) == 0 || errno == ENOENT else { throw .lastCall("unlink", leftover) }
    }
    // Made by us for its mode: SQLite gives its log the database's.
    try OpenFile(new, flags: O_RDWR | O_CREAT | O_EXCL).sync()
    let database = try JournalDatabase(writing: new, options: options)
    try database.createTables()
    guard try database.checkpoint(.truncate) else {
      throw .unreadable(path: new, detail: "another program reads it")
    }
    try database.close()
    guard rename(new, path) == 0 else { throw .lastCall("rename", path) }
    try Folder.sync(folder)
  }

  /// Makes durable what the journal shows. After a crash, or a sync that failed, its log may hold a commit that is in
  /// the system's cache and not on disk, and all who read it would act on it. To sync the log again would prove nothing:
  /// a kernel that could not write pages drops them and calls the next sync a success. So the log is written again, byte
  /// for byte in its place, under a sync of its own. It needs no more space, and a reader sees no difference.
  private static func settleLog(_ path: String) throws(JournalError) {
    guard Folder.fileBytes(path) ?? 0 > 0 else { return }
    let file = try OpenFile(path, flags: O_RDWR)
    var offset: Int64 = 0
    while true {
      try file.seek(to: offset)
      let piece = try file.read(limit: 1 << 20)
      if piece.isEmpty { break }
      try file.seek(to: offset)
      try file.write(piece)
      offset += Int64(piece.count)
    }
    try file.sync()
  }

  /// Copies the log into the database and empties it, if no reader is in the way and there is space. If not, it is
  /// read where it is and copied later.
  private static func tidyLog(_ database: JournalDatabase) throws(JournalError) {
    do {
      _ = try database.checkpoint(.truncate)
    } catch .diskFull {
      return
    }
  }
}
