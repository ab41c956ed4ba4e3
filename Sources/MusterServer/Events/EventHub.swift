import MusterCore
import Synchronization

/// Hands durable facts to whoever listens. A listener that is too slow loses its place and is told so: it reads the
/// state again and resumes from the journal.
public final class EventHub: Sendable {
  /// Events kept for one slow listener before it must resync.
  static let backlog = 1024
  static let listenerLimit = 1024

  private struct State {
    /// By node number: names that facts refer to.
    var names: [String] = []
    /// The last durable fact.
    var sequence: Int64 = 0
    var listeners: [Int: AsyncStream<Event?>.Continuation] = [:]
    var nextListener = 0
  }
  private let state = Mutex(State())

  public init() {}

  /// The state was rebuilt from the journal.
  func reset(names: [String], sequence: Int64) {
    state.withLock {
      $0.names = names
      $0.sequence = sequence
    }
  }

  func publish(_ facts: [Fact], first: Int64) {
    state.withLock { state in
      for (i, fact) in facts.enumerated() {
        if case .nodeJoined(let joined) = fact.event { state.names.append(joined.name) }
        guard !state.listeners.isEmpty else { continue }
        let event = Event(sequence: first + Int64(i), fact: fact, names: state.names)
        for (id, listener) in state.listeners {
          if !EventHub.take(event, listener) { state.listeners[id] = nil }
        }
      }
      state.sequence = first + Int64(facts.count) - 1
    }
  }

  /// How often a listener hears that the controller lives; a connection that nobody holds any more fails then.
  static let aliveInterval = Duration.seconds(15)

  /// Until the task is cancelled.
  func keepAlive() async throws {
    while true {
      try await Task.sleep(for: EventHub.aliveInterval)
      state.withLock { state in
        for (id, listener) in state.listeners where !EventHub.take(nil, listener) { state.listeners[id] = nil }
      }
    }
  }

  /// - Returns: false for a listener that is too slow or has gone.
  private static func take(_ event: Event?, _ listener: AsyncStream<Event?>.Continuation) -> Bool {
    switch listener.yield(event) {
    case .enqueued: return true
    case .dropped, .terminated: break
    @unknown default: break
    }
    listener.finish()
    return false
  }

  var listenerCount: Int { state.withLock { $0.listeners.count } }

  struct Subscription: Sendable {
    /// Everything after this sequence comes by `events`; up to it the journal has it.
    var sequence: Int64
    var names: [String]
    /// nil: nothing has happened for a while. Ends when the listener was too slow, or at `cancel`.
    var events: AsyncStream<Event?>
    var cancel: @Sendable () -> Void
  }

  /// - Returns: nil when there are as many listeners as there may be.
  func subscribe() -> Subscription? {
    let (stream, continuation) = AsyncStream.makeStream(
      of: Event?.self, bufferingPolicy: .bufferingOldest(EventHub.backlog))
    return state.withLock { state in
      guard state.listeners.count < EventHub.listenerLimit else { return nil }
      let id = state.nextListener
      state.nextListener += 1
      state.listeners[id] = continuation
      return Subscription(sequence: state.sequence, names: state.names, events: stream) { [weak self] in
        continuation.finish()
        self?.state.withLock { $0.listeners[id] = nil }
      }
    }
  }
}
