import Glibc
import MusterCore

/// Plans rounds on a thread of its own: what is slow never stands between a fault and its restart. What it comes to goes
/// back to the writer, which starts what still holds.
final class RoundPlanner: Sendable {
  private let inbox = Mailbox<PlanningInput>()

  init(_ writer: Mailbox<Writer.Work>) {
    let inbox = inbox
    WriterThread {
      var scheduler = Scheduler()
      while let inputs = inbox.take(deadline: HostClock.monotonic(after: .seconds(3600))) {
        for input in inputs { Self.send(scheduler.plan(input), to: writer) }
      }
    }.start()
  }

  func plan(_ input: PlanningInput) { _ = inbox.put(input, .orders) }

  func stop() { inbox.close() }

  private static func send(_ plan: Plan, to writer: Mailbox<Writer.Work>) {
    let work: Writer.Work = { state in
      state.isPlanning = false
      _ = state.controller.handle(.commitPlan(plan), now: state.now)
      return nil
    }
    // A full lane empties within a batch.
    while !writer.put(work, .orders), !writer.isClosed { usleep(1_000) }
  }
}
