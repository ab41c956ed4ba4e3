extension JournalReader {
  /// For a damaged file: reads whatever SQLite can still reach, also where the file is shorter than its header says.
  /// Each batch is checked as always.
  public convenience init(salvaging path: String) throws(JournalError) {
    let place = JournalReader.place(of: path)
    try self.init(place, JournalDatabase(salvaging: place.file))
  }

  /// Throws `damaged` if the log has a hole in its middle: SQLite would silently end the journal there.
  public func checkLog() throws(JournalError) {
    let log = path + "-wal"
    guard let offset = try LogCheck.damage(in: log) else { return }
    var damage = JournalDamage(
      path: log, detail: "what is at byte \(offset) is not what was written, and later commits follow")
    damage.logOffset = offset
    throw .damaged(damage)
  }

  /// `error` with where the damage is, if that is what it tells of; any other error as it is. Reads the journal from its
  /// beginning up to the damage: not for a request.
  public static func located(_ error: JournalError, in path: String) -> JournalError {
    guard case .damaged(let damage) = error else { return error }
    var located = damage
    let place = JournalReader.place(of: path)
    do throws(JournalError) {
      let reader = try JournalReader(salvaging: path)
      var cursor = BatchCursor(reader: reader, after: 0, chain: .genesis)
      located.wholeUntil = 0
      do throws(JournalError) {
        while try cursor.next() != nil { located.wholeUntil = cursor.position.sequence }
      } catch {
        // This is the damage that was looked for.
      }
      try reader.close()
    } catch {
      // Nothing can be read at all: `wholeUntil` says no more than is known.
    }
    let snapshots = SnapshotFolder(journalFolder: place.folder)
    // A folder that cannot be listed has no snapshot to offer.
    located.newestSnapshot = ((try? snapshots.sequences()) ?? []).first { (try? snapshots.read($0)) != nil }
    return .damaged(located)
  }
}

/// What is known of a damaged file.
public struct JournalDamage: Hashable, Sendable {
  public var path: String
  public var fileBytes: Int64
  /// All facts up to this sequence number can be read and are as written. Nil: nobody has looked, or nothing can be read.
  public var wholeUntil: Int64?
  /// The newest snapshot that is whole, by its sequence number.
  public var newestSnapshot: Int64?
  /// Of a log: where what is not as written begins.
  public var logOffset: Int64?
  /// What was found, or SQLite's word.
  public var detail: String

  init(path: String, detail: String) {
    self.path = path
    self.detail = detail
    fileBytes = Folder.fileBytes(path) ?? 0
  }
}

extension JournalDamage: CustomStringConvertible {
  public var description: String {
    let whole =
      switch wholeUntil {
      case nil: "it cannot be read"
      case 0?: "not even its first facts can be read"
      case let last?: "its facts up to sequence \(last) can be read, what follows cannot"
      }
    return "\(path) (\(fileBytes) bytes) is damaged: \(whole) (\(detail))"
  }

  var remedy: String {
    var text = "restore the data folder from a backup"
    if let newestSnapshot {
      text +=
        "; if the damage lies before the newest whole snapshot (sequence \(newestSnapshot)), "
        + "a server starts from it with --trust-snapshot"
    }
    if let wholeUntil, wholeUntil > 0 {
      text += "; 'muster replay JOURNAL --until \(wholeUntil)' shows the state up to the damage"
    }
    if let logOffset {
      text +=
        "; to give up what follows the damage, also what was acknowledged: truncate -s \(logOffset) \(path) "
        + "and remove journal.end"
    }
    return text
  }
}
