/// What can be wrong with a journal. Every case says what is the matter (`description`) and the way out (`remedy`).
public enum JournalError: Error, Hashable, Sendable {
  /// Another server owns the folder. `pid` is what the lock file names; nil when it names nothing readable.
  case locked(folder: String, pid: Int32?)
  /// The file is an SQLite database of something else.
  case notAJournal(path: String)
  /// A newer Muster wrote it.
  case newerFormat(path: String, found: Int, known: Int)
  /// The batch that begins at `sequence` is not what was written.
  case altered(sequence: Int64, what: AlteredPart)
  /// Facts are missing: after sequence number `after` comes `found`.
  case gap(after: Int64, found: Int64)
  /// The journal ends before an intact snapshot that was made from it: acknowledged facts are gone.
  case shortened(last: Int64, snapshot: Int64)
  /// The journal ends before what was acknowledged, by its end mark: acknowledged facts are gone.
  case endMissing(last: Int64, marked: Int64)
  /// The journal has another history than the one whose end was marked at `sequence`.
  case replaced(sequence: Int64)
  /// SQLite cannot read the file; `detail` is its word.
  case unreadable(path: String, detail: String)
  /// The file is a journal, and a part of it is missing or not as SQLite wrote it.
  case damaged(JournalDamage)
  /// The caller's batch does not follow on the journal, or holds no fact. Nothing was written.
  case outOfOrder(expected: Int64, given: Int64, count: Int)
  /// The caller's batch is larger than one commit may be. Nothing was written.
  case batchTooLarge(bytes: Int, limit: Int)
  /// There is nothing at or after this sequence number yet.
  case beyondEnd(asked: Int64, last: Int64)
  /// No space. Nothing of the batch was kept and the journal goes on; the reserve has been given back.
  case diskFull(path: String, freeBytes: Int64, neededBytes: Int64)
  /// The commit failed in a way that leaves open what is on disk. The journal takes nothing until it is reopened.
  case commitFailed(path: String, detail: String)
  /// An earlier commit failed, or the journal was closed.
  case poisoned(cause: String)
  /// A system call failed.
  case system(call: String, path: String, errno: Int32)

  /// The case's name for machines. Never changed once released.
  public var code: String {
    switch self {
    case .locked: "journalLocked"
    case .notAJournal: "notAJournal"
    case .newerFormat: "journalNewerFormat"
    case .altered: "journalAltered"
    case .gap: "journalGap"
    case .shortened, .endMissing: "journalShortened"
    case .replaced: "journalReplaced"
    case .unreadable: "journalUnreadable"
    case .damaged: "journalDamaged"
    case .outOfOrder: "journalOutOfOrder"
    case .batchTooLarge: "journalBatchTooLarge"
    case .beyondEnd: "journalBeyondEnd"
    case .diskFull: "diskFull"
    case .commitFailed: "journalCommitFailed"
    case .poisoned: "journalPoisoned"
    case .system: "journalSystem"
    }
  }
}

/// What about a batch is not as written.
public enum AlteredPart: String, Hashable, Sendable {
  /// The facts, count, time or hash differ: the batch does not give the hash that is stored with it.
  case contents
  /// The row holds values that no journal has (a text for a number, a count below 1, a hash of another length).
  case row
}

extension JournalError: CustomStringConvertible {
  /// One sentence for people, with the values.
  public var description: String {
    switch self {
    case .locked(let folder, let pid):
      "another Muster server\(pid.map { " (process \($0))" } ?? "") has the data folder \(folder)"
    case .notAJournal(let path): "\(path) is not a Muster journal"
    case .newerFormat(let path, let found, let known):
      "\(path) has journal format \(found), this Muster knows up to \(known)"
    case .altered(let sequence, .contents):
      "the journal was altered: the batch that begins at sequence \(sequence) does not match its hash"
    case .altered(let sequence, .row):
      "the journal was altered: the row of the batch at sequence \(sequence) is malformed"
    case .gap(let after, let found): "the journal has a gap: after sequence \(after) comes \(found)"
    case .shortened(let last, let snapshot):
      "the journal ends at sequence \(last), but a snapshot made from it is at \(snapshot): facts are missing"
    case .endMissing(let last, let marked):
      "the journal ends at sequence \(last), but facts up to \(marked) were acknowledged: the last ones are missing"
    case .replaced(let sequence):
      "the journal is not the one that was written here: at sequence \(sequence) it has another hash than journal.end"
    case .unreadable(let path, let detail): "\(path) cannot be read: \(detail)"
    case .damaged(let damage): damage.description
    case .outOfOrder(let expected, let given, let count):
      "a batch of \(count) facts from sequence \(given) was given, the journal goes on at \(expected)"
    case .batchTooLarge(let bytes, let limit): "a batch of \(bytes) bytes was given, the limit is \(limit)"
    case .beyondEnd(let asked, let last): "sequence \(asked) was asked for, the journal ends at \(last)"
    case .diskFull(let path, let free, let needed):
      "the disk of \(path) is full: \(free) bytes free, \(needed) needed"
    case .commitFailed(let path, let detail): "a commit to \(path) failed: \(detail)"
    case .poisoned(let cause): "the journal takes no facts any more: \(cause)"
    case .system(let call, let path, let errno): "\(call) \(path): \(SystemError.text(errno))"
    }
  }

  /// What to do about it.
  public var remedy: String {
    switch self {
    case .locked: "stop that server, or give this one another folder with --data"
    case .notAJournal: "name a Muster data folder, or the journal.sqlite inside it"
    case .newerFormat: "run the version of Muster that wrote it, or a later one"
    case .altered, .gap:
      "restore the data folder from a backup; 'muster replay JOURNAL --until SEQ' shows the state up to the damage; if a "
        + "whole snapshot lies behind it, a server starts from that with --trust-snapshot"
    case .shortened:
      "put the missing journal.sqlite-wal back or restore the data folder from a backup; "
        + "only to give up the missing facts for good, remove the newer files in snapshots/"
    case .endMissing:
      "put the missing journal.sqlite-wal back or restore the data folder from a backup; only to give up the missing "
        + "facts for good (an older copy was put in place on purpose), remove journal.end"
    case .replaced: "put the right journal.sqlite back; if this one is in place on purpose, remove journal.end"
    case .unreadable: "check that the file, its -wal and the folder can be read and written, else restore a backup"
    case .damaged(let damage): damage.remedy
    case .beyondEnd(_, let last): "ask for one from 0 to \(last)"
    case .outOfOrder, .batchTooLarge: "this is a fault in the program that uses the journal: report it"
    case .diskFull: "free space on that disk; submissions are taken again by themselves"
    case .commitFailed, .poisoned:
      "check the disk and the kernel log, then restart the server: it reads the journal again"
    case .system: "check the path, its permissions and the disk"
    }
  }
}
