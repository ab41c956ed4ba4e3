/// What will happen in virtual time, soonest first; what was put in first, first among equals. A binary heap of small
/// entries; the events themselves lie still in a slab, so that moving an entry copies 24 bytes.
struct Timeline<Event>: ~Copyable {
  private struct Entry {
    var at: Int64
    var order: Int64
    var slot: Int
    func isBefore(_ other: Entry) -> Bool { at != other.at ? at < other.at : order < other.order }
  }
  private var heap: [Entry] = []
  private var slab: [Event?] = []
  private var free: [Int] = []
  private var count: Int64 = 0
  private static var first: Int64 { 1 << 62 }

  /// - Parameter isFirst: before all others of the same moment that are not.
  mutating func put(_ event: Event, at: Int64, isFirst: Bool = false) {
    count += 1
    let slot: Int
    if let reused = free.popLast() {
      slot = reused
      slab[slot] = event
    } else {
      slot = slab.count
      slab.append(event)
    }
    let entry = Entry(at: at, order: isFirst ? count - Self.first : count, slot: slot)
    heap.append(entry)
    var i = heap.count - 1
    while i > 0, entry.isBefore(heap[(i - 1) / 2]) {
      heap[i] = heap[(i - 1) / 2]
      i = (i - 1) / 2
    }
    heap[i] = entry
  }

  /// Of the next event.
  var nextAt: Int64? { heap.first?.at }

  /// The next event, if it is due at `until`.
  mutating func take(until: Int64 = .max) -> (at: Int64, event: Event)? {
    guard let first = heap.first, first.at <= until, let event = slab[first.slot] else { return nil }
    slab[first.slot] = nil
    free.append(first.slot)
    let last = heap.removeLast()
    guard !heap.isEmpty else { return (first.at, event) }
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
    return (first.at, event)
  }
}
