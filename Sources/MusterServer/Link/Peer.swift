import MusterCore
import MusterProtocol
import Synchronization

/// One connection of an agent or a shim: a bounded queue of messages to it, and answers that are waited for.
final class Peer: Sendable {
  /// Messages waiting for a slow peer. Everything is level-triggered, so what does not fit may be dropped: the answer to
  /// the peer's next beat carries the same.
  static let backlog = 256

  let outgoing: AsyncStream<ControllerMessage>
  private let continuation: AsyncStream<ControllerMessage>.Continuation
  private struct Waiting {
    var nextID: Int64 = 1
    var logs: [Int64: CheckedContinuation<LogData, Never>] = [:]
    var isClosed = false
  }
  private let waiting = Mutex(Waiting())

  init() {
    (outgoing, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(Peer.backlog))
  }

  func send(_ message: ControllerMessage) { continuation.yield(message) }

  /// Says why, then ends the connection.
  func refuse(_ reason: String) {
    send(.refused(reason: reason))
    close()
  }

  func close() {
    continuation.finish()
    let logs = waiting.withLock { waiting in
      waiting.isClosed = true
      defer { waiting.logs = [:] }
      return waiting.logs
    }
    for (id, log) in logs { log.resume(returning: LogData(id: id, error: "the node's agent went away")) }
  }

  /// Asks the agent for a part of a log and waits for its answer.
  func readLog(_ attempt: AttemptID, rank: Int32, offset: Int64, limit: Int64, epoch: Int64) async -> LogData {
    await withCheckedContinuation { continuation in
      let id: Int64? = waiting.withLock { waiting in
        guard !waiting.isClosed else { return nil }
        let id = waiting.nextID
        waiting.nextID += 1
        waiting.logs[id] = continuation
        return id
      }
      guard let id else {
        return continuation.resume(returning: LogData(id: 0, error: "the node's agent went away"))
      }
      send(.logRead(epoch: epoch, LogRead(id: id, attempt: attempt, rank: rank, offset: offset, limit: limit)))
    }
  }

  func answer(_ log: LogData) {
    waiting.withLock { $0.logs.removeValue(forKey: log.id) }?.resume(returning: log)
  }
}
