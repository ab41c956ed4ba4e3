import Glibc
import MusterCore

/// What may wait for the writer, most urgent first. Each lane is bounded: what does not fit is refused at once, so that
/// a flood of one kind neither delays the others nor fills memory.
enum Lane: Int, CaseIterable, Sendable {
  /// Beats, reports, deaths.
  case faults = 0
  /// Cancel, drain, resume, fence.
  case orders = 1
  case submissions = 2
  case reads = 3

  var capacity: Int {
    switch self {
    case .faults: 262_144  // every shim and agent of 62,500 nodes at once, twice
    case .orders: 4_096
    case .submissions: 4_096
    case .reads: 4_096
    }
  }

  /// Most taken into one batch, so that what is urgent never waits for more than one batch's work.
  var perBatch: Int {
    switch self {
    case .faults, .orders: .max
    case .submissions: 256
    case .reads: 256
    }
  }
}

/// The lanes before the writer's thread: a mutex, a condition and four arrays, taken by swapping.
///
/// `@unchecked Sendable`: `lanes`, `refused` and `closed` are touched only between `lock` and `unlock`; the pthread
/// objects are allocated once, never moved, and freed with the last reference.
final class Mailbox<Item: Sendable>: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var lanes: [[Item]] = Lane.allCases.map { _ in [] }
  private var refused: [Int64] = Lane.allCases.map { _ in 0 }
  private var closed = false

  init() {
    pthread_mutex_init(mutex, nil)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(condition, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  /// - Parameter triesAgain: who waits for room instead of giving up is not counted as refused.
  /// - Returns: false when the lane is full or the writer has ended; nothing was kept.
  func put(_ item: Item, _ lane: Lane, triesAgain: Bool = false) -> Bool {
    pthread_mutex_lock(mutex)
    let accepted = !closed && lanes[lane.rawValue].count < lane.capacity
    if accepted {
      lanes[lane.rawValue].append(item)
      pthread_cond_signal(condition)
    } else if !closed, !triesAgain {
      refused[lane.rawValue] += 1
    }
    pthread_mutex_unlock(mutex)
    return accepted
  }

  /// Waits until something is there or the deadline has passed.
  /// - Returns: what to do, most urgent first; nil once closed and empty.
  func take(deadline: timespec) -> [Item]? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    var until = deadline
    while !closed, lanes.allSatisfy(\.isEmpty) {
      if pthread_cond_timedwait(condition, mutex, &until) == ETIMEDOUT { return [] }
    }
    if closed, lanes.allSatisfy(\.isEmpty) { return nil }
    var out: [Item] = []
    for lane in Lane.allCases {
      let i = lane.rawValue
      if lanes[i].count <= lane.perBatch {
        out.append(contentsOf: lanes[i])
        lanes[i].removeAll(keepingCapacity: true)
      } else {
        out.append(contentsOf: lanes[i].prefix(lane.perBatch))
        lanes[i].removeFirst(lane.perBatch)
      }
    }
    return out
  }

  /// Beside `Lane.allCases`.
  var counts: [LaneCount] {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return zip(lanes, refused).map { LaneCount(depth: $0.count, refused: $1) }
  }

  var isClosed: Bool {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return closed
  }

  func close() {
    pthread_mutex_lock(mutex)
    closed = true
    pthread_cond_broadcast(condition)
    pthread_mutex_unlock(mutex)
  }
}
