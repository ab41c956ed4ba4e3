// `swift run -c release planner-bench [quick] [PENDING...] [PART...]`: what the planner costs, in memory, on one thread. The fleet is 95 %
// busy and worn; what waits comes from a seed. Milliseconds of warm runs; every answer is a start, "beyond the horizon"
// or a reason. PART is one of `parts` below, or a fleet (small, middle, large, trays): its rounds alone. `planner-bench pending
// COUNT` prints a workload for other schedulers instead.
import Glibc
import MusterCore

let quick = CommandLine.arguments.contains("quick")
let numbers = CommandLine.arguments.compactMap { Int($0) }
let sizes = !numbers.isEmpty ? numbers : quick ? [1000, 10_000] : [1000, 10_000, 100_000]

struct Counts {
  var (now, later, beyond, never) = (0, 0, 0, 0)
  var waited: Int64 = 0

  init(_ round: PlanningRound) {
    for i in 0..<round.count {
      switch round.answer(i) {
      case .startsNow, .preempts: now += 1
      case .startsAt(let at, _, _):
        later += 1
        waited += (at - Workload.now).milliseconds / 1000
      case .behind, .beyondHorizon: beyond += 1
      case .never: never += 1
      }
    }
  }
  var meanWaitHours: Double { Double(waited) / Double(max(1, now + later)) / 3600 }
}

func rounds(_ shape: FleetShape, _ pendingCounts: [Int]) {
  guard let topology = shape.topology() else { return print("\(shape.name): not a topology") }
  var workload = Workload(seed: 5, shape)
  let view = workload.busyView(topology)
  var planner = Planner(topology: topology)
  let busy = Int(workload.busy(view)) * 100 / Int(view.nodesInService.reduce(0, +))
  print(
    "\(shape.name): \(busy) % busy, \(view.running.count) running gangs and parts, \(view.sharedNodes.count) shared nodes"
  )
  fflush(nil)
  for count in pendingCounts {
    let pending = workload.gangs(count)
    let shapes = Set(pending.map { [$0.nodes, $0.devicesPerNode, $0.segment, Int32($0.within?.level ?? -1)] }).count
    var counts = Counts(planner.plan(view, pending))
    var times = Times()
    for _ in 0..<(quick ? 3 : count > 10_000 ? 5 : 11) {
      counts = Counts(times.measure { planner.plan(view, pending) })
    }
    print(
      "\(shape.name) \(padded(count, 8)) \(times.text)   \(counts.now) now, \(counts.later) later, \(counts.beyond) beyond, "
        + "\(counts.never) never; mean wait \(padded(counts.meanWaitHours, 1)) h; \(shapes) shapes, \(planner.bytesInUse >> 20) MB"
    )
    fflush(nil)
  }
}

let fleets: [(name: String, shape: FleetShape)] = [
  ("small", .small), ("middle", .middle), ("large", .large), ("trays", .trays),
]

/// What can be asked for by its name; without names all of it.
let parts: [(name: String, run: () -> Void)] = [
  // First: what others leave behind would be counted.
  ("memory", { memory() }),
  ("rounds", { for fleet in fleets { rounds(fleet.shape, sizes) } }),
  (
    "gang",
    {
      largeGang(.large, nodes: 31_248)
      largeGang(.trays, nodes: 62_496)
    }
  ),
  ("never", { neverVerdict(.large) }),
  (
    "preempt",
    {
      for most in [2000.0, 255.0] {
        preempting(.large, nodes: 31_248, mostOfGang: most)
        preempting(.trays, nodes: 62_496, mostOfGang: most)
      }
    }
  ),
  (
    "reclaim",
    {
      for most in [2000.0, 255.0] { for shape in [FleetShape.large, .trays] { reclaiming(shape, mostOfGang: most) } }
    }
  ),
  ("grid", { for shape in [FleetShape.large, .trays] { promises(shape, 10_000) } }),
  ("change", { oneEnd(.large, 10_000) }),
  ("loss", { for shape in [FleetShape.large, .trays] { victimsLoss(shape, cases: 60) } }),
  ("writer", { for count in quick ? [10_000] : [10_000, 100_000] { takingInput(count) } }),
  ("picture", { fleetPictures() }),
  ("jobs", { smallJobs() }),
  ("shortcuts", { for shape in quick ? [.middle] : [FleetShape.middle, .large] { shortcutsAgree(shape, 10_000) } }),
]

if CommandLine.arguments.dropFirst().first == "pending" {
  printPending(.middle, numbers.first ?? 5000)
  exit(0)
}
print("milliseconds: CPU median, CPU least, wall median")
let arguments = CommandLine.arguments.dropFirst().filter { $0 != "quick" && Int($0) == nil }
for fleet in fleets where arguments.contains(fleet.name) { rounds(fleet.shape, sizes) }
for part in parts where arguments.isEmpty || arguments.contains(part.name) {
  part.run()
  fflush(nil)
}
