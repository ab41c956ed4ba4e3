import MusterCore

/// Free devices of every node, as counted from a view.
struct CountedFleet: FleetView {
  var free: [UInt64]
  var nodeCount: Int { free.count }
  let all: UInt64
  func free(_ node: NodeID) -> UInt64? { free[Int(node.index)] }
  func devices(_ node: NodeID) -> Int32 { Int32(all.nonzeroBitCount) }
  func isReady(_ node: NodeID) -> Bool { true }
}

/// One gang of half the fleet in segments of 16: planned from a view and given its nodes by name.
func largeGang(_ shape: FleetShape, nodes: Int32) {
  guard let topology = shape.topology() else { return print("\(shape.name): not a topology") }
  for isFragmented in [false, true] {
    var dice = Dice(state: 11)
    var view = PlanningView(now: Workload.now, nodesInService: topology.leaves.map(\.nodes))
    let all: UInt64 = (1 << UInt64(shape.devices)) - 1
    var fleet = CountedFleet(free: Array(repeating: all, count: shape.total), all: all)
    var leafOfNode: [Int32] = []
    for (leaf, value) in topology.leaves.enumerated() {
      // Seven leaves in ten keep room for a segment; the others are used more.
      let most = dice.draw(10) < 7 ? Int(value.nodes) - 16 : Int(value.nodes)
      let busy = isFragmented ? Int32(dice.draw(most + 1)) : 0
      for i in 0..<value.nodes {
        if i < busy { fleet.free[leafOfNode.count] = 0 }
        leafOfNode.append(Int32(leaf))
      }
      guard busy > 0 else { continue }
      view.running.append(
        RunningGang(
          project: -1, place: .whole([LeafNodes(leaf: Int32(leaf), nodes: busy)]),
          end: view.now + .seconds(Int64(dice.logUniform(600, 7 * 86_400)))))
    }
    let gang = PendingGang(nodes: nodes, devicesPerNode: shape.devices, segment: 16, walltime: .seconds(86_400))
    let index = LeafNodeIndex(leafOfNode: leafOfNode, leafCount: topology.leaves.count)
    var planner = Planner(topology: topology)
    var (whole, decision) = (Times(), Times())
    var named = 0
    for _ in 0..<11 {
      var choice = NodeChoice(topology: topology, index: index, nodeCount: shape.total)
      whole.measure {
        planner.prepare(view)
        decision.measure {
          let round = planner.plan(prepared: view, [gang])
          guard case .startsNow(_, let place) = round.answer(0) else { return }
          named = choice.choose(place, devicesPerNode: shape.devices, in: fleet)?.count ?? 0
        }
      }
    }
    print("\(shape.name), gang of \(nodes), \(isFragmented ? "fragmented" : "empty"): \(named) nodes named")
    print("  with the profile from the view \(whole.text)")
    print("  on a ready profile             \(decision.text)")
  }
}

/// A gang that can never run, with every reason.
func neverVerdict(_ shape: FleetShape) {
  guard let topology = shape.topology() else { return print("\(shape.name): not a topology") }
  var workload = Workload(seed: 5, shape)
  let view = workload.busyView(topology)
  var planner = Planner(topology: topology)
  planner.prepare(view)
  let gangs = [
    PendingGang(nodes: Int32(shape.total) + 16, devicesPerNode: shape.devices, walltime: nil),
    PendingGang(nodes: 64, devicesPerNode: shape.devices, segment: 32, walltime: nil),
    PendingGang(nodes: 1, devicesPerNode: 65, walltime: nil),
    PendingGang(nodes: 4096, devicesPerNode: 4, within: PendingGang.Scope(level: 1), walltime: nil),
    PendingGang(nodes: 8, devicesPerNode: 8, deviceTypes: [7], walltime: nil),
  ]
  var times = Times()
  var text: [String] = []
  for _ in 0..<11 {
    for gang in gangs {
      text.removeAll()
      times.measure {
        let round = planner.plan(prepared: view, [gang])
        if case .never(let reasons) = round.answer(0) { text = reasons.map { $0.message(topology) } }
      }
    }
  }
  print(
    "\(shape.name), can never run, \(gangs.count) gangs, with the text \(times.text) (0.00: below 5 microseconds), last: \(text.first ?? "")"
  )
}

/// Starts with and without the shortcuts that guess: small fleets do not test them.
func shortcutsAgree(_ shape: FleetShape, _ count: Int) {
  guard let topology = shape.topology() else { return print("\(shape.name): not a topology") }
  var workload = Workload(seed: 5, shape)
  let view = workload.busyView(topology)
  let pending = workload.gangs(count)
  var all = Planner(topology: topology)
  var none = Planner(topology: topology, shortcuts: [.jumps, .minima, .totals])
  let (fast, slow) = (all.plan(view, pending), none.plan(view, pending))
  let moved = pending.indices.filter { fast.answer($0) != slow.answer($0) }.count
  print("\(shape.name), \(count) pending: \(moved) answers differ without bounds")
}
