/// What a round leaves idle though gangs wait. Nobody starts by it: it is for the accounts.
extension Planner {
  /// Idle devices that are kept for gangs that wait, by type: whole nodes that are free after the round's starts, and that
  /// a job without an end could not have because the place of a later start needs them; and what a gang gathers. A gang
  /// counts that would start now if the nodes were there: not one that waits for its `begin` or its quota. Parts of shared
  /// nodes are not counted, nor more nodes of a leaf than the counting gangs have there together.
  func keptDevices(
    _ view: borrowing PlanningView, _ pending: borrowing [PendingGang], _ round: borrowing PlanningRound
  ) -> [Int32] {
    var promised: [Int32] = []
    for (i, entry) in round.entries.enumerated() where entry.kind == .later && entry.lane == -1 {
      guard pending[i].begin <= view.now, entry.wait.quotaLeft >= entry.wait.charge else { continue }
      if promised.isEmpty { promised = Array(repeating: 0, count: topology.leaves.count) }
      for place in round.places[Int(entry.first)..<Int(entry.first + entry.count)] {
        promised[Int(place.leaf)] += place.nodes
      }
    }
    var kept = gathered
    guard !promised.isEmpty else { return kept }
    for (i, group) in layout.groups.enumerated() {
      let (block, least) = (nodes.blocks[i], nodes.row(0, i))
      block.windowMinimum(
        from: 0, through: grid.bucketCount - 1, useMinima: shortcuts.contains(.minima), into: least)
      for lane in 0..<group.lanes {
        let waiting = promised[Int(layout.leafOfLane[group.firstLane + lane])]
        guard waiting > 0 else { continue }
        let idle = Int32(block.value(0, lane)) - Int32(least.load(fromByteOffset: lane, as: UInt8.self))
        kept[Int(group.type)] += min(idle, waiting) * topology.deviceTypes[Int(group.type)].devicesPerNode
      }
    }
    return kept
  }
}
