import Crypto
import Foundation
import MusterProtocol
import Synchronization

/// Browsers that showed the people's token. A session's id is random (256 bits) and known to its browser alone: here, and
/// in the data folder's file that lets it outlive a restart, there is only its hash.
final class Sessions: Sendable {
  /// Seconds. Afterwards the token has to be shown again.
  static let lifetime: Int64 = 12 * 3600
  /// The oldest ends when there are more.
  static let limit = 1_000

  private let file: String
  /// Seconds since 1970, by the id's SHA-256 in hexadecimal.
  private let expiries: Mutex<[String: Int64]>

  /// - Parameters:
  ///   - file: where they are kept; what is in it and cannot be read is forgotten.
  ///   - now: seconds since 1970.
  init(file: String, now: Int64) {
    self.file = file
    var known: [String: Int64] = [:]
    // Without the file, or with one that is no JSON, people show their token again.
    let kept = FileManager.default.contents(atPath: file).flatMap { try? JSON.parse(Array($0)) }
    for member in kept?.objectValue ?? [] {
      if let expiry = member.value.intValue, now < expiry, expiry <= now + Self.lifetime { known[member.name] = expiry }
    }
    expiries = Mutex(known)
  }

  /// - Returns: the id of a new one.
  func begin(now: Int64) throws -> String {
    // The system's generator is the kernel's getrandom on Linux.
    let id = (0..<32).map { _ in String(format: "%02x", UInt8.random(in: .min ... .max)) }.joined()
    try change(now: now) { expiries in
      if expiries.count >= Self.limit, let oldest = expiries.min(by: { ($0.value, $0.key) < ($1.value, $1.key) }) {
        expiries[oldest.key] = nil
      }
      expiries[Self.hash(id)] = now + Self.lifetime
    }
    return id
  }

  func isOpen(_ id: some StringProtocol, now: Int64) -> Bool {
    expiries.withLock { $0[Self.hash(id)] }.map { now < $0 } ?? false
  }

  func end(_ id: some StringProtocol, now: Int64) throws {
    guard isOpen(id, now: now) else { return }
    try change(now: now) { $0[Self.hash(id)] = nil }
  }

  /// Kept before it is told: a session that was ended stays ended.
  private func change(now: Int64, _ body: (inout [String: Int64]) -> Void) throws {
    try expiries.withLock { expiries in
      var changed = expiries.filter { now < $0.value }
      body(&changed)
      let members = changed.keys.sorted().map { JSON.Member(name: $0, value: .int(changed[$0] ?? 0)) }
      try DataFolder.write(file, JSON.object(members).text + "\n", mode: 0o600)
      expiries = changed
    }
  }

  private static func hash(_ id: some StringProtocol) -> String {
    SHA256.hash(data: Array(id.utf8)).map { String(format: "%02x", $0) }.joined()
  }
}
