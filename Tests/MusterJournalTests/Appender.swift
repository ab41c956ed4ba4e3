import Foundation
import MusterTestKit

/// The test program that appends until it is killed, as a child process.
final class Appender {
  private let process: ChildProcess
  private let output: FileHandle
  private var unread: [UInt8] = []
  let run: String

  init(folder: String, run: String, fileLimit: Int? = nil) throws {
    self.run = run
    let here = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    let pipe = Pipe()
    output = pipe.fileHandleForReading
    process = try ChildProcess(
      here.appendingPathComponent("MusterJournalAppender").path, [folder, run] + (fileLimit.map { ["\($0)"] } ?? []),
      output: pipe.fileHandleForWriting.fileDescriptor)
    try pipe.fileHandleForWriting.close()
  }

  var pid: Int32 { process.pid }

  /// The next line that it says; waits for it. Nil when it has ended.
  func line() -> String? {
    while true {
      if let end = unread.firstIndex(of: UInt8(ascii: "\n")) {
        defer { unread.removeFirst(end + 1) }
        return String(decoding: unread[..<end], as: UTF8.self)
      }
      let more = output.availableData
      if more.isEmpty { return nil }
      unread += more
    }
  }

  func kill() { process.end() }
}

/// A commit that the appender was told of.
struct Acknowledged {
  var first: Int64
  var count: Int
  var run: String

  /// From its line `FIRST COUNT`.
  init?(line: String, run: String) {
    let parts = line.split(separator: " ")
    guard parts.count == 2, let first = Int64(parts[0]), let count = Int(parts[1]) else { return nil }
    self.first = first
    self.count = count
    self.run = run
  }
}
