import Foundation
import MusterCore
import MusterJournal
import MusterProtocol
import MusterSim
import Testing

@testable import MusterServer

/// A journal of each release stays here for ever, with the hash of the state that it folds to: a newer version reads an
/// older journal without deciding anything again.
@Suite struct GoldenStateTests {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Journals")

  struct Golden: Sendable {
    var file: String
    var sequence: Int64
    var stateHash: String
  }
  static let journals = [
    Golden(
      file: "facts-0.1.0.sqlite", sequence: 227,
      stateHash: "ea44603b0411d9e3ef6e020f8c7029a2bdbfef5fb60ceaa4c0a915dcffefe144")
  ]

  /// How the newest file came to be: `MUSTER_WRITE_GOLDEN_JOURNALS=1 swift test --filter GoldenStateTests`.
  static func write() throws {
    var options = StormOptions()
    options.seconds = 10
    options.leastFacts = 220
    var world = World(seed: 20, options: options)
    world.run()
    let folder = NSTemporaryDirectory() + "muster-golden-\(UUID().uuidString)"
    let journal = try Journal.open(folder: folder)
    var writer = ByteWriter()
    for fact in world.facts { writer.put(fact) }
    try journal.append(firstSequence: 1, count: world.facts.count, at: 1, facts: writer.bytes)
    try journal.close()
    let target = Self.folder.appending(path: "facts-0.1.0.sqlite")
    if FileManager.default.fileExists(atPath: target.path) { try FileManager.default.removeItem(at: target) }
    try FileManager.default.moveItem(atPath: folder + "/journal.sqlite", toPath: target.path)
    try FileManager.default.removeItem(atPath: folder)
  }

  @Test("a journal of an earlier release folds to the state that it had then", arguments: journals)
  func folds(golden: Golden) throws {
    if ProcessInfo.processInfo.environment["MUSTER_WRITE_GOLDEN_JOURNALS"] == "1" { try Self.write() }
    // On a copy: reading leaves SQLite's index file beside the journal.
    let copy = NSTemporaryDirectory() + "muster-golden-\(UUID().uuidString).sqlite"
    try FileManager.default.copyItem(atPath: Self.folder.appending(path: golden.file).path, toPath: copy)
    defer {
      for end in ["", "-wal", "-shm"] where FileManager.default.fileExists(atPath: copy + end) { unlink(copy + end) }
    }
    let replay = try Replay(path: copy, until: nil)
    #expect(replay.json["sequence"]?.intValue == golden.sequence)
    #expect(replay.json["stateHash"]?.stringValue == golden.stateHash)
  }

  @Test("a journal folded half way is another state")
  func halfWay() throws {
    let copy = NSTemporaryDirectory() + "muster-golden-\(UUID().uuidString).sqlite"
    let golden = try #require(Self.journals.last)
    try FileManager.default.copyItem(atPath: Self.folder.appending(path: golden.file).path, toPath: copy)
    defer {
      for end in ["", "-wal", "-shm"] where FileManager.default.fileExists(atPath: copy + end) { unlink(copy + end) }
    }
    let half = try Replay(path: copy, until: golden.sequence / 2)
    #expect(half.json["sequence"]?.intValue == golden.sequence / 2)
    #expect(half.json["stateHash"]?.stringValue != golden.stateHash)
    let beyond = JournalError.beyondEnd(asked: 999_999, last: golden.sequence)
    #expect(throws: beyond) { try Replay(path: copy, until: 999_999) }
  }

  @Test("a snapshot of another format is left aside and said; all that it holds is in the facts")
  func foreignSnapshot() throws {
    let folder = NSTemporaryDirectory() + "muster-snapshot-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }  // a temporary folder left behind is no failure
    let journal = try Journal.open(folder: folder)
    var writer = ByteWriter()
    writer.put(Fact(at: Instant(nanoseconds: 1), .controllerStarted(epoch: 1)))
    try journal.append(firstSequence: 1, count: 1, at: 1, facts: writer.bytes)
    try SnapshotFolder(journalFolder: folder).write(
      Snapshot(sequence: 1, chain: journal.chain, payload: [255, 255, 1]))
    var said: [String] = []
    let cluster = try Recovery.cluster(
      from: JournalReader(path: folder), until: 1, useSnapshot: true
    ) { said.append($0) }
    #expect(cluster.sequence == 1 && cluster.epoch == 1)
    #expect(said.count == 1 && said.first?.contains("snapshot 1 was left aside") == true)
    try journal.close()
  }
}
