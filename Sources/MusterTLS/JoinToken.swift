import Crypto

/// What lets a new machine in: `muster1.ID.SECRET.FINGERPRINT`. The controller keeps only the secret's hash; the
/// fingerprint pins the controller's authority, so that a joining machine cannot be taken in by another.
package struct JoinToken: Sendable, Hashable {
  package static let prefix = "muster1"
  package var id: Int64
  /// 128 bits in hexadecimal.
  package var secret: String
  package var fingerprint: String

  package init(id: Int64, secret: String, fingerprint: String) {
    self.id = id
    self.secret = secret
    self.fingerprint = fingerprint
  }

  package static func makeSecret() -> String {
    // The system's generator is the kernel's getrandom on Linux.
    (0..<16).map { _ in UInt8.random(in: .min ... .max) }.hexadecimal
  }

  package static func hash(secret: String) -> String { SHA256.hash(data: Array(secret.utf8)).hexadecimal }

  package var text: String { "\(Self.prefix).\(id).\(secret).\(fingerprint)" }

  package init(_ text: String) throws(TLSProblem) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4, parts[0] == Self.prefix, let id = Int64(parts[1]), parts[2].count == 32,
      parts[3].count == 64
    else { throw .notAToken }
    self.init(id: id, secret: String(parts[2]), fingerprint: String(parts[3]))
  }

  package static func looksLike(_ text: String) -> Bool { text.hasPrefix(prefix + ".") }
}
