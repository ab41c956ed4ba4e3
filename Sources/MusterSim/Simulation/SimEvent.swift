/// What will happen in a simulation.
enum SimEvent {
  /// The attempt's work is done.
  case finish(job: Int32, attempt: Int32)
  /// The attempt saves its work.
  case checkpoint(job: Int32, attempt: Int32)
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
