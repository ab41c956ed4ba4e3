/// What will happen in a simulation.
enum SimEvent {
  /// The attempt's work is done.
  case finish(job: Int32, attempt: Int32)
  /// The job's walltime is over.
  case walltime(job: Int32)
  /// The core has something to judge by the clock.
  case tick
  /// Somewhere something breaks; the next one is drawn then.
  case fault
  case repair(node: Int32)
  /// A node that the core itself took out of service has been looked at.
  case inspected(node: Int32)
}

/// Soonest first; of the same moment, what was put in first. A binary heap.
struct EventQueue {
  private struct Entry {
    var at: Int64
    var order: Int64
    var event: SimEvent
    func isBefore(_ other: Entry) -> Bool { at != other.at ? at < other.at : order < other.order }
  }
  private var heap: [Entry] = []
  private var count: Int64 = 0

  /// Of the next event, in milliseconds since 1970.
  var nextAt: Int64? { heap.first?.at }

  mutating func put(_ event: SimEvent, at: Int64) {
    count += 1
    let entry = Entry(at: at, order: count, event: event)
    heap.append(entry)
    var i = heap.count - 1
    while i > 0, entry.isBefore(heap[(i - 1) / 2]) {
      heap[i] = heap[(i - 1) / 2]
      i = (i - 1) / 2
    }
    heap[i] = entry
  }

  /// The next event if it is due.
  mutating func take(until: Int64) -> SimEvent? {
    guard let first = heap.first, first.at <= until else { return nil }
    let last = heap.removeLast()
    guard !heap.isEmpty else { return first.event }
    var i = 0
    while true {
      var child = 2 * i + 1
      guard child < heap.count else { break }
      if child + 1 < heap.count, heap[child + 1].isBefore(heap[child]) { child += 1 }
      guard heap[child].isBefore(last) else { break }
      heap[i] = heap[child]
      i = child
    }
    heap[i] = last
    return first.event
  }
}
