import Foundation
import MusterJournal
import Testing

@Suite struct SnapshotTests {
  /// A journal with snapshots after the batches that end at 2, 3 and 5, each with a payload of its own.
  private func written() throws -> (TemporaryFolder, Journal, SnapshotFolder) {
    let folder = try TemporaryFolder()
    let journal = try Journal.plain(folder.journal)
    let snapshots = SnapshotFolder(journalFolder: folder.journal)
    for _ in 0..<3 {
      try journal.appendMarked(batches: 1)
      try snapshots.write(snapshot(of: journal))
    }
    return (folder, journal, snapshots)
  }

  private func snapshot(of journal: Journal) -> Snapshot {
    let payload = [UInt8](repeating: UInt8(journal.lastSequence), count: 10_000)
    return Snapshot(sequence: journal.lastSequence, chain: journal.chain, payload: payload)
  }

  @Test func `the newest two are kept, and the newest is found`() throws {
    let (folder, journal, snapshots) = try written()
    #expect(try snapshots.sequences() == [5, 3])
    let names = try FileManager.default.contentsOfDirectory(atPath: snapshots.path).sorted()
    #expect(names == ["3.snap", "5.snap"])
    let found = SnapshotSearch(snapshot: snapshot(of: journal), skipped: [])
    #expect(try journal.latestSnapshot() == found)
    #expect(try JournalReader(path: folder.journal).latestSnapshot() == found)
  }

  @Test func `without snapshots there is none, which is no fault`() throws {
    let folder = try TemporaryFolder()
    let journal = try Journal.plain(folder.journal)
    #expect(try journal.latestSnapshot() == SnapshotSearch(snapshot: nil, skipped: []))
  }

  @Test func `a snapshot cut at any byte, or with any byte flipped, is passed over, told, and the older one is used`()
    throws
  {
    let (folder, _, snapshots) = try written()
    let file = snapshots.file(5)
    let intact = try bytes(of: file)
    let reader = try JournalReader(path: folder.journal)
    let older = try snapshots.read(3)
    var random = SeededNumbers(seed: 5)
    // All of the header, where each field has its own check, and places of the payload.
    let places = Array(0..<100) + (0..<40).map { _ in Int.random(in: 100..<intact.count, using: &random) }
    for place in places {
      var damaged = intact
      damaged[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      for content in [damaged, Array(intact[..<place])] {
        try put(content, to: file)
        let search = try reader.latestSnapshot()
        #expect(search.snapshot == older, "byte \(place)")
        #expect(search.skipped.map(\.sequence) == [5], "byte \(place)")
      }
    }
  }

  @Test func `each kind of damage has its name`() throws {
    let (folder, journal, snapshots) = try written()
    let file = snapshots.file(5)
    let intact = try bytes(of: file)
    func fault(_ change: (inout [UInt8]) -> Void) throws -> SnapshotFault? {
      var content = intact
      change(&content)
      try put(content, to: file)
      return try journal.latestSnapshot().skipped.first?.fault
    }
    #expect(try fault { $0.removeLast() } == .torn(bytes: intact.count - 1, expected: intact.count))
    #expect(try fault { $0.removeAll() } == .torn(bytes: 0, expected: 92))
    #expect(try fault { $0[0] = 0 } == .notASnapshot)
    #expect(try fault { $0[11] = 2 } == .newerFormat(found: 2, known: 1))
    #expect(try fault { $0[19] = 9 } == .otherSequence(found: 9))
    #expect(try fault { $0[20] ^= 1 } == .otherJournal)
    #expect(try fault { $0[$0.count - 1] ^= 1 } == .payloadAltered)
    #expect(try fault { _ in } == nil)
    _ = folder
  }

  @Test func `damage before the newest snapshot is refused, unless the snapshot is to be trusted`() throws {
    let (folder, journal, _) = try written()
    try journal.appendMarked(batches: 4)
    let last = journal.lastSequence
    try journal.close()
    var file = try bytes(of: folder.file)
    file[try #require(file.firstIndex(of: "<fact 3>")) + 30] ^= 1
    try put(file, to: folder.file)
    let error = #expect(throws: JournalError.altered(sequence: 3, what: .contents)) {
      try Journal.plain(folder.journal)
    }
    #expect(error?.remedy.contains("--trust-snapshot") == true)
    var trusting = JournalOptions.plain
    trusting.trustsSnapshot = true
    let opened = try Journal.open(folder: folder.journal, options: trusting)
    #expect(opened.lastSequence == last && opened.opening.verifiedAfter == 5)
  }

  @Test func `of a large journal opening reads only what follows on the snapshot, and tells which it could not use`()
    throws
  {
    let (folder, journal, snapshots) = try written()
    try journal.appendMarked(batches: 4)
    try journal.close()
    var large = JournalOptions.plain
    large.wholeCheckBytes = 0
    let second = try Journal.open(folder: folder.journal, options: large)
    #expect(second.opening.verifiedAfter == 5)
    try second.close()

    try put([], to: snapshots.file(5))
    let third = try Journal.open(folder: folder.journal, options: large)
    #expect(third.opening.verifiedAfter == 3)
    #expect(third.opening.skipped.map(\.fault) == [.torn(bytes: 0, expected: 92)])
  }

  @Test func `a snapshot of another journal is passed over`() throws {
    let (folder, journal, snapshots) = try written()
    let other = try TemporaryFolder()
    let otherJournal = try Journal.plain(other.journal)
    for _ in 0..<5 { try otherJournal.append(firstSequence: otherJournal.lastSequence + 1, count: 1, at: 1, facts: []) }
    try snapshots.write(snapshot(of: otherJournal))
    #expect(try journal.latestSnapshot().skipped.map(\.fault) == [.otherJournal])
    #expect(try JournalReader(path: folder.journal).latestSnapshot().snapshot?.sequence == 3)
  }

  @Test func `what a crash left of an unfinished snapshot is removed at the next opening`() throws {
    let (folder, journal, snapshots) = try written()
    try put([1, 2, 3], to: snapshots.file(99) + ".tmp")
    #expect(try journal.latestSnapshot().snapshot?.sequence == 5)
    try journal.close()
    _ = try Journal.plain(folder.journal)
    #expect(!FileManager.default.fileExists(atPath: snapshots.file(99) + ".tmp"))
  }

  @Test(.enabled(if: SmallDisk.isPossible, SmallDisk.needs))
  func `a snapshot that does not fit leaves the ones that are there`() throws {
    let disk = try SmallDisk(bytes: 2 << 20)
    let journal = try Journal.plain(disk.path + "/data")
    let snapshots = SnapshotFolder(journalFolder: disk.path + "/data")
    try journal.appendMarked(batches: 1)
    try snapshots.write(snapshot(of: journal))
    try journal.appendMarked(batches: 1)
    let large = Snapshot(
      sequence: journal.lastSequence, chain: journal.chain, payload: [UInt8](repeating: 1, count: 3 << 20))
    let error = #expect(throws: JournalError.self) { try snapshots.write(large) }
    #expect(error?.code == "diskFull")
    #expect(try FileManager.default.contentsOfDirectory(atPath: snapshots.path) == ["2.snap"])
    #expect(try journal.latestSnapshot().snapshot?.sequence == 2)
  }
}
