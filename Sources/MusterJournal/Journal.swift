import GRDB
import Glibc

/// The journal of one data folder, for its one writer: durable batches of facts, chained by hash.
///
/// ```swift
/// let journal = try Journal.open(folder: "/var/lib/muster")
/// try journal.append(firstSequence: journal.lastSequence + 1, count: 3, at: now, facts: bytes)
/// // the three facts are on disk: now answers may leave
/// ```
///
/// Not Sendable: one thread, the writer, opens it, uses it and lets it go. Everybody else reads with `JournalReader`.
///
/// A commit that fails poisons the journal: every later `append` throws until `reopen`. A failed sync is never tried
/// again, because the kernel may have dropped the pages that it could not write and would call the second sync a
/// success. The caller throws its memory away and rebuilds it from what the reopened journal holds; whether the failed
/// batch is in there is known only then. The one exception is a write that found no space: see `append`.
public final class Journal {
  /// The most bytes in one batch: 64 MiB.
  public static let batchByteLimit = 64 << 20

  public let folder: String
  public let options: JournalOptions
  /// The last fact on disk; 0 in an empty journal.
  public private(set) var lastSequence: Int64 = 0
  /// The hash up to and with that fact.
  public private(set) var chain = Chain.genesis
  /// What opening found.
  public private(set) var opening = JournalOpening()

  private enum State {
    case open(JournalDatabase)
    case unusable(cause: String)
  }

  private var state = State.unusable(cause: "it is not open")
  private var lock: FolderLock?
  private var diskGuard: DiskGuard
  private var reserve: DiskReserve
  private var endMark: EndMark?

  /// Takes the folder (created, with what is missing above it, mode 0700), checks the journal's tail and makes all that
  /// it holds durable. A first start makes an empty journal.
  ///
  /// Throws `locked` if another server has the folder; `notAJournal`, `newerFormat`, `unreadable`, `altered`, `gap`,
  /// `shortened` for a file that must not be written on; `diskFull`, `system`.
  public static func open(
    folder: String, options: JournalOptions = JournalOptions()
  ) throws(JournalError) -> sending Journal {
    try Folder.create(folder)
    let journal = try Journal(folder: folder, options: options, lock: try FolderLock.take(folder: folder))
    // Of a snapshot that was being written when the process before this one ended.
    try SnapshotFolder(journalFolder: folder).removeUnfinished()
    try SnapshotFolder(journalFolder: folder, name: SnapshotFolder.accounts).removeUnfinished()
    try journal.load()
    return journal
  }

  private init(folder: String, options: JournalOptions, lock: consuming FolderLock) throws(JournalError) {
    self.folder = folder
    self.options = options
    self.lock = consume lock
    diskGuard = DiskGuard(limits: options.disk)
    reserve = try DiskReserve(folder: folder, bytes: options.disk.reserveBytes)
  }

  /// One commit: when it returns, the batch is on disk. One disk sync, however many facts.
  ///
  /// Throws `outOfOrder` and `batchTooLarge` before anything is touched. Throws `diskFull` when a write found no space:
  /// that happens before any sync, SQLite has taken all of it back, and so the journal is not poisoned. The reserve has
  /// been given back by then: the same batch may be appended again. Throws `commitFailed` for all else, and from then
  /// on `poisoned`.
  public func append(firstSequence: Int64, count: Int, at: Int64, facts: [UInt8]) throws(JournalError) {
    let database = try openDatabase()
    guard firstSequence == lastSequence + 1, count >= 1, count <= Batch.countLimit,
      firstSequence < Batch.sequenceLimit
    else { throw .outOfOrder(expected: lastSequence + 1, given: firstSequence, count: count) }
    guard facts.count <= Journal.batchByteLimit else {
      throw .batchTooLarge(bytes: facts.count, limit: Journal.batchByteLimit)
    }
    let next = chain.following(firstSequence: firstSequence, count: count, at: at, facts: facts)
    let batch = Batch(firstSequence: firstSequence, count: count, at: at, facts: facts, chain: next)
    do {
      try database.insert(batch)
    } catch {
      throw try failed(error, path: database.path)
    }
    lastSequence = batch.lastSequence
    chain = next
    markEnd()
  }

  /// Where it cannot be written (a full disk) nothing fails for it: the batch is on disk, and a mark that is older than
  /// the journal only notices less.
  private func markEnd() {
    do throws(JournalError) {
      if endMark == nil { endMark = try EndMark(folder: folder) }
      try endMark?.take()
      try endMark?.write(JournalEnd(sequence: lastSequence, chain: chain))
    } catch {}
  }

