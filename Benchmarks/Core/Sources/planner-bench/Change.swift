import MusterCore

/// One running gang ends: how long until it is known who may start now. Beside promises that stay where they are
/// (`QuickPlanner.quick`), and after a whole round, because every promise may move forward, and who starts then depends on all
/// promises before it. Beside them what fewer promises would cost, and how many of the starts would be others.
func oneEnd(_ shape: FleetShape, _ count: Int) {
  guard let topology = shape.topology() else { return print("\(shape.name): not a topology") }
  var workload = Workload(seed: 5, shape)
  var view = workload.busyView(topology)
  var planner = QuickPlanner(topology: topology)
  // What may start now has started, so that only the end makes a difference.
  let gangs = workload.gangs(count)
  let first = planner.plan(view, gangs)
  workload.start(gangs, first, &view, limit: .max)
  let pending = gangs.indices.filter { first.start($0) != view.now }.map { gangs[$0] }
  print("\(shape.name), \(view.running.count) running, \(pending.count) pending, one that runs ends")
  let modes: [(name: String, reservations: Int)] = [
    ("a whole round", .max), ("promises to the first 100 alone", 100), ("to the first alone", 1), ("to nobody", 0),
  ]
  var (quickly, quickStarts, alike) = (Times(), 0, 0)
  var times = modes.map { _ in Times() }
  var (others, all) = (modes.map { _ in 0 }, modes.map { _ in 0 })
  var dice = Dice(state: 9)
  for _ in 0..<(quick ? 5 : 21) {
    let ended = dice.draw(view.running.count)
    _ = planner.plan(view, pending)
    let atOnce = quickly.measure { planner.quick([.running(ended..<ended + 1)], now: view.now) }
    var after = view
    // The place of a part stays a shared node of which nothing is used: as the writer's next view may have it, too.
    after.running.remove(at: ended)
    var whole: Set<Int> = []
    for (i, mode) in modes.enumerated() {
      after.mode.reservations = mode.reservations
      let round = times[i].measure { planner.plan(after, pending) }
      let starts = Set(pending.indices.filter { if case .startsNow = round.answer($0) { true } else { false } })
      if i == 0 { whole = starts }
      all[i] += starts.count
      others[i] += starts.symmetricDifference(whole).count
    }
    quickStarts += atOnce.gangs.count
    alike += whole.intersection(atOnce.gangs).count
  }
  print(
    "  all promises stay: \(quickly.text), worst CPU \(padded(quickly.cpu.max() ?? 0, 1)); \(quickStarts) starts, \(alike) of them a whole round's"
  )
  for (i, mode) in modes.enumerated() {
    let worst = times[i].cpu.max() ?? 0
    print(
      "  \(mode.name): \(times[i].text), worst CPU \(padded(worst, 1)); \(all[i]) starts, \(others[i]) not the same as in a whole round"
    )
  }
}
