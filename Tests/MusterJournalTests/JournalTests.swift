import Foundation
import GRDB
import Testing

@testable import MusterJournal

@Suite struct JournalTests {
  @Test func `a new journal is empty and says that it was created`() throws {
    let folder = try TemporaryFolder()
    let journal = try Journal.plain(folder.journal)
    #expect(journal.opening.created)
    #expect(journal.lastSequence == 0)
    #expect(journal.chain == .genesis)
    #expect(try JournalReader(path: folder.journal).all() == [])
  }

  @Test func `what was appended is there after closing and opening`() throws {
    let folder = try TemporaryFolder()
    let first = try Journal.plain(folder.journal)
    try first.appendMarked(batches: 5)
    let (last, chain) = (first.lastSequence, first.chain)
    try first.close()
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.journal).sorted() == [
        "journal.end", "journal.sqlite", "lock",
      ])

    let second = try Journal.plain(folder.journal)
    #expect(!second.opening.created)
    #expect(second.lastSequence == last)
    #expect(second.chain == chain)
    try second.appendMarked(batches: 1)
    #expect(try second.verify() == JournalEnd(sequence: second.lastSequence, chain: second.chain))
  }

  @Test func `a commit is synced: SQLite reads synchronous FULL back`() throws {
    let folder = try TemporaryFolder()
    #expect(try Journal.plain(folder.journal).synchronousLevel() == 2)
  }

  @Test func `the chain is SHA-256 over the previous hash, the numbers and the facts`() throws {
    let chain = Chain.genesis.following(firstSequence: 1, count: 2, at: 3, facts: Array("facts".utf8))
    // printf 'muster journal 1' | sha256sum; then that in binary, 1, 2, 3 as 8 bytes each, and 'facts' | sha256sum
    #expect(Chain.genesis.description == "d68ba144d7058881867f11818b51b57e8aed3cae0121e2311d4e026e0b01357d")
    #expect(chain.description == "807170aa34a091481c8385c3e5caabc6a3f8925fe513a3129fa79efc28433196")
  }

  @Test(arguments: [(1, 1), (3, 1), (2, 0), (2, -1)])
  func `a batch that does not follow on is refused and changes nothing`(first: Int64, count: Int) throws {
    let folder = try TemporaryFolder()
    let journal = try Journal.plain(folder.journal)
    try journal.append(firstSequence: 1, count: 1, at: 0, facts: [1])
    #expect(throws: JournalError.outOfOrder(expected: 2, given: first, count: count)) {
      try journal.append(firstSequence: first, count: count, at: 0, facts: [1])
    }
    try journal.append(firstSequence: 2, count: 1, at: 0, facts: [2])
    #expect(try journal.verify().sequence == 2)
  }

  @Test func `a batch over the limit is refused and changes nothing`() throws {
    let folder = try TemporaryFolder()
    let journal = try Journal.plain(folder.journal)
    let bytes = Journal.batchByteLimit + 1
    #expect(throws: JournalError.batchTooLarge(bytes: bytes, limit: Journal.batchByteLimit)) {
      try journal.append(firstSequence: 1, count: 1, at: 0, facts: [UInt8](repeating: 0, count: bytes))
    }
    try journal.appendMarked(batches: 1)
  }

  @Test func `folder and files are for their owner only`() throws {
    let folder = try TemporaryFolder()
    let journal = try Journal.open(folder: folder.path + "/a/b")
    try journal.appendMarked(batches: 1)
    func mode(_ name: String) throws -> Int? {
      try FileManager.default.attributesOfItem(atPath: folder.path + name)[.posixPermissions] as? Int
    }
    #expect(try mode("/a") == 0o700)
    #expect(try mode("/a/b") == 0o700)
    for name in ["journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm", "lock", "reserve"] {
      #expect(try mode("/a/b/" + name) == 0o600, "\(name)")
    }
  }

  @Test func `no descriptor of the journal outlives exec`() throws {
    let folder = try TemporaryFolder()
    let journal = try Journal.plain(folder.journal)
    try journal.appendMarked(batches: 1)
    var seen: Set<String> = []
    for name in try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
      // The descriptor that lists the folder is gone by now; others may close meanwhile.
      guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/" + name),
        target.hasPrefix(folder.journal), let descriptor = Int32(name)
      else { continue }
      seen.insert(String(target.dropFirst(folder.journal.count + 1)))
      #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0, "\(target)")
    }
    #expect(seen.isSuperset(of: ["lock", "journal.sqlite", "journal.sqlite-wal"]))
    try journal.close()
  }

  @Test func `a commit that fails poisons the journal until it is reopened`() throws {
    let folder = try TemporaryFolder()
    let journal = try Journal.plain(folder.journal)
    try journal.appendMarked(batches: 2)
    let last = journal.lastSequence

    var configuration = Configuration()
    configuration.allowsUnsafeTransactions = true
    let other = try DatabaseQueue(path: folder.file, configuration: configuration)
    try other.inDatabase { try $0.execute(sql: "BEGIN IMMEDIATE") }
    let failure = #expect(throws: JournalError.self) { try journal.appendMarked(batches: 1) }
    #expect(failure?.code == "journalCommitFailed")
    try other.inDatabase { try $0.execute(sql: "ROLLBACK") }
    try other.close()

    let later = #expect(throws: JournalError.self) { try journal.appendMarked(batches: 1) }
    #expect(later?.code == "journalPoisoned")
    try journal.reopen()
    #expect(journal.lastSequence == last)
    try journal.appendMarked(batches: 1)
    #expect(try journal.verify().sequence == journal.lastSequence)
  }

  @Test func `a closed journal takes nothing and has given its folder back`() throws {
    let folder = try TemporaryFolder()
    let closed = try Journal.plain(folder.journal)
    try closed.close()
    let next = try Journal.plain(folder.journal)
    try next.appendMarked(batches: 1)
    let append = #expect(throws: JournalError.self) { try closed.appendMarked(batches: 1) }
    #expect(append?.code == "journalPoisoned")
    let reopen = #expect(throws: JournalError.self) { try closed.reopen() }
    #expect(reopen?.code == "journalPoisoned")
  }

  @Test func `bytesOnDisk grows with the facts`() throws {
    let folder = try TemporaryFolder()
    let journal = try Journal.plain(folder.journal)
    let before = journal.bytesOnDisk
    try journal.appendMarked(batches: 100, bytes: 10_000)
    #expect(journal.bytesOnDisk - before > 1_000_000)
  }
}
