import Foundation
import Glibc
import Logging
import MusterCore
import MusterProtocol

/// How a controller's log is written.
enum LogFormat: String, CaseIterable, Sendable {
  /// For people: as swift-log writes it.
  case text
  /// For programs: one JSON object a line.
  case json
}

/// One JSON object a line: `time` (RFC 3339 in UTC), `level`, `message`, and `metadata` where there is some.
struct JSONLogHandler: LogHandler {
  var logLevel = Logger.Level.info
  var metadata = Logger.Metadata()
  var metadataProvider: Logger.MetadataProvider?
  private let now: @Sendable () -> Instant
  private let write: @Sendable (String) -> Void

  /// - Parameters:
  ///   - now: the time of day.
  ///   - write: takes a whole line, its end included.
  init(
    now: @escaping @Sendable () -> Instant = JSONLogHandler.wallClock,
    write: @escaping @Sendable (String) -> Void = JSONLogHandler.standardError
  ) {
    self.now = now
    self.write = write
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var all = metadata
    all.merge(metadataProvider?.get() ?? [:]) { $1 }
    all.merge(event.metadata ?? [:]) { $1 }
    if let error = event.error { all["error"] = "\(error)" }
    var line: [JSON.Member] = [
      .init(name: "time", value: .string(now().rfc3339)), .init(name: "level", value: .string(event.level.rawValue)),
      .init(name: "message", value: .string("\(event.message)")),
    ]
    if !all.isEmpty { line.append(.init(name: "metadata", value: Self.json(.dictionary(all)))) }
    write(JSON.object(line).text + "\n")
  }

  /// Sorted by key: the same event is always the same line.
  private static func json(_ value: Logger.Metadata.Value) -> JSON {
    switch value {
    case .string(let text): .string(text)
    case .stringConvertible(let value): .string("\(value)")
    case .array(let values): .array(values.map(json))
    case .dictionary(let members):
      .object(members.sorted { $0.key < $1.key }.map { .init(name: $0.key, value: json($0.value)) })
    }
  }

  private static let wallClock: @Sendable () -> Instant = {
    Instant(nanoseconds: Int64(Date.now.timeIntervalSince1970 * 1000) * 1_000_000)
  }

  /// One write a line, so that lines of several threads do not mix.
  private static let standardError: @Sendable (String) -> Void = { line in
    let bytes = Array(line.utf8)
    // A log that nobody can be told of any more is no reason to end.
    _ = Glibc.write(2, bytes, bytes.count)
  }
}
