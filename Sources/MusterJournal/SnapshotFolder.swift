import Glibc

/// The snapshots of a journal: `snapshots/SEQUENCE.snap`. One thread writes (the follower); any may read. The writer of
/// the journal never waits for it.
public struct SnapshotFolder: Sendable {
  /// How many are kept. Two, so that one that turns out to be torn leaves another.
  public static let kept = 2

  public let path: String

  /// Of what is kept beside the state.
  public static let accounts = "accounts"

  /// `journalFolder` is the data folder.
  public init(journalFolder: String, name: String = "snapshots") { path = journalFolder + "/" + name }

  /// Writes one and removes all but the newest two. On disk, name and all, when this returns; a crash meanwhile leaves
  /// the ones that were there.
  ///
  /// Throws `diskFull`, `system`.
  public func write(_ snapshot: Snapshot) throws(JournalError) {
    try Folder.create(path)
    let final = file(snapshot.sequence)
    let temporary = final + ".tmp"
    do {
      let file = try OpenFile(temporary, flags: O_WRONLY | O_CREAT | O_TRUNC)
      try file.write(SnapshotFile.header(of: snapshot))
      try file.write(snapshot.payload)
      try file.sync()
    } catch {
      unlink(temporary)
      if case .system(_, _, let code) = error, code == ENOSPC || code == EDQUOT {
        let free = try JournalOptions.statvfsFreeBytes(path)
        throw .diskFull(path: path, freeBytes: free, neededBytes: Int64(snapshot.payload.count))
      }
      throw error
    }
    guard rename(temporary, final) == 0 else { throw .lastCall("rename", final) }
    try Folder.sync(path)
    for old in try sequences().dropFirst(SnapshotFolder.kept) {
      guard unlink(file(old)) == 0 || errno == ENOENT else { throw .lastCall("unlink", file(old)) }
    }
  }

  /// The sequence numbers that there are files for, newest first. Nothing is said of what is in them.
  public func sequences() throws(JournalError) -> [Int64] {
    try Folder.names(path).compactMap { name in
      guard name.hasSuffix(".snap"), let sequence = Int64(name.dropLast(5)), sequence >= 0 else { return nil }
      return sequence
    }.sorted(by: >)
  }

  /// Reads one and checks it against its own header, not against the journal.
  public func read(_ sequence: Int64) throws(SnapshotFault) -> Snapshot {
    let bytes: [UInt8]
    do {
      bytes = try OpenFile(file(sequence), flags: O_RDONLY).read()
    } catch {
      throw .unreadable(error.description)
    }
    return try SnapshotFile.decode(bytes, named: sequence)
  }

  /// Where the snapshot of a sequence number is kept.
  public func file(_ sequence: Int64) -> String { "\(path)/\(sequence).snap" }

  /// Removes what a crash in the middle of `write` left. Only the journal's owner may, before its follower runs.
  func removeUnfinished() throws(JournalError) {
    for name in try Folder.names(path) where name.hasSuffix(".snap.tmp") {
      let file = path + "/" + name
      guard unlink(file) == 0 || errno == ENOENT else { throw .lastCall("unlink", file) }
    }
  }
}

extension JournalReader {
  /// The newest snapshot that is whole and whose hash is the journal's at its sequence number. One that is not is
  /// passed over and told.
  public func latestSnapshot() throws(JournalError) -> SnapshotSearch {
    let snapshots = SnapshotFolder(journalFolder: folder)
    var skipped: [SkippedSnapshot] = []
    for sequence in try snapshots.sequences() {
      let fault: SnapshotFault
      do {
        let snapshot = try snapshots.read(sequence)
        let last = try end().sequence
        if sequence > last {
          fault = .beyondJournal(last: last)
        } else if try chain(at: sequence) == snapshot.chain {
          return SnapshotSearch(snapshot: snapshot, skipped: skipped)
        } else {
          fault = .otherJournal
        }
      } catch let error as SnapshotFault {
        fault = error
      } catch let error as JournalError {
        throw error
      } catch {
        fault = .unreadable("\(error)")
      }
      skipped.append(SkippedSnapshot(path: snapshots.file(sequence), sequence: sequence, fault: fault))
    }
    return SnapshotSearch(snapshot: nil, skipped: skipped)
  }
}
