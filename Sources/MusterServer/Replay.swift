import Crypto
import MusterCore
import MusterJournal
public import MusterProtocol

/// A journal folded from its first fact, every hash of its chain checked.
public struct Replay {
  public let json: JSON
  public let text: String

  /// - Throws: `JournalError`, `CodingError`. `beyondEnd`: the journal ends before `until`.
  public init(path: String, until: Int64?) throws {
    do {
      let reader = try JournalReader(path: path)
      try reader.checkLog()
      try reader.checkEnd()
      try self.init(reader, until: until)
    } catch let error as JournalError {
      let located = JournalReader.located(error, in: path)
      // Up to the damage it can still be folded.
      guard case .damaged(let damage) = located, let whole = damage.wholeUntil, let until, until <= whole else {
        throw located
      }
      try self.init(JournalReader(salvaging: path), until: until, end: whole)
    }
  }

  /// `end`: the last fact that can be read, where the journal cannot say it itself.
  private init(_ reader: JournalReader, until: Int64?, end: Int64? = nil) throws {
    let end = try end ?? reader.end().sequence
    if let until, until > end { throw JournalError.beyondEnd(asked: until, last: end) }
    let cluster = try Recovery.cluster(from: reader, until: until ?? end, useSnapshot: false) { _ in }
    let snapshot = cluster.encodeSnapshot()
    let hash = SHA256.hash(data: snapshot).map { byte in
      let digits = Array("0123456789abcdef")
      return String([digits[Int(byte >> 4)], digits[Int(byte & 15)]])
    }.joined()
    let (sequence, epoch, at) = (cluster.sequence, cluster.epoch, cluster.lastFactAt)
    let controller = Controller(cluster: cluster, now: at)
    let nodes = controller.nodePage(from: 0, limit: .max)["nodes"] ?? .array([])
    let jobs = controller.jobPage(after: 0, limit: .max, states: nil)["jobs"] ?? .array([])
    json = [
      "sequence": .int(sequence), "lastSequence": .int(end), "at": .time(at), "epoch": .int(epoch),
      "stateHash": .string(hash), "nodes": nodes, "jobs": jobs,
    ]
    var lines = [
      "facts      \(sequence) of \(end)", "at         \(at == .zero ? "-" : at.rfc3339)",
      "epoch      \(epoch)", "state hash \(hash)", "",
    ]
    for node in nodes.arrayValue ?? [] {
      lines.append(
        "node \(node["name"]?.stringValue ?? "") \(node["state"]?.stringValue ?? ""), "
          + "\(node["free"]?.intValue ?? 0) of \(node["devices"]?.intValue ?? 0) devices free")
    }
    for job in jobs.arrayValue ?? [] {
      lines.append(
        "job \(job["id"]?.intValue ?? 0) \"\(job["name"]?.stringValue ?? "")\" \(job["state"]?.stringValue ?? ""), "
          + "attempt \(job["attempt"]?.intValue ?? 0)")
    }
    text = lines.joined(separator: "\n") + "\n"
  }
}
