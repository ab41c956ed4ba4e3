import MusterCore

extension TimeGrid {
  /// As long as the standard one, 5 minutes everywhere.
  static let finest = TimeGrid(zones: [Zone(step: 1, buckets: Int(TimeGrid.standard.horizon.seconds / 300))])
}

/// What coarse buckets cost: the same round on the standard grid, on others, and on one that has 5 minutes everywhere.
func promises(_ shape: FleetShape, _ count: Int) {
  guard let topology = shape.topology() else { return print("\(shape.name): not a topology") }
  var workload = Workload(seed: 5, shape)
  let view = workload.busyView(topology)
  let pending = workload.gangs(count)
  print("\(shape.name), \(count) pending: mean promised wait where both promise")
  let fine = round(.finest, topology, view, pending, "5 min throughout")
  for (name, grid) in grids { compare(round(grid, topology, view, pending, name), fine) }
}

private let grids: [(name: String, grid: TimeGrid)] = [
  ("standard", .standard),
  ("5 min to 12 h, 15 min to 3 d, 1 h to 14 d, 3 h to 61 d", .zones((1, 144), (3, 240), (12, 264), (36, 376))),
  ("the same, 15 min to 7 d", .zones((1, 144), (3, 624), (12, 168), (36, 376))),
  ("5 min to 12 h, 30 min to 14 d, 3 h to 61 d", .zones((1, 144), (6, 648), (36, 376))),
  ("15 min throughout", .zones((3, 5856))),
]

extension TimeGrid {
  fileprivate static func zones(_ zones: (step: Int, buckets: Int)...) -> TimeGrid {
    TimeGrid(zones: zones.map { Zone(step: $0.step, buckets: $0.buckets) })
  }
}

private func round(
  _ grid: TimeGrid, _ topology: Topology, _ view: PlanningView, _ pending: [PendingGang], _ name: String
) -> PlanningRound {
  var planner = Planner(topology: topology, grid: grid)
  var round = planner.plan(view, pending)
  var times = Times()
  for _ in 0..<(quick ? 1 : grid.bucketCount > 4096 ? 2 : 7) { round = times.measure { planner.plan(view, pending) } }
  let counts = Counts(round)
  print(
    "\(name): \(grid.bucketCount) buckets, \(times.text), \(planner.bytesInUse >> 20) MB; \(counts.now) now, \(counts.later) later, \(counts.beyond) beyond"
  )
  return round
}

private func compare(_ round: PlanningRound, _ fine: PlanningRound) {
  var (sum, fineSum): (Int64, Int64) = (0, 0)
  var (both, one, fineOne) = (0, 0, 0)
  for i in 0..<round.count {
    switch (round.start(i), fine.start(i)) {
    case (let start?, let other?):
      sum += (start - Workload.now).milliseconds / 1000
      fineSum += (other - Workload.now).milliseconds / 1000
      both += 1
    case (.some, nil): one += 1
    case (nil, .some): fineOne += 1
    case (nil, nil): break
    }
  }
  let (mean, fineMean) = (Double(sum) / 3600 / Double(max(1, both)), Double(fineSum) / 3600 / Double(max(1, both)))
  print(
    "  \(padded(mean, 1)) h, finest \(padded(fineMean, 1)) h: \(padded((mean / fineMean - 1) * 100, 1)) % more, \(both) in both, \(one) only here, \(fineOne) only in the finest"
  )
}
