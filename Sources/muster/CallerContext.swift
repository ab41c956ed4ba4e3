import Foundation
import MusterClient
import MusterCore
import MusterProtocol

/// Who calls, from where, with what environment.
enum CallerContext {
  static var environment: [String: String] { ProcessInfo.processInfo.environment }

  /// The name that the system has for the caller, else what `USER` says.
  static var user: String {
    if let entry = getpwuid(getuid()), let name = entry.pointee.pw_name { return String(cString: name) }
    return environment["USER"] ?? "uid\(getuid())"
  }

  static var workingDirectory: String { FileManager.default.currentDirectoryPath }

  /// - Parameter now: what `begin: now+2h` counts from.
  static func submission(
    exportsEnvironment: Bool, defaultName: String?, now: Instant = CallerContext.now
  ) -> SubmitContext {
    let exported = exportsEnvironment ? environment.map { EnvironmentVariable(name: $0.key, value: $0.value) } : []
    return SubmitContext(
      user: user, workingDirectory: workingDirectory, exportedEnvironment: exported.sorted { $0.name < $1.name },
      defaultName: defaultName, now: now)
  }

  /// `2026-12-01T08:00:00Z`, `now`, `now+2h`; nil for all else.
  /// - Parameter now: the caller's clock does to see whether it is a moment; what is asked of a controller counts by its own:
  ///   `ConnectionOptions.moment`.
  static func moment(_ text: String, now: Instant = CallerContext.now) -> Instant? {
    if text == "now" { return now }
    if text.hasPrefix("now+") { return JobFile.span(String(text.dropFirst(4))).map { now + $0 } }
    return Moment.parse(text)
  }

  /// A moment that lies behind: also `now-7d`, and a day by its date, from its first moment in UTC.
  static func pastMoment(_ text: String, now: Instant = CallerContext.now) -> Instant? {
    if text.hasPrefix("now-") {
      guard let span = JobFile.span(String(text.dropFirst(4))) else { return nil }
      return span.nanoseconds <= now.nanoseconds ? now - span : nil
    }
    return moment(text, now: now) ?? Moment.parse(text + "T00:00:00Z")
  }

  /// In whole milliseconds.
  static var now: Instant { Instant(nanoseconds: Int64(nowUnixSeconds * 1000) * 1_000_000) }

  static var nowUnixSeconds: Double { Date().timeIntervalSince1970 }
}
