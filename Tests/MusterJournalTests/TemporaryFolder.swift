import Foundation
import MusterJournal
import Testing

/// A folder of its own for one test, removed with this value.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("muster-journal-\(UUID())").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  // A test's rest in the temporary folder harms nothing.
  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Where a test keeps its journal.
  var journal: String { path + "/data" }
  var file: String { journal + "/journal.sqlite" }

  /// Copies the journal as a crash would leave it: the file and its log, at this moment, without what is in memory.
  func crashImage(_ name: String = "image") throws -> String {
    let copy = path + "/" + name
    try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: true)
    for file in ["/journal.sqlite", "/journal.sqlite-wal"] {
      try? FileManager.default.removeItem(atPath: copy + file)  // not there at the first copy
      try FileManager.default.copyItem(atPath: journal + file, toPath: copy + file)
    }
    return copy
  }
}

extension JournalOptions {
  /// No reserve and no marks: for tests that are not about space.
  static let plain = JournalOptions(
    disk: DiskGuard.Limits(lowBytes: 0, fullBytes: 0, slackBytes: 0, reserveBytes: 0), busySeconds: 0.05)
}

extension Journal {
  static func plain(_ folder: String) throws -> Journal { try open(folder: folder, options: .plain) }

  /// Appends batches of 2, 1, 2, 1, 2... facts (from 1, 3, 4, 6, 7, 9, ...), marked by their first sequence number.
  func appendMarked(batches: Int, bytes: Int = 200) throws {
    for _ in 0..<batches {
      let first = lastSequence + 1
      let text = "<fact \(first)>"
      let pad = [UInt8](repeating: UInt8(ascii: "."), count: max(0, bytes - text.utf8.count))
      try append(firstSequence: first, count: 1 + Int(first % 3), at: first * 10, facts: Array(text.utf8) + pad)
    }
  }
}

extension JournalReader {
  func all(after sequence: Int64 = 0) throws -> [Batch] {
    var cursor = try batches(after: sequence)
    var all: [Batch] = []
    while let batch = try cursor.next() { all.append(batch) }
    return all
  }
}

/// The bytes of a file, to be damaged and put back.
func bytes(of path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }
func put(_ bytes: some Collection<UInt8>, to path: String) throws {
  try Data(bytes).write(to: URL(fileURLWithPath: path))
}

extension [UInt8] {
  /// Where a text first stands.
  func firstIndex(of text: String) -> Int? {
    let wanted = Array(text.utf8)
    return indices.dropLast(wanted.count - 1).first { self[$0..<($0 + wanted.count)].elementsEqual(wanted) }
  }
}

/// Numbers from a seed (splitmix64): a failing test can be run again.
struct SeededNumbers: RandomNumberGenerator {
  var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
