import Crypto

/// A state folded from the journal up to a batch's end, as bytes that the journal does not look into.
public struct Snapshot: Hashable, Sendable {
  /// The last fact in it.
  public var sequence: Int64
  /// The journal's hash there: what ties the snapshot to this journal.
  public var chain: Chain
  /// The state, encoded by the caller.
  public var payload: [UInt8]

  public init(sequence: Int64, chain: Chain, payload: [UInt8]) {
    self.sequence = sequence
    self.chain = chain
    self.payload = payload
  }
}

/// Why a snapshot's file is not used.
public enum SnapshotFault: Error, Hashable, Sendable {
  /// Another length than its header says, or shorter than a header: a torn write or copy.
  case torn(bytes: Int, expected: Int)
  /// It does not begin as a snapshot does.
  case notASnapshot
  /// A newer Muster wrote it.
  case newerFormat(found: Int, known: Int)
  /// The payload does not give the hash in the header.
  case payloadAltered
  /// The header's sequence number is not the file name's.
  case otherSequence(found: Int64)
  /// The journal's hash at that sequence number is another, or no batch ends there: it is not of this journal.
  case otherJournal
  /// The journal ends before it.
  case beyondJournal(last: Int64)
  /// The system did not let it be read.
  case unreadable(String)
}

/// A snapshot's file that was passed over, and why.
public struct SkippedSnapshot: Hashable, Sendable {
  public var path: String
  public var sequence: Int64
  public var fault: SnapshotFault

  public init(path: String, sequence: Int64, fault: SnapshotFault) {
    self.path = path
    self.sequence = sequence
    self.fault = fault
  }
}

/// The newest snapshot that can be used, and the newer ones that cannot.
public struct SnapshotSearch: Hashable, Sendable {
  public var snapshot: Snapshot?
  public var skipped: [SkippedSnapshot]

  public init(snapshot: Snapshot?, skipped: [SkippedSnapshot]) {
    self.snapshot = snapshot
    self.skipped = skipped
  }
}

/// The bytes of a snapshot's file: magic, format, sequence, chain, length of the payload, SHA-256 of the payload,
/// payload. Numbers are big-endian.
enum SnapshotFile {
  static let magic = Array("MUSTSNAP".utf8)
  static let format: UInt32 = 1
  static let headerBytes = 8 + 4 + 8 + Chain.byteCount + 8 + 32

  static func header(of snapshot: Snapshot) -> [UInt8] {
    var bytes = magic
    withUnsafeBytes(of: format.bigEndian) { bytes += $0 }
    withUnsafeBytes(of: snapshot.sequence.bigEndian) { bytes += $0 }
    bytes += snapshot.chain.bytes
    withUnsafeBytes(of: UInt64(snapshot.payload.count).bigEndian) { bytes += $0 }
    bytes += SHA256.hash(data: snapshot.payload)
    return bytes
  }

  static func decode(_ file: [UInt8], named sequence: Int64) throws(SnapshotFault) -> Snapshot {
    guard file.count >= headerBytes else { throw .torn(bytes: file.count, expected: headerBytes) }
    guard Array(file[..<8]) == magic else { throw .notASnapshot }
    let format = number(file[8..<12])
    guard format == UInt64(SnapshotFile.format) else {
      throw .newerFormat(found: Int(format), known: Int(SnapshotFile.format))
    }
    let found = Int64(bitPattern: number(file[12..<20]))
    guard found == sequence else { throw .otherSequence(found: found) }
    guard let chain = Chain(bytes: Array(file[20..<52])) else { throw .notASnapshot }
    let length = Int(clamping: number(file[52..<60]))
    guard length == file.count - headerBytes else {
      throw .torn(bytes: file.count, expected: length.addingReportingOverflow(headerBytes).partialValue)
    }
    let payload = Array(file[headerBytes...])
    guard Array(SHA256.hash(data: payload)) == Array(file[60..<headerBytes]) else { throw .payloadAltered }
    return Snapshot(sequence: sequence, chain: chain, payload: payload)
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reduce(0) { $0 << 8 | UInt64($1) }
  }
}
