import Foundation
import MusterJournal
import Testing

@Suite struct JournalReaderTests {
  private func written(_ batches: Int = 10) throws -> (TemporaryFolder, Journal) {
    let folder = try TemporaryFolder()
    let journal = try Journal.plain(folder.journal)
    try journal.appendMarked(batches: batches)
    return (folder, journal)
  }

  @Test func `batches come in order, from wherever one asks`() throws {
    let (folder, journal) = try written()
    let reader = try JournalReader(path: folder.journal)
    let all = try reader.all()
    #expect(all.count == 10)
    #expect(all.first?.firstSequence == 1)
    #expect(all.last?.lastSequence == journal.lastSequence)
    for sequence in 0...journal.lastSequence {
      #expect(try reader.all(after: sequence) == all.filter { $0.lastSequence > sequence }, "after \(sequence)")
    }
  }

  @Test func `to ask for what is not there yet is an error that names the end`() throws {
    let (folder, journal) = try written()
    let last = journal.lastSequence
    let reader = try JournalReader(path: folder.journal)
    #expect(throws: JournalError.beyondEnd(asked: last + 1, last: last)) { try reader.batches(after: last + 1) }
    #expect(try reader.end() == JournalEnd(sequence: last, chain: journal.chain))
  }

  @Test func `a cursor at the end goes on when there is more`() throws {
    let (folder, journal) = try written()
    var cursor = try JournalReader(path: folder.journal).batches(after: journal.lastSequence)
    #expect(try cursor.next() == nil)
    try journal.appendMarked(batches: 1)
    #expect(try cursor.next()?.lastSequence == journal.lastSequence)
    #expect(try cursor.next() == nil)
  }

  @Test func `more batches than one page holds, and batches larger than a page`() throws {
    let (folder, journal) = try written(1000)
    try journal.appendMarked(batches: 5, bytes: 3 << 20)
    let all = try JournalReader(path: folder.journal).all()
    #expect(all.count == 1005)
    #expect(all.last?.chain == journal.chain)
  }

  @Test func `the hash at a sequence number is known where a batch ends`() throws {
    let (folder, journal) = try written()
    let reader = try JournalReader(path: folder.journal)
    #expect(try reader.chain(at: 0) == .genesis)
    #expect(try reader.chain(at: 1) == nil)
    #expect(try reader.chain(at: journal.lastSequence) == journal.chain)
    #expect(try reader.chain(at: journal.lastSequence + 1) == nil)
  }

  @Test func `a copy with its log is read offline, by folder or file, and not changed`() throws {
    let (folder, journal) = try written()
    let copy = try folder.crashImage()
    let names = ["/journal.sqlite", "/journal.sqlite-wal"]
    let before = try names.map { try bytes(of: copy + $0) }
    for path in [copy, copy + "/journal.sqlite"] {
      let reader = try JournalReader(path: path)
      #expect(reader.folder == copy)
      #expect(try reader.verify() == JournalEnd(sequence: journal.lastSequence, chain: journal.chain))
      try reader.close()
    }
    #expect(try names.map { try bytes(of: copy + $0) } == before)
  }

  @Test func `a path with nothing there is named`() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/none"
    #expect(throws: JournalError.system(call: "stat", path: path, errno: ENOENT)) { try JournalReader(path: path) }
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test(.enabled(if: SmallDisk.isPossible, SmallDisk.needs))
  func `a journal in a folder that cannot be written is read, unless a log would be missed`() throws {
    let (folder, journal) = try written()
    let image = try folder.crashImage()
    let disk = try SmallDisk(bytes: 4 << 20)
    try FileManager.default.copyItem(atPath: image, toPath: disk.path + "/logged")
    try journal.close()
    try FileManager.default.copyItem(atPath: folder.journal, toPath: disk.path + "/closed ?")
    try disk.makeReadOnly()
    #expect(try JournalReader(path: disk.path + "/closed ?").verify().sequence == journal.lastSequence)
    let error = #expect(throws: JournalError.self) { try JournalReader(path: disk.path + "/logged").verify() }
    #expect(error?.code == "journalUnreadable")
  }
}