  /// Reads the journal again after a failed commit, under the same lock.
  ///
  /// Throws as `open` does; the journal stays unusable then.
  public func reopen() throws(JournalError) {
    guard lock != nil else { throw .poisoned(cause: "it was closed") }
    if case .open(let database) = state { try database.close() }
    try load()
  }

  /// Copies the log into the one file journal.sqlite, if no reader is in the way, and gives the folder back.
  public func close() throws(JournalError) {
    defer {
      state = .unusable(cause: "it was closed")
      lock = nil
    }
    guard case .open(let database) = state else { return }
    // Whether it could finish does not matter: the log stays beside the file and is read with it.
    _ = try database.checkpoint(.truncate)
    try database.close()
  }

  /// Looks at the disk: what is free, and whether submissions are to be taken. Gives the reserve back when the disk is
  /// full and takes it again when there is room. Cheap (a system call): before each round of submissions is fine.
  public func space() throws(JournalError) -> SpaceState {
    let free = try options.freeBytes(folder)
    let space = diskGuard.observe(freeBytes: free, reserveHeld: reserve.isHeld)
    switch space {
    case .full: try reserve.release()
    // Without room for the reserve it stays owed, which keeps the guard careful: nothing else to do.
    case .low, .normal: _ = try reserve.hold()
    }
    return space
  }

  /// Whether the reserve is on disk now.
  public var reserveIsHeld: Bool { reserve.isHeld }

  /// Bytes that the facts take: the database and its log. Snapshots and the reserve are not counted.
  public var bytesOnDisk: Int64 {
    (Folder.fileBytes(path) ?? 0) + (Folder.fileBytes(path + "-wal") ?? 0)
  }

  /// Where the facts are.
  public var path: String { folder + "/journal.sqlite" }

  /// The newest usable snapshot. Reads with a connection of its own.
  public func latestSnapshot() throws(JournalError) -> SnapshotSearch {
    try JournalReader(path: folder).latestSnapshot()
  }

  /// Checks every page and every batch. Not while anybody waits: it reads the whole journal.
  @discardableResult
  public func verify() throws(JournalError) -> JournalEnd { try JournalReader(path: folder).verify() }

  /// `PRAGMA synchronous` as SQLite reads it back; 2 is FULL.
  func synchronousLevel() throws(JournalError) -> Int? {
    try openDatabase().perform { try Int.fetchOne($0, sql: "PRAGMA synchronous") }
  }

  private func openDatabase() throws(JournalError) -> JournalDatabase {
    switch state {
    case .open(let database): return database
    case .unusable(let cause): throw .poisoned(cause: cause)
    }
  }

  /// What a commit's failure leaves behind, and what the caller is told.
  private func failed(_ failure: CommitFailure, path: String) throws(JournalError) -> JournalError {
    switch failure {
    case .noSpace:
      diskGuard.writeFailed()
      try reserve.release()
      return try fullDisk()
    case .unknown(let detail):
      state = .unusable(cause: detail)
      return .commitFailed(path: path, detail: detail)
    }
  }

  private func fullDisk() throws(JournalError) -> JournalError {
    let limits = options.disk
    return .diskFull(
      path: folder, freeBytes: try options.freeBytes(folder),
      neededBytes: limits.lowBytes + limits.slackBytes + limits.reserveBytes)
  }

  private func load() throws(JournalError) {
    state = .unusable(cause: "its last opening failed")
    // First of all: on a full disk even opening needs the room that the reserve holds.
    _ = try space()
    let (database, found) = try openingWithReserve()
    opening = found
    lastSequence = found.end.sequence
    chain = found.end.chain
    state = .open(database)
    markEnd()
  }

  /// Opening writes a little (the log's index): if there is no space for that, the reserve makes some. Once; writes that
  /// found no space were not synced, so they may be tried again.
  private func openingWithReserve() throws(JournalError) -> (JournalDatabase, JournalOpening) {
    do {
      return try JournalOpening.run(folder: folder, path: path, options: options)
    } catch {
      guard try foundNoSpace(error) else { throw error }
      diskGuard.writeFailed()
      guard reserve.isHeld, options.disk.reserveBytes > 0 else { throw try fullDisk() }
      try reserve.release()
    }
    do {
      return try JournalOpening.run(folder: folder, path: path, options: options)
    } catch {
      throw try foundNoSpace(error) ? fullDisk() : error
    }
  }

  /// SQLite has several words for a disk that has no room for its index file, most of them "I/O error".
  private func foundNoSpace(_ error: JournalError) throws(JournalError) -> Bool {
    switch error {
    case .diskFull: true
    case .system(_, _, let code): code == ENOSPC || code == EDQUOT
    case .unreadable: try options.freeBytes(folder) < 64 << 10
    default: false
    }
  }
}
