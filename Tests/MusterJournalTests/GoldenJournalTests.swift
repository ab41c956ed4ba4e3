import Foundation
import MusterJournal
import Testing

/// Every format that was ever released can be read for ever: `Tests/Journals/` keeps a journal of each.
@Suite struct GoldenJournalTests {
  static let journals = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Journals").path

  /// Writes the fixture as one file: the same batches in every run, so the same chain. With
  /// `MUSTER_WRITE_GOLDEN_JOURNALS=1` this is how the file in the repository came to be.
  static func writeFixture(to file: String) throws {
    let folder = try TemporaryFolder()
    let journal = try Journal.plain(folder.journal)
    try journal.appendMarked(batches: 6, bytes: 60)
    try journal.append(firstSequence: journal.lastSequence + 1, count: 1, at: .max, facts: [])
    try journal.close()
    try put(try bytes(of: folder.file), to: file)
  }

  @Test func `a journal of format 1 reads as it was written`() throws {
    let file = Self.journals + "/format-1.sqlite"
    if ProcessInfo.processInfo.environment["MUSTER_WRITE_GOLDEN_JOURNALS"] == "1" { try Self.writeFixture(to: file) }
    // On a copy: reading leaves SQLite's index file beside the journal.
    let folder = try TemporaryFolder()
    let copy = folder.path + "/format-1.sqlite"
    try put(try bytes(of: file), to: copy)
    let reader = try JournalReader(path: copy)
    let chain = try #require(Self.chain)
    #expect(try reader.verify() == JournalEnd(sequence: 10, chain: chain))
    let batches = try reader.all()
    #expect(batches.map(\.firstSequence) == [1, 3, 4, 6, 7, 9, 10])
    #expect(batches.map(\.at) == [10, 30, 40, 60, 70, 90, .max])
    #expect(batches.first.map { String(decoding: $0.facts, as: UTF8.self).hasPrefix("<fact 1>...") } == true)
  }

  @Test func `this version still writes that journal, to the last bit of its chain`() throws {
    let folder = try TemporaryFolder()
    let file = folder.path + "/fixture.sqlite"
    try Self.writeFixture(to: file)
    #expect(try JournalReader(path: file).verify().chain == Self.chain)
  }

  static let chain = Chain(hexadecimal: "15e3e229b8abe2440b61e1dfbeea7823b8d9927a13bcd76e1d2daceed44c7ed1")
}

extension Chain {
  /// From 64 hexadecimal digits, as `description` gives them.
  init?(hexadecimal text: String) {
    let digits = Array(text)
    let pairs = stride(from: 0, to: digits.count - 1, by: 2).compactMap {
      UInt8(String(digits[$0...$0 + 1]), radix: 16)
    }
    self.init(bytes: pairs)
  }
}
