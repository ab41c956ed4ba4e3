import Glibc

/// The last acknowledged fact, in a file beside the journal: `journal.end`, one line of the sequence number and the hash
/// there. Without it nobody could tell a journal that lost its last batches (a log that was deleted, an older copy put
/// in place) from one that never had them.
///
/// It is written after each commit and never synced, so after a power cut it may be older than the journal, and it is
/// never newer. It lies within one sector of the disk: it is not torn.
struct EndMark: ~Copyable {
  private static let digits = Array("0123456789abcdef".utf8)
  private static let numberLength = 20
  private static let length = numberLength + 1 + 64 + 1

  private let file: OpenFile

  static func path(in folder: String) -> String { folder + "/journal.end" }

  /// For writing.
  init(folder: String) throws(JournalError) {
    file = try OpenFile(EndMark.path(in: folder), flags: O_RDWR | O_CREAT)
  }

  /// Takes its bytes on the disk, if they are not there: later writes need no more space.
  func take() throws(JournalError) {
    guard try file.size() != EndMark.length else { return }
    try file.truncate(to: 0)
    try file.write([UInt8](repeating: UInt8(ascii: " "), count: EndMark.length))
  }

  /// Nil if there is none, or one that says nothing (its file was made and never written).
  static func read(folder: String) throws(JournalError) -> JournalEnd? {
    guard Folder.fileBytes(path(in: folder)) != nil else { return nil }
    let bytes = try OpenFile(path(in: folder), flags: O_RDONLY).read(limit: length)
    guard bytes.count == length, bytes[numberLength] == UInt8(ascii: " "), bytes[length - 1] == UInt8(ascii: "\n"),
      let sequence = Int64(String(decoding: bytes[..<numberLength], as: UTF8.self)), sequence >= 0
    else { return nil }
    var hash: [UInt8] = []
    for i in stride(from: numberLength + 1, to: length - 1, by: 2) {
      guard let high = digits.firstIndex(of: bytes[i]), let low = digits.firstIndex(of: bytes[i + 1]) else {
        return nil
      }
      hash.append(UInt8(high << 4 | low))
    }
    return Chain(bytes: hash).map { JournalEnd(sequence: sequence, chain: $0) }
  }

  func write(_ end: JournalEnd) throws(JournalError) {
    var line = [UInt8](repeating: UInt8(ascii: "0"), count: EndMark.length)
    var (rest, i) = (end.sequence, EndMark.numberLength)
    while rest > 0 {
      i -= 1
      line[i] = EndMark.digits[Int(rest % 10)]
      rest /= 10
    }
    line[EndMark.numberLength] = UInt8(ascii: " ")
    for (i, byte) in end.chain.bytes.enumerated() {
      line[EndMark.numberLength + 1 + 2 * i] = EndMark.digits[Int(byte >> 4)]
      line[EndMark.numberLength + 2 + 2 * i] = EndMark.digits[Int(byte & 15)]
    }
    line[EndMark.length - 1] = UInt8(ascii: "\n")
    guard pwrite(file.descriptor, line, line.count, 0) == line.count else { throw .lastCall("pwrite", file.path) }
  }
}

extension JournalReader {
  /// Throws `endMissing` if the journal ends before what its end mark says was acknowledged, `replaced` if it has
  /// another history there.
  public func checkEnd() throws(JournalError) {
    // The mark first: beside a running server it may move on while the journal is looked at.
    guard let marked = try EndMark.read(folder: folder) else { return }
    let last = try end().sequence
    guard last >= marked.sequence else { throw .endMissing(last: last, marked: marked.sequence) }
    guard try chain(at: marked.sequence) == marked.chain else { throw .replaced(sequence: marked.sequence) }
  }
}
