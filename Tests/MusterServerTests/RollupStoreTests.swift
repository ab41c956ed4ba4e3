import Foundation
import Logging
import MusterDevices
import Testing

@testable import MusterServer

@Suite struct RollupStoreTests {
  private static func inFolder(_ body: (String) throws -> Void) throws {
    let folder = NSTemporaryDirectory() + "muster-rollups-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }  // a temporary folder left behind is no failure
    try body(folder)
  }

  private static func row(_ key: Int64, _ at: Int64, _ text: String = "") -> RollupRow {
    RollupRow(key: key, at: at, bytes: Array("\(key)@\(at)\(text)".utf8))
  }

  private static func texts(_ file: BlockFile, _ key: Int64, _ range: Range<Int64>) -> [String] {
    file.rows(of: key, in: range).map { String(decoding: $0, as: UTF8.self) }
  }

  @Test("rows are found by key and time, after the file was opened anew too")
  func blocks() throws {
    try Self.inFolder { folder in
      let path = folder + "/file"
      let file = try BlockFile(path: path, writes: true)
      try file.append([])
      try file.append([7, 2, 9].map { Self.row($0, 100) } + [Self.row(2, 110)])
      try file.append((0..<50).map { Self.row($0, 200) })
      try file.append([Self.row(-3, 300), Self.row(2, 310)])
      for file in [file, try BlockFile(path: path, writes: false)] {
        #expect(Self.texts(file, 2, 0..<400) == ["2@100", "2@110", "2@200", "2@310"])
        #expect(Self.texts(file, 2, 150..<250) == ["2@200"])
        #expect(Self.texts(file, 49, 0..<400) == ["49@200"] && Self.texts(file, -3, 0..<400) == ["-3@300"])
        #expect(Self.texts(file, 8, 0..<150).isEmpty && Self.texts(file, 50, 0..<400).isEmpty)
      }
    }
  }

  @Test("a block that a power cut tore is cut off wherever it was torn, and what was before it stays")
  func torn() throws {
    try Self.inFolder { folder in
      let path = folder + "/file"
      try BlockFile(path: path, writes: true).append([Self.row(1, 100)])
      let whole = try Data(contentsOf: URL(fileURLWithPath: path))
      try BlockFile(path: path, writes: true).append([Self.row(1, 200), Self.row(5, 200)])
      let both = try Data(contentsOf: URL(fileURLWithPath: path))
      #expect(both.count > whole.count)
      for end in whole.count..<both.count {
        try both.prefix(end).write(to: URL(fileURLWithPath: path))
        let file = try BlockFile(path: path, writes: true)
        #expect(Self.texts(file, 1, 0..<400) == ["1@100"])
        try file.append([Self.row(1, 300)])
        #expect(Self.texts(try BlockFile(path: path, writes: false), 1, 0..<400) == ["1@100", "1@300"])
      }
    }
  }

  @Test("whatever a damaged file holds, it is read without harm")
  func damaged() throws {
    try Self.inFolder { folder in
      let path = folder + "/file"
      let file = try BlockFile(path: path, writes: true)
      for at in 1...3 { try file.append((0..<20).map { Self.row($0, Int64(at) * 100) }) }
      let whole = try Data(contentsOf: URL(fileURLWithPath: path))
      for i in stride(from: 0, to: whole.count, by: 3) {
        var spoilt = whole
        spoilt[i] ^= 0xFF
        try spoilt.write(to: URL(fileURLWithPath: path))
        let read = try BlockFile(path: path, writes: false)
        #expect((0..<20).reduce(0) { $0 + read.rows(of: $1, in: 0..<1_000).count } <= 60)
      }
    }
  }

  @Test("a stretch has a file, and what is too old goes with it")
  func expiry() throws {
    try Self.inFolder { folder in
      let day: Int64 = 86_400_000
      let rollups = RollupFolder(path: folder + "/rollups", kept: RollupsKept())
      try rollups.append(.minute, (0..<10).map { Self.row(4, $0 * day + 5) })
      try rollups.append(.sent, [Self.row(4, 9 * day)])
      func found(_ level: RollupLevel) -> Int {
        rollups.rows(level, of: 4, in: 0..<100 * day) { Issue.record("\($0)") }.count
      }
      #expect(found(.minute) == 10 && found(.sent) == 1 && rollups.bytes > 0)
      rollups.dropOld(now: 9 * day + 7 * 3_600_000)
      #expect(found(.sent) == 1)
      rollups.dropOld(now: 10 * day)
      // Kept for seven days is what ended after the third.
      #expect(found(.sent) == 0 && found(.minute) == 8)
      try rollups.append(.minute, [Self.row(4, 10 * day)])
      #expect(found(.minute) == 9)
    }
  }

  @Test("what a job's devices did is read back: of one that runs, and the newest word of one that does not")
  func jobs() throws {
    try Self.inFolder { folder in
      let archive = JobArchive(path: folder + "/rollups")
      func devices(_ count: Int) -> JobDevices {
        var job = JobDevices(deviceType: "x")
        job.add(
          [JobDevices.Part(node: 1, devices: 255, rollup: Told.rollup(Told.begin, devices: count))], attempt: 1)
        return job
      }
      #expect(archive.readRunning().isEmpty && archive.read(3) == nil)
      try archive.write(running: [(3, devices(1)), (1_000_003, devices(2))], now: Told.begin)
      try archive.write(running: [(3, devices(4)), (9, devices(5))], now: Told.begin)
      #expect(archive.readRunning().mapValues(\.devices.count) == [3: 4, 9: 5])
      try archive.append(3, devices(6), now: Told.begin)
      try archive.append(4, devices(7), now: Told.begin)
      try archive.append(2_004, devices(3), now: Told.begin)
      #expect(archive.read([3, 4, 8, 2_004]).mapValues(\.devices.count) == [3: 6, 4: 7, 2_004: 3])
      try archive.append(3, devices(8), now: Told.begin)
      #expect(archive.read(3)?.devices.count == 8 && archive.read(4)?.devices.count == 7 && archive.read(5) == nil)
      archive.drop(before: Told.begin / 1000)
      #expect(archive.read(3) != nil)
      archive.drop(before: Told.begin / 1000 + 1)
      #expect(archive.read(3) == nil && archive.readRunning().count == 2)
      try archive.write(running: [], now: Told.begin)
      #expect(archive.readRunning().isEmpty)
    }
  }

  @Test("a folder that cannot be written costs history and nothing else")
  func unwritable() async throws {
    let folder = NSTemporaryDirectory() + "muster-rollups-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }  // a temporary folder left behind is no failure
    // A file stands where the folder should be: that stops root, too.
    try Data("x".utf8).write(to: URL(fileURLWithPath: folder + "/rollups"))
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let store = RollupStore(dataFolder: folder, kept: RollupsKept(), logger: logger)
    await store.write(.minute, [Self.row(1, Told.begin)], now: Told.begin)
    await store.write(running: [(1, JobDevices(deviceType: ""))], now: Told.begin)
    await store.archive([1: JobDevices(deviceType: "")], now: Told.begin)
    #expect(await store.rows(.minute, of: 1, in: 0..<Int64.max).isEmpty)
    #expect(await store.devices(of: 1) == nil)
    try FileManager.default.removeItem(atPath: folder + "/rollups")
    let rollup = Told.rollup(Told.begin)
    await store.write(
      .minute, [RollupRow(key: 1, at: rollup.start, bytes: rollup.packed())], now: Told.begin)
    #expect(await store.rows(.minute, of: 1, in: 0..<Int64.max) == [try NodeRollup(packed: rollup.packed())])
  }
}
