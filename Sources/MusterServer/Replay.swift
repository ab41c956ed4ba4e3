import Crypto
import MusterCore
import MusterJournal
public import MusterProtocol

/// A journal folded from its first fact, every hash of its chain checked.
public struct Replay {
  public let json: JSON
  public let text: String

  /// - Throws: `JournalError`, `CodingError`.
  public init(path: String, until: Int64?) throws {
    let reader = try JournalReader(path: path)
    let end = try reader.end()
    let last = min(until ?? end.sequence, end.sequence)
    let cluster = try Recovery.cluster(from: reader, until: last, useSnapshot: false) { _ in }
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
      "sequence": .int(sequence), "lastSequence": .int(end.sequence), "at": .time(at), "epoch": .int(epoch),
      "stateHash": .string(hash), "nodes": nodes, "jobs": jobs,
    ]
    var lines = [
      "facts      \(sequence) of \(end.sequence)", "at         \(at == .zero ? "-" : at.rfc3339)",
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
