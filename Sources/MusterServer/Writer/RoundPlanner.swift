import Glibc
import MusterCore

/// Plans rounds on a thread of its own: what is slow never stands between a fault and its restart. What it comes to goes
/// back to the writer, which starts what still holds.
final class RoundPlanner: Sendable {
  struct Request: Sendable {
    var input: RoundInput
    /// When its making began, on the monotonic clock.
    var since: Instant
  }
  private let inbox = Mailbox<Request>()

  init(_ writer: Mailbox<Writer.Work>) {
    let inbox = inbox
    WriterThread {
      var scheduler = Scheduler()
      while let requests = inbox.take(deadline: HostClock.monotonic(after: .seconds(3600))) {
        for request in requests { Self.send(scheduler.plan(request.input), since: request.since, to: writer) }
      }
    }.start()
  }

  func plan(_ request: Request) { _ = inbox.put(request, .orders) }

  func stop() { inbox.close() }

  private static func send(_ command: Command, since: Instant, to writer: Mailbox<Writer.Work>) {
    let work: Writer.Work = { state in
      state.isPlanning = false
      _ = state.controller.handle(command, now: state.now)
      if case .commitPlan = command { state.counts.planned(in: HostClock.monotonic - since) }
      return nil
    }
    // A full lane empties within a batch.
    while !writer.put(work, .orders, triesAgain: true), !writer.isClosed { usleep(1_000) }
  }
}
