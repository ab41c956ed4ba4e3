import Foundation
import GRDB
import MusterJournal
import Testing

/// A torn or altered journal is refused, and the error says where.
@Suite struct JournalDamageTests {
  /// A closed journal of 40 marked batches, all in the one file.
  private func written(_ batches: Int = 40) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    let journal = try Journal.plain(folder.journal)
    try journal.appendMarked(batches: batches)
    try journal.close()
    return folder
  }

  @Test func `one flipped byte in a batch is named by its sequence number`() throws {
    let folder = try written()
    var file = try bytes(of: folder.file)
    let first: Int64 = 19
    file[try #require(file.firstIndex(of: "<fact \(first)>")) + 30] ^= 1
    try put(file, to: folder.file)
    let altered = JournalError.altered(sequence: first, what: .contents)
    #expect(throws: altered) { try Journal.plain(folder.journal) }
    #expect(throws: altered) { try JournalReader(path: folder.journal).verify() }
    #expect(try bytes(of: folder.file) == file, "a damaged journal is left as it was found")
  }

  @Test func `what lies before the damage can still be read`() throws {
    let folder = try written()
    var file = try bytes(of: folder.file)
    file[try #require(file.firstIndex(of: "<fact 19>")) + 30] ^= 1
    try put(file, to: folder.file)
    var cursor = try JournalReader(path: folder.journal).batches(after: 0)
    #expect(throws: JournalError.altered(sequence: 19, what: .contents)) { while try cursor.next() != nil {} }
    #expect(cursor.position.sequence == 18)
  }

  @Test func `any flipped byte is either refused or changes nothing that was written`() throws {
    let folder = try written()
    let intact = try bytes(of: folder.file)
    let batches = try JournalReader(path: folder.journal).all()
    var random = SeededNumbers(seed: 7)
    var refused = 0
    for _ in 0..<300 {
      var file = intact
      let place = Int.random(in: 0..<file.count, using: &random)
      file[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      try put(file, to: folder.file)
      do {
        let reader = try JournalReader(path: folder.journal)
        try reader.verify()
        #expect(try reader.all() == batches, "byte \(place)")
      } catch {
        #expect(error is JournalError, "byte \(place): \(error)")
        refused += 1
      }
    }
    #expect(refused > 100)
  }

  @Test func `batches that were deleted at the end are missed`() throws {
    let folder = try written()
    try change(folder, "DELETE FROM batch WHERE first > 50")
    let last = try JournalReader(path: folder.journal).end().sequence
    let journal = JournalError.endMissing(last: last, marked: try marked(folder))
    #expect(last < (try marked(folder)))
    #expect(throws: journal) { try Journal.plain(folder.journal) }
    #expect(throws: journal) { try JournalReader(path: folder.journal).checkEnd() }
    unlink(folder.journal + "/journal.end")
    #expect(try Journal.plain(folder.journal).lastSequence == last, "on purpose: the mark was removed")
  }

  @Test func `a log that was deleted is missed`() throws {
    let folder = try TemporaryFolder()
    let journal = try Journal.plain(folder.journal)
    try journal.appendMarked(batches: 40)
    // As after a crash: the log was not copied into the file.
    let crashed = try TemporaryFolder()
    try FileManager.default.createDirectory(atPath: crashed.journal, withIntermediateDirectories: true)
    for name in ["journal.sqlite", "journal.end"] {
      try put(try bytes(of: folder.journal + "/" + name), to: crashed.journal + "/" + name)
    }
    try journal.close()
    #expect(throws: JournalError.endMissing(last: 0, marked: try marked(folder))) { try Journal.plain(crashed.journal) }
  }

  @Test func `a journal of another history is not taken for this one`() throws {
    let (folder, other) = (try written(), try TemporaryFolder())
    let journal = try Journal.plain(other.journal)
    try journal.appendMarked(batches: 50, bytes: 100)
    try journal.close()
    try put(try bytes(of: journal.path), to: folder.file)
    #expect(throws: JournalError.replaced(sequence: try marked(folder))) { try Journal.plain(folder.journal) }
  }

  @Test(arguments: ["", "x", String(repeating: " ", count: 86), String(repeating: "9", count: 200)])
  func `a mark that says nothing is passed over, and written anew`(text: String) throws {
    let folder = try written()
    let last = try marked(folder)
    try put(Array(text.utf8), to: folder.journal + "/journal.end")
    let journal = try Journal.plain(folder.journal)
    try journal.append(firstSequence: last + 1, count: 1, at: 1, facts: [1])
    try journal.close()
    #expect(try marked(folder) == last + 1)
  }

  private func marked(_ folder: borrowing TemporaryFolder) throws -> Int64 {
    let text = String(decoding: try bytes(of: folder.journal + "/journal.end"), as: UTF8.self)
    return try #require(Int64(text.prefix(20)))
  }

  @Test func `a removed batch is a gap, named by its neighbours`() throws {
    let folder = try written()
    try change(folder, "DELETE FROM batch WHERE first = 19")
    #expect(throws: JournalError.gap(after: 18, found: 21)) { try Journal.plain(folder.journal) }
    #expect(throws: JournalError.gap(after: 18, found: 21)) { try JournalReader(path: folder.journal).verify() }
  }

  @Test(arguments: [
    "UPDATE batch SET at = at + 1 WHERE first = 19", "UPDATE batch SET chain = zeroblob(32) WHERE first = 19",
    "UPDATE batch SET facts = CAST(facts || 'a' AS BLOB) WHERE first = 19",
  ])
  func `a changed row does not match its hash`(sql: String) throws {
    let folder = try written()
    try change(folder, sql)
    #expect(throws: JournalError.altered(sequence: 19, what: .contents)) { try Journal.plain(folder.journal) }
  }

  @Test(arguments: [
    "UPDATE batch SET count = 0 WHERE first = 19", "UPDATE batch SET count = 'many' WHERE first = 19",
    "UPDATE batch SET facts = 5 WHERE first = 19", "UPDATE batch SET chain = x'00' WHERE first = 19",
    "UPDATE batch SET count = 9223372036854775807 WHERE first = 19",
  ])
  func `a row that no journal writes is refused by name`(sql: String) throws {
    let folder = try written()
    try change(folder, sql)
    #expect(throws: JournalError.altered(sequence: 19, what: .row)) { try Journal.plain(folder.journal) }
  }

  @Test func `a log cut at any byte gives exactly the commits that are whole in it`() throws {
    let folder = try TemporaryFolder()
    let journal = try Journal.plain(folder.journal)
    let log = folder.file + "-wal"
    var commits: [(logBytes: Int, last: Int64)] = [(0, 0)]
    for _ in 0..<12 {
      try journal.appendMarked(batches: 1, bytes: 3000)
      commits.append((try bytes(of: log).count, journal.lastSequence))
    }
    let image = try folder.crashImage()
    let (file, whole) = (try bytes(of: image + "/journal.sqlite"), try bytes(of: image + "/journal.sqlite-wal"))
    var random = SeededNumbers(seed: 3)
    var cuts = commits.flatMap { [$0.logBytes - 1, $0.logBytes, $0.logBytes + 1] }
    cuts += (0..<40).map { _ in Int.random(in: 0...whole.count, using: &random) }
    for cut in cuts where cut >= 0 && cut <= whole.count {
      try put(file, to: image + "/journal.sqlite")
      try put(whole.prefix(cut), to: image + "/journal.sqlite-wal")
      unlink(image + "/journal.end")
      let torn = try Journal.plain(image)
      #expect(torn.lastSequence == commits.last { $0.logBytes <= cut }?.last, "cut at \(cut)")
      try torn.appendMarked(batches: 1)
      try torn.verify()
      try torn.close()
    }
  }

  @Test func `any flipped byte in a log is refused, unless only its last commit can have been torn there`() throws {
    let folder = try TemporaryFolder()
    let journal = try Journal.plain(folder.journal)
    let log = folder.file + "-wal"
    var ends: [Int] = []
    for _ in 0..<12 {
      try journal.appendMarked(batches: 1, bytes: 3000)
      ends.append(try bytes(of: log).count)
    }
    let image = try folder.crashImage()
    let (file, whole) = (try bytes(of: image + "/journal.sqlite"), try bytes(of: image + "/journal.sqlite-wal"))
    let all = try JournalReader(path: image).all()
    let acknowledged = try #require(ends.dropLast().last)
    var random = SeededNumbers(seed: 11)
    var refused = 0
    for _ in 0..<300 {
      var altered = whole
      let place = Int.random(in: 0..<ends[11], using: &random)
      altered[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      try put(file, to: image + "/journal.sqlite")
      try put(altered, to: image + "/journal.sqlite-wal")
      unlink(image + "/journal.end")
      do {
        let opened = try Journal.plain(image)
        let read = try JournalReader(path: image).all()
        #expect(read == all || (place >= acknowledged && read == all.dropLast()), "byte \(place)")
        try opened.close()
      } catch {
        guard let error = error as? JournalError, case .damaged(let damage) = error, let offset = damage.logOffset
        else {
          Issue.record("byte \(place): \(error)")
          continue
        }
        refused += 1
        #expect(offset <= place && place < acknowledged && damage.wholeUntil ?? 0 <= journal.lastSequence)
        #expect(error.remedy.contains("truncate -s \(offset)"))
        #expect(try bytes(of: image + "/journal.sqlite-wal") == altered, "a damaged log is left as it was found")
      }
    }
    #expect(refused > 200)
  }

  @Test func `a journal that ends before its own snapshot has lost facts and is refused`() throws {
    let folder = try TemporaryFolder()
    let journal = try Journal.plain(folder.journal)
    try journal.appendMarked(batches: 3)
    let last = journal.lastSequence
    let shorter = try folder.crashImage()
    try journal.appendMarked(batches: 2)
    let snapshot = Snapshot(sequence: journal.lastSequence, chain: journal.chain, payload: [1])
    try SnapshotFolder(journalFolder: shorter).write(snapshot)
    #expect(throws: JournalError.shortened(last: last, snapshot: journal.lastSequence)) { try Journal.plain(shorter) }
  }

  @Test func `snapshots or a log whose journal is missing are refused, and left as they are`() throws {
    let folder = try TemporaryFolder()
    let journal = try Journal.plain(folder.journal)
    try journal.appendMarked(batches: 3)
    let image = try folder.crashImage()
    try FileManager.default.removeItem(atPath: image + "/journal.sqlite")
    let log = try bytes(of: image + "/journal.sqlite-wal")
    let error = #expect(throws: JournalError.self) { try Journal.plain(image) }
    #expect(error?.code == "journalUnreadable")
    #expect(try bytes(of: image + "/journal.sqlite-wal") == log)

    let other = folder.path + "/other"
    try SnapshotFolder(journalFolder: other).write(Snapshot(sequence: 6, chain: journal.chain, payload: [1]))
    #expect(throws: JournalError.shortened(last: 0, snapshot: 6)) { try Journal.plain(other) }
  }

  @Test func `a file that is no database is unreadable, another program's database is not a journal`() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(atPath: folder.journal, withIntermediateDirectories: true)
    try put(Array("not a database, but long enough to look like one ".utf8) * 20, to: folder.file)
    let unreadable = #expect(throws: JournalError.self) { try Journal.plain(folder.journal) }
    #expect(unreadable?.code == "journalUnreadable")

    try FileManager.default.removeItem(atPath: folder.file)
    try change(folder, "CREATE TABLE other (a); INSERT INTO other VALUES (1)")
    let before = try bytes(of: folder.file)
    #expect(throws: JournalError.notAJournal(path: folder.file)) { try Journal.plain(folder.journal) }
    #expect(try bytes(of: folder.file) == before)
  }

  @Test func `a journal of a newer format is refused in so many words`() throws {
    let folder = try written()
    try change(folder, "PRAGMA user_version = 2")
    let newer = JournalError.newerFormat(path: folder.file, found: 2, known: 1)
    #expect(throws: newer) { try Journal.plain(folder.journal) }
    #expect(throws: newer) { try JournalReader(path: folder.file) }
  }

  @Test func `a truncated file is refused`() throws {
    let folder = try written(200)
    let file = try bytes(of: folder.file)
    for size in [0, 10, 100, 4095, 4096, 8192, file.count / 2, file.count - 4096, file.count - 1] {
      try put(file.prefix(size), to: folder.file)
      let error = #expect(throws: JournalError.self, "\(size) of \(file.count) bytes") {
        _ = try Journal.plain(folder.journal)
        try JournalReader(path: folder.journal).verify()
      }
      #expect(
        ["journalUnreadable", "journalDamaged", "journalAltered"].contains(error?.code),
        "\(size) bytes: \(error?.description ?? "accepted")")
    }
  }

  @Test func `of a truncated file is said how far it can be read, and what is before that can be`() throws {
    let folder = try written(200)
    let file = try bytes(of: folder.file)
    let all = try JournalReader(path: folder.journal).all()
    let snapshot = Snapshot(sequence: all[3].lastSequence, chain: all[3].chain, payload: [1])
    try SnapshotFolder(journalFolder: folder.journal).write(snapshot)
    try put(file.prefix(file.count / 2), to: folder.file)
    let error = try #require(throws: JournalError.self) { try Journal.plain(folder.journal) }
    guard case .damaged(let damage) = error, let whole = damage.wholeUntil else {
      Issue.record("\(error)")
      return
    }
    #expect(whole > 20 && whole < all[199].lastSequence)
    #expect(damage.fileBytes == Int64(file.count / 2) && damage.newestSnapshot == all[3].lastSequence)
    #expect(error.description.hasPrefix("\(folder.file) (\(file.count / 2) bytes) is damaged: its facts up to "))
    #expect(error.remedy.contains("--until \(whole)") && error.remedy.contains("\(all[3].lastSequence)"))
    var cursor = try JournalReader(salvaging: folder.journal).batches(after: 0)
    for batch in all where batch.lastSequence <= whole { #expect(try cursor.next() == batch) }
    #expect(throws: JournalError.self) { try cursor.next() }
  }

  @Test func `of a page that is overwritten is said how far the journal can be read`() throws {
    let folder = try written(200)
    var file = try bytes(of: folder.file)
    let page = try #require(file.firstIndex(of: "<fact 100>")) / 4096
    for place in page * 4096..<(page + 1) * 4096 { file[place] = 0xAA }
    try put(file, to: folder.file)
    let error = try #require(throws: JournalError.self) { try JournalReader(path: folder.journal).verify() }
    guard case .damaged(let damage) = JournalReader.located(error, in: folder.journal) else {
      Issue.record("\(error)")
      return
    }
    #expect(damage.wholeUntil ?? 0 > 50 && damage.wholeUntil ?? 100 < 100)
  }

  /// As somebody with the sqlite3 shell would.
  private func change(_ folder: TemporaryFolder, _ sql: String) throws {
    let queue = try DatabaseQueue(path: folder.file)
    try queue.inDatabase { try $0.execute(sql: sql) }
    try queue.close()
  }
}

private func * (bytes: [UInt8], times: Int) -> [UInt8] { Array(repeatElement(bytes, count: times).joined()) }
