/// Of a queue that is longer than a round looks at, the last part of the round belongs to those behind, one after the other
/// from round to round: what would fit at once is found however many blocked jobs are before it.
struct QueueRotation: Sendable {
  /// Who had its turn last, by what the queue is sorted by; nil: nobody yet.
  private var last: (priority: Int32, job: JobID)?
  /// Of the queue, so many have not had their turn since something changed.
  private(set) var left = 0

  /// Something has changed: all have their turn again, beginning with who would be next.
  mutating func begin(_ count: Int) { left = count }
  mutating func end() { left = 0 }

  mutating func step(_ job: Job) {
    last = (job.priority, job.id)
    left -= 1
  }

  func isPast(_ job: Job) -> Bool {
    guard let last else { return false }
    return job.priority > last.priority || (job.priority == last.priority && job.id <= last.job)
  }
}

extension PlanningMode {
  /// Gangs of a round that are taken from behind the first ones, in turn, where the queue is longer than the round. None
  /// where the head blocks all behind it.
  var depthBehind: Int { blocksAtHead ? 0 : depth / 4 }
}
