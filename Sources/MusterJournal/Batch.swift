import Crypto

/// What one commit holds: facts with consecutive sequence numbers, as bytes that the journal does not look into.
public struct Batch: Hashable, Sendable {
  /// The first fact's sequence number, from 1.
  public var firstSequence: Int64
  /// How many facts `facts` holds, at least 1.
  public var count: Int
  /// When the batch was decided: nanoseconds since 1970-01-01T00:00:00Z.
  public var at: Int64
  /// The facts, encoded by the caller.
  public var facts: [UInt8]
  /// The journal's hash up to and with this batch.
  public var chain: Chain

  public init(firstSequence: Int64, count: Int, at: Int64, facts: [UInt8], chain: Chain) {
    self.firstSequence = firstSequence
    self.count = count
    self.at = at
    self.facts = facts
    self.chain = chain
  }

  /// The last fact's sequence number.
  public var lastSequence: Int64 { firstSequence + Int64(count) - 1 }

  /// No sequence number reaches this: sums of a number and a count cannot overflow, whatever a damaged file says.
  static let sequenceLimit: Int64 = 1 << 62
  /// The most facts in one batch, for the same reason.
  static let countLimit = 1 << 31
}

/// The hash that ties every batch to all before it: SHA-256 of the previous hash, the first sequence number, the count
/// and the time (8 bytes each, big-endian), and the facts. An altered, removed or inserted batch breaks it from there on.
public struct Chain: Hashable, Sendable, CustomStringConvertible {
  /// SHA-256's length.
  public static let byteCount = 32
  /// What an empty journal has. Text rather than zeros, so that another format never chains on to this one.
  public static let genesis = Chain(SHA256.hash(data: Array("muster journal 1".utf8)))

  public let bytes: [UInt8]

  /// Nil unless there are exactly 32 bytes.
  public init?(bytes: [UInt8]) {
    guard bytes.count == Chain.byteCount else { return nil }
    self.bytes = bytes
  }

  private init(_ digest: SHA256.Digest) { bytes = Array(digest) }

  /// The hash after one more batch.
  public func following(firstSequence: Int64, count: Int, at: Int64, facts: [UInt8]) -> Chain {
    var hash = SHA256()
    bytes.withUnsafeBytes { hash.update(bufferPointer: $0) }
    for number in [firstSequence, Int64(count), at] {
      withUnsafeBytes(of: number.bigEndian) { hash.update(bufferPointer: $0) }
    }
    facts.withUnsafeBytes { hash.update(bufferPointer: $0) }
    return Chain(hash.finalize())
  }

  /// 64 hexadecimal digits.
  public var description: String {
    let digits = Array("0123456789abcdef")
    return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
  }
}
