import MusterCore

/// Nearly all jobs say how long they run, and rounds plan in seconds, in one seed of four (so that the other seeds stay
/// what they were).
extension Shape {
  static func knowsWalltimes(_ seed: UInt64) -> Bool { seed % 4 == 2 }
}

extension World {
  /// Large gangs that wait and short jobs behind them, mostly of one priority and without wishes: the first that waits is
  /// held a place, and others may start before it.
  mutating func plan(_ spec: inout JobSpec) {
    guard Shape.knowsWalltimes(seed) else { return }
    if walltimes.hits(900) { spec.walltime = .seconds(walltimes.between(4, 40)) }
    if walltimes.hits(700) { spec.priority = 1 }
    if walltimes.hits(850) { spec.wishes = Wishes() }
    guard walltimes.hits(300), spec.wishes.isEmpty else { return }
    spec.role.nodes = Int32(walltimes.between(2, Int64(nodes.count - 1)))
    spec.role.devicesPerNode = walltimes.hits(800) ? 4 : 3
  }
}
