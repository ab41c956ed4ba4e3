/// Maintenance as a round sees it.
extension Controller {
  /// Leaf by leaf: what lies wholly within a window is closed, of others so many nodes are taken: those that would be free
  /// then.
  func maintenanceWindows(_ builder: borrowing ViewBuilder) -> [MaintenanceWindow] {
    var found: [MaintenanceWindow] = []
    for window in fleetMap.windows where window.to > now {
      var known = [Int32](repeating: 0, count: builder.nodesInService.count)
      var taken = known
      for i in window.nodes.indices where window.nodes[i] {
        let leaf = fleetMap.index.leaf(NodeID(Int32(i)))
        guard leaf >= 0 else { continue }
        known[Int(leaf)] += 1
        // One that is away is in no count, one that is in use until then is taken by its gang.
        if builder.isServing[i], builder.busyUntil[i] < window.to { taken[Int(leaf)] += 1 }
      }
      for (leaf, count) in taken.enumerated() where known[leaf] > 0 {
        let isWhole = Int(known[leaf]) == fleetMap.index.nodes(Int32(leaf)).count
        let shared = builder.shared.indices.filter { number in
          builder.shared[number].leaf == Int32(leaf) && window.nodes[Int(builder.shared[number].node.index)]
        }
        found.append(
          MaintenanceWindow(
            leaves: Int32(leaf)..<Int32(leaf) + 1, from: window.from, to: window.to, nodes: isWhole ? nil : count,
            sharedNodes: shared.map { Int32($0) }))
      }
    }
    return found
  }

  /// As far as a round looks ahead: what comes later keeps nobody away.
  func endOfUse(ofJob slot: Int32) -> Instant { min(walltimeEnd(slot), now + limits.planningHorizon) }
}
