/// What somebody shows against what it should be.
package enum Secret {
  /// Takes the same time wherever two texts differ, so that a token cannot be guessed byte by byte. Nothing matches an
  /// empty one.
  package static func matches(_ shown: [UInt8], _ known: [UInt8]) -> Bool {
    guard shown.count == known.count, !known.isEmpty else { return false }
    return zip(shown, known).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
  }
}
