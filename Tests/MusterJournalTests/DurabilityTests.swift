import Foundation
import MusterJournal
import Testing

/// The contract: what was acknowledged is there, whatever happens to the process, and no number is used twice.
@Suite(.timeLimit(.minutes(2))) struct DurabilityTests {
  @Test(arguments: [UInt64(1)])
  func `20 times SIGKILL at random points lose nothing acknowledged and reuse no sequence number`(
    seed: UInt64
  ) throws {
    let folder = try TemporaryFolder()
    var random = SeededNumbers(seed: seed)
    var acknowledged: [Acknowledged] = []
    for run in 1...20 {
      let appender = try Appender(folder: folder.journal, run: "\(run)")
      if run == 10 {
        // One is killed while it opens, wherever it is then.
        appender.kill()
      } else {
        let opened = try #require(appender.line())
        let last = acknowledged.last.map { $0.first + Int64($0.count) - 1 } ?? 0
        let found = try #require(Int64(opened.dropFirst("open ".count)), "\(opened)")
        #expect(found >= last, "run \(run) opened at \(found), \(last) was acknowledged")
        for _ in 0..<Int.random(in: 0...60, using: &random) {
          let line = try #require(appender.line())
          acknowledged.append(try #require(Acknowledged(line: line, run: "\(run)")))
        }
        appender.kill()
      }
      // What it had said before it died counts too.
      while let line = appender.line() {
        if let more = Acknowledged(line: line, run: "\(run)") { acknowledged.append(more) }
      }
    }
    try expectAll(acknowledged, in: folder)
  }

  /// Every acknowledged batch is in the journal with the facts of the run that was told so, and the numbers go up.
  private func expectAll(_ acknowledged: [Acknowledged], in folder: TemporaryFolder) throws {
    #expect(acknowledged.count > 100)
    let journal = try Journal.plain(folder.journal)
    #expect(try journal.verify().sequence == journal.lastSequence)
    var batches: [Int64: Batch] = [:]
    for batch in try JournalReader(path: folder.journal).all() { batches[batch.firstSequence] = batch }
    var last: Int64 = 0
    for one in acknowledged {
      #expect(one.first > last, "\(one.first) was given twice")
      last = one.first + Int64(one.count) - 1
      let batch = try #require(batches[one.first], "acknowledged and gone: \(one.first)")
      #expect(batch.count == one.count)
      #expect(String(decoding: batch.facts, as: UTF8.self).hasPrefix("run \(one.run) fact \(one.first) "))
    }
    #expect(last <= journal.lastSequence)
  }

  @Test func `a write that fails with an I/O error poisons the journal, and reopening finds all that was acknowledged`()
    throws
  {
    let folder = try TemporaryFolder()
    let appender = try Appender(folder: folder.journal, run: "1", fileLimit: 200_000)
    var lines: [String] = []
    while let line = appender.line() { lines.append(line) }
    let acknowledged = lines.compactMap { Acknowledged(line: $0, run: "1") }
    let last = try #require(acknowledged.last)
    #expect(lines.suffix(3).first == "failed journalCommitFailed")
    #expect(lines.suffix(2).first == "again journalPoisoned")
    #expect(lines.last == "open \(last.first + Int64(last.count) - 1)")
  }

  @Test func `a second server is refused with the first one's pid, and served once that is killed`() throws {
    let folder = try TemporaryFolder()
    let appender = try Appender(folder: folder.journal, run: "1")
    #expect(appender.line() == "open 0")
    #expect(throws: JournalError.locked(folder: folder.journal, pid: appender.pid)) {
      try Journal.plain(folder.journal)
    }
    appender.kill()
    try Journal.plain(folder.journal).appendMarked(batches: 1)
  }

  @Test func `a second journal in the same process is refused too`() throws {
    let folder = try TemporaryFolder()
    let journal = try Journal.plain(folder.journal)
    #expect(throws: JournalError.locked(folder: folder.journal, pid: getpid())) { try Journal.plain(folder.journal) }
    try journal.appendMarked(batches: 1)
  }

  @Test func `a reader follows a server in another process, batch by batch`() throws {
    let folder = try TemporaryFolder()
    let appender = try Appender(folder: folder.journal, run: "1")
    #expect(appender.line() == "open 0")
    let reader = try JournalReader(path: folder.journal)
    var cursor = try reader.batches(after: 0)
    for _ in 0..<200 {
      let line = try #require(appender.line())
      let told = try #require(Acknowledged(line: line, run: "1"))
      // It may be further by now, but never behind what it has said.
      let batch = try #require(try cursor.next())
      #expect(batch.firstSequence == told.first)
    }
    appender.kill()
    while try cursor.next() != nil {}
    #expect(try reader.verify() == cursor.position)
  }
}
