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
    var nextID: Int64 = 0
    var logs: [Int64: CheckedContinuation<LogData, Never>] = [:]
    var isClosed = false
  }
  private let waiting = Mutex(Waiting())
  private let heardAt = Mutex(ContinuousClock.now)
  /// Agents report each second, shims beat twice: a connection on which nothing has come for so long is a cut link, which
  /// the system alone would hold open for hours.
  static let silence = Duration.seconds(10)
  private static let look = Duration.seconds(8)

  func heard() { heardAt.withLock { $0 = .now } }

  /// Ends the connection when nothing comes any more. Two looks in a row: a controller that was stopped reads what has come
  /// meanwhile before it judges.
  func watch() async throws {
    var wasSilent = false
    while true {
      try await Task.sleep(for: Peer.look)
      let isSilent = heardAt.withLock { $0.duration(to: .now) > Peer.silence }
      if isSilent, wasSilent { return close() }
      wasSilent = isSilent
    }
  }

  init() {
    (outgoing, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(Peer.backlog))
  }

  func send(_ message: ControllerMessage) { continuation.yield(message) }

  /// Says why, then ends the connection.
  func refuse(_ reason: String, isFinal: Bool = false) {
    send(.refused(reason: reason, isFinal: isFinal))
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

  /// An agent that is held, or a question lost in its queue.
  static let logPatience = Duration.seconds(5)

  /// Asks the agent for a part of a log and waits for its answer, not longer than `logPatience`.
  func readLog(_ attempt: AttemptID, rank: Int32, offset: Int64, limit: Int64, epoch: Int64) async -> LogData {
    let id = waiting.withLock { waiting in
      waiting.nextID += 1
      return waiting.nextID
    }
    let timer = Task {
      // Cancelled when the answer is there.
      guard (try? await Task.sleep(for: Peer.logPatience)) != nil else { return }
      answer(LogData(id: id, error: "the node's agent did not answer within \(Peer.logPatience)"))
    }
    defer { timer.cancel() }
    return await withCheckedContinuation { continuation in
      let isClosed = waiting.withLock { waiting in
        if !waiting.isClosed { waiting.logs[id] = continuation }
        return waiting.isClosed
      }
      if isClosed { return continuation.resume(returning: LogData(id: id, error: "the node's agent went away")) }
      send(.logRead(epoch: epoch, LogRead(id: id, attempt: attempt, rank: rank, offset: offset, limit: limit)))
    }
  }

  func answer(_ log: LogData) {
    waiting.withLock { $0.logs.removeValue(forKey: log.id) }?.resume(returning: log)
  }
}
