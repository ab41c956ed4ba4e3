import Foundation
import MusterJournal
import Synchronization
import Testing

@Suite struct DiskGuardTests {
  private static let limits = DiskGuard.Limits(lowBytes: 100, fullBytes: 10, slackBytes: 20, reserveBytes: 50)

  /// Rows: free bytes, whether the reserve is held, the state that follows.
  @Test func `the guard refuses below the marks and relents only above them`() {
    var guardian = DiskGuard(limits: Self.limits)
    let story: [(free: Int64, held: Bool, state: SpaceState)] = [
      (1000, true, .normal(freeBytes: 1000)),
      (100, true, .normal(freeBytes: 100)),
      (99, true, .low(freeBytes: 99, neededBytes: 120)),
      (110, true, .low(freeBytes: 110, neededBytes: 120)),
      (120, true, .normal(freeBytes: 120)),
      (50, true, .low(freeBytes: 50, neededBytes: 120)),
      (9, true, .full(freeBytes: 9, neededBytes: 120)),
      // The reserve was given back: its 50 bytes show as free, and are owed.
      (59, false, .full(freeBytes: 59, neededBytes: 170)),
      (79, false, .full(freeBytes: 79, neededBytes: 170)),
      (80, false, .low(freeBytes: 80, neededBytes: 170)),
      // Taken again.
      (30, true, .low(freeBytes: 30, neededBytes: 120)),
      (169, false, .low(freeBytes: 169, neededBytes: 170)),
      (170, false, .normal(freeBytes: 170)),
      (0, true, .full(freeBytes: 0, neededBytes: 120)),
      (1000, true, .normal(freeBytes: 1000)),
    ]
    for row in story {
      let state = guardian.observe(freeBytes: row.free, reserveHeld: row.held)
      #expect(state == row.state)
    }
  }

  @Test func `a write that found no space counts more than what the disk says of itself`() {
    var guardian = DiskGuard(limits: Self.limits)
    guardian.writeFailed()
    let still = guardian.observe(freeBytes: 75, reserveHeld: false)
    #expect(still == .full(freeBytes: 75, neededBytes: 170))
  }
}

@Suite struct DiskFullTests {
  /// What a test says is free.
  private final class Disk: Sendable {
    let free: Mutex<Int64>
    init(_ bytes: Int64) { free = Mutex(bytes) }
    func set(_ bytes: Int64) { free.withLock { $0 = bytes } }
  }

  @Test func `the journal gives the reserve back when the disk is full and takes it again when there is room`() throws {
    let folder = try TemporaryFolder()
    let disk = Disk(1000 << 20)
    let limits = DiskGuard.Limits(
      lowBytes: 64 << 20, fullBytes: 4 << 20, slackBytes: 16 << 20, reserveBytes: 1 << 20)
    let journal = try Journal.open(
      folder: folder.journal,
      options: JournalOptions(disk: limits, freeBytes: { _ in disk.free.withLock { $0 } }))
    func reserveBytes() throws -> Int { try bytes(of: folder.journal + "/reserve").count }
    #expect(journal.reserveIsHeld)
    #expect(try reserveBytes() == 1 << 20)

    disk.set(30 << 20)
    #expect(try journal.space() == .low(freeBytes: 30 << 20, neededBytes: 80 << 20))
    #expect(journal.reserveIsHeld)
    disk.set(1 << 20)
    #expect(try journal.space() == .full(freeBytes: 1 << 20, neededBytes: 80 << 20))
    #expect(!journal.reserveIsHeld)
    #expect(try reserveBytes() == 0)
    try journal.appendMarked(batches: 1)
    disk.set(90 << 20)
    #expect(try journal.space() == .normal(freeBytes: 90 << 20))
    #expect(journal.reserveIsHeld)
    #expect(try reserveBytes() == 1 << 20)
  }

  @Test(.enabled(if: SmallDisk.isPossible, SmallDisk.needs))
  func `a full disk refuses a batch, keeps all before it, serves from the reserve and recovers`() throws {
    let disk = try SmallDisk(bytes: 12 << 20)
    let limits = DiskGuard.Limits(
      lowBytes: 2 << 20, fullBytes: 0, slackBytes: 1 << 20, reserveBytes: 2 << 20)
    let journal = try Journal.open(folder: disk.path + "/data", options: JournalOptions(disk: limits))
    try journal.appendMarked(batches: 20, bytes: 2000)
    #expect(journal.reserveIsHeld)
    let filler = try disk.fill()
    let before = JournalEnd(sequence: journal.lastSequence, chain: journal.chain)

    // The log has pages that it may use again; sooner or later it must grow.
    let error = #expect(throws: JournalError.self) { try journal.appendMarked(batches: 1, bytes: 300_000) }
    #expect(error?.code == "diskFull")
    #expect(!journal.reserveIsHeld)
    #expect(JournalEnd(sequence: journal.lastSequence, chain: journal.chain) == before)
    #expect(try journal.verify() == before)

    // What running jobs have to say goes where the reserve was. The refused batch itself may come again.
    try journal.appendMarked(batches: 1, bytes: 300_000)
    try journal.appendMarked(batches: 20, bytes: 2000)
    guard case .full = try journal.space() else {
      Issue.record("the reserve's bytes must not look like room")
      return
    }

    try FileManager.default.removeItem(atPath: filler)
    guard case .normal = try journal.space() else {
      Issue.record("there is room again")
      return
    }
    #expect(journal.reserveIsHeld)
    try journal.appendMarked(batches: 20, bytes: 2000)
    #expect(try journal.verify() == JournalEnd(sequence: journal.lastSequence, chain: journal.chain))
  }

  @Test(.enabled(if: SmallDisk.isPossible, SmallDisk.needs))
  func `a disk filled to the last byte loses nothing acknowledged, and the journal opens on it again`() throws {
    let disk = try SmallDisk(bytes: 8 << 20)
    let limits = DiskGuard.Limits(lowBytes: 0, fullBytes: 0, slackBytes: 0, reserveBytes: 1 << 20)
    let options = JournalOptions(disk: limits)
    let journal = try Journal.open(folder: disk.path + "/data", options: options)
    var failure: JournalError?
    for _ in 0..<10_000 where failure == nil {
      do {
        try journal.append(
          firstSequence: journal.lastSequence + 1, count: 1, at: 0, facts: [UInt8](repeating: 7, count: 20_000))
      } catch {
        failure = error
      }
    }
    #expect(failure?.code == "diskFull")
    _ = try disk.fill()
    let end = JournalEnd(sequence: journal.lastSequence, chain: journal.chain)
    #expect(end.sequence > 100)
    // Without a byte for SQLite it may be refused, but by name.
    do {
      try journal.reopen()
    } catch {
      #expect(error.code == "diskFull")
    }
    try FileManager.default.removeItem(atPath: disk.path + "/filler")
    try journal.reopen()
    #expect(JournalEnd(sequence: journal.lastSequence, chain: journal.chain) == end)
    try journal.verify()
  }
}
