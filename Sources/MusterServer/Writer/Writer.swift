import Glibc
import Logging
import MusterCore
import MusterJournal

/// The one writer: a thread that takes what waits in the lanes, decides and applies it, makes the new facts durable with
/// one disk sync, and only then lets anything leave: answers, intents, orders, events.
///
/// A thread and not an actor: see docs/decisions/0003-one-writer-thread.md (measured).
public final class Writer: Sendable {
  /// One thing to do on the writer's thread. It answers what is to be told once its facts are durable (or lost).
  typealias Work = @Sendable (inout WriterState) -> Telling?
  typealias Telling = @Sendable (inout WriterState, Durability) -> Void

  enum Durability: Sendable {
    case durable
    /// Nothing of the batch happened.
    case lost(WriterFailure)
  }

  private let mailbox = Mailbox<Work>()
  let events: EventHub
  private let logger: Logger
  private let clock: Box<HostClock>
  private let ended: Gate
  /// What opening the journal found.
  let opening: JournalOpening
  /// Finishes when the thread has ended.
  private let life: AsyncStream<Void>

  /// Starts the thread. The first facts (a new epoch) are durable when this returns.
  init(
    folder: DataFolder, events: EventHub, limits: Limits, logger: Logger, trustsSnapshot: Bool,
    pretence: Server.Options.Pretence? = nil
  ) async throws {
    self.events = events
    self.logger = logger
    let (ready, signal) = (Gate(), Gate())
    ended = signal
    let (life, living) = AsyncStream.makeStream(of: Void.self)
    self.life = life
    let outcome = Box<Result<JournalOpening, WriterFailure>>(.failure(.stopping))
    let clock = HostClock(speed: pretence?.speed ?? 1)
    self.clock = Box(clock)
    let loop = WriterLoop(
      mailbox: mailbox, folder: folder, events: events, limits: limits, logger: logger, clock: clock,
      shownClock: self.clock, trustsSnapshot: trustsSnapshot, pretence: pretence)
    let thread = WriterThread {
      loop.run(ready: { result in
        outcome.set(result)
        ready.open()
      })
      signal.open()
      living.finish()
    }
    thread.start()
    await ready.wait()
    opening = try outcome.get().get()
  }

  /// Beside `Lane.allCases`.
  var laneCounts: [LaneCount] { mailbox.counts }

  /// The time by which it decides.
  var now: Instant { clock.get().now }

  func put(_ lane: Lane, _ work: @escaping Work) -> Bool { mailbox.put(work, lane) }

  /// Runs a command and answers when its facts are durable.
  func command(_ lane: Lane, _ command: Command) async throws -> Controller.Reply {
    try await perform(lane) { state, _ in state.handle(command, from: lane) }
  }

  /// Looks at the state; what it sees is durable when it is answered.
  func read<T: Sendable>(_ body: @escaping @Sendable (inout WriterState) -> T) async throws -> T {
    try await perform(.reads) { state, _ in body(&state) }
  }

  func perform<T: Sendable>(
    _ lane: Lane, _ body: @escaping @Sendable (inout WriterState, Instant) -> T
  ) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
      let accepted = put(lane) { state in
        let answer = body(&state, state.now)
        return { _, durability in
          switch durability {
          case .durable: continuation.resume(returning: answer)
          case .lost(let failure): continuation.resume(throwing: failure)
          }
        }
      }
      if !accepted { continuation.resume(throwing: mailbox.isClosed ? WriterFailure.stopping : .laneFull(lane)) }
    }
  }

  /// Returns when the thread has ended, by itself or by `stop`, or when the task is cancelled.
  func waitForEnd() async { for await _ in life {} }

  /// Lets what waits be done, then ends the thread.
  func stop() async {
    mailbox.close()
    await ended.wait()
  }
}

/// Why the writer did not do something.
enum WriterFailure: Error, Sendable {
  case laneFull(Lane)
  case diskLow(freeBytes: Int64, neededBytes: Int64)
  case commitFailed(String)
  case cannotStart(String)
  case stopping
}

/// What only the writer's thread touches.
struct WriterState: ~Copyable {
  var controller: Controller
  var links = LinkTable()
  let clock: HostClock
  var now: Instant
  /// A round is on its way.
  var isPlanning = false
  /// Set while the disk is low: submissions are refused with it.
  var space: WriterFailure?
  /// The disk could not be asked; said once.
  var isSpaceUnknown = false
  let startedAt: Instant
  var counts = WriterCounts()
  var recent: (at: Instant, figures: Figures)?
  /// Of a pretend fleet.
  var fleet: (any HostedFleet)?
}

/// A thread of our own: it lives as long as the process, and nothing else runs on it.
final class WriterThread: Sendable {
  private let body: @Sendable () -> Void
  init(_ body: @escaping @Sendable () -> Void) { self.body = body }

  func start() {
    var thread = pthread_t()
    let context = Unmanaged.passRetained(self).toOpaque()
    pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        Unmanaged<WriterThread>.fromOpaque(context).takeRetainedValue().body()
        return nil
      }, context)
    pthread_detach(thread)
  }
}
