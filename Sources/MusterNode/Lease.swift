/// The right to run ranks, renewed by acknowledged beats. It counts on the boot-time clock from when the last
/// acknowledged beat was sent, so that a slow answer never prolongs it. Times in milliseconds.
package struct Lease: Hashable, Sendable {
  package private(set) var length: Int64
  package private(set) var renewedAt: Int64
  private var sent: [Sent] = []
  package static let remembered = 256

  private struct Sent: Hashable, Sendable {
    var beat: Int64
    var at: Int64
  }

  package init(length: Int64, now: Int64) {
    self.length = length
    renewedAt = now
  }

  package mutating func beatSent(_ beat: Int64, at now: Int64) {
    sent.append(Sent(beat: beat, at: now))
    if sent.count > Lease.remembered { sent.removeFirst() }
  }

  package mutating func acknowledged(_ beat: Int64, length: Int64) {
    self.length = length
    guard let found = sent.first(where: { $0.beat == beat }) else { return }
    renewedAt = max(renewedAt, found.at)
    sent.removeAll { $0.beat <= beat }
  }

  package var endsAt: Int64 { renewedAt + length }
  package func hasEnded(at now: Int64) -> Bool { now >= endsAt }
}
