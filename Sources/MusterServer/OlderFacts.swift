import Logging
import MusterJournal

/// Of a large journal only what follows the newest snapshot is checked before the start. The rest is checked here, beside
/// the service and slowly: damage there does not touch what the controller does now, but a backup is wanted while there
/// is one.
struct OlderFacts: Sendable {
  let folder: DataFolder
  let logger: Logger
  /// The last fact that was not checked; 0: all were.
  let until: Int64

  private static let piece: Int64 = 20_000
  private static let pause = Duration.milliseconds(50)
  private static let reminder = Duration.seconds(3600)

  /// Returns when the facts have been found whole; else says so every hour until the task is cancelled.
  func check() async throws {
    guard until > 0, let damage = try await damage() else { return }
    while true {
      logger.error(
        "journal: \(damage). It lies before the newest snapshot and touches nothing that runs. \(damage.remedy)")
      try await Task.sleep(for: Self.reminder)
    }
  }

  private func damage() async throws -> JournalError? {
    do {
      var batches = try JournalReader(path: folder.path).batches(after: 0)
      var next = Self.piece
      while batches.position.sequence < until, try batches.next() != nil {
        guard batches.position.sequence >= next else { continue }
        next = batches.position.sequence + Self.piece
        try await Task.sleep(for: Self.pause)
      }
      return nil
    } catch let error as JournalError {
      return JournalReader.located(error, in: folder.path)
    }
  }
}
