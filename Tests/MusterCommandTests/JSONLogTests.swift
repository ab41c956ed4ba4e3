import Foundation
import Logging
import MusterCore
import MusterProtocol
import Synchronization
import Testing

@testable import muster

@Suite struct JSONLogTests {
  final class Lines: Sendable {
    let all = Mutex<[String]>([])
  }

  private static func logger(_ lines: Lines) -> Logger {
    let handler = JSONLogHandler(
      now: { Instant(nanoseconds: 1_764_460_800_250_000_000) },
      write: { line in lines.all.withLock { $0.append(line) } })
    return Logger(label: "muster") { _ in handler }
  }

  @Test("an event is one line: time, level, message, and metadata by name")
  func line() throws {
    let lines = Lines()
    var logger = Self.logger(lines)
    logger[metadataKey: "node"] = "n1"
    logger.warning("two\nlines \"quoted\"", metadata: ["b": ["x", "\(2)"], "a": ["k": "v"], "node": "n2"])
    #expect(
      lines.all.withLock { $0 } == [
        #"{"time":"2025-11-30T00:00:00.250Z","level":"warning","message":"two\nlines \"quoted\"","#
          + #""metadata":{"a":{"k":"v"},"b":["x","2"],"node":"n2"}}"# + "\n"
      ])
  }

  @Test("without metadata there is none; below the level there is no line")
  func bare() throws {
    let lines = Lines()
    let logger = Self.logger(lines)
    logger.debug("no")
    logger.info("yes")
    let written = lines.all.withLock { $0 }
    #expect(written.count == 1)
    let json = try JSON.parse(Array(written[0].utf8))
    #expect(json["metadata"] == nil && json["message"] == "yes" && json["level"] == "info")
  }
}
