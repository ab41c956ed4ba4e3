/// Places that others leave to gangs whose wishes are about single nodes (`constraint`, `exclude`, `exclusive`, `spread`), and to
/// those that use parts of several.
///
/// Victims are chosen by counts as for all others, of nodes that the gang may have (`NodeFilter.ofVictims`); one that is to
/// be alone may have those that everybody leaves. Then it is placed member by member in what is free and what they leave.
extension Planner {
  /// As `hold`: the victims' places are free, the gang has its own, and the round says so; or nothing has changed.
  mutating func holdMixed(
    _ gang: borrowing PendingGang, for chosen: [Int32], _ view: borrowing PlanningView, _ round: inout PlanningRound
  ) -> Bool {
    release(chosen, view, sign: 1)
    guard startMixed(gang, view, &round, freed: freed(by: victimsOfRoles + chosen, gang.filter, view)) else {
      release(chosen, view, sign: -1)
      return false
    }
    note(chosen, view, &round)
    return true
  }

  /// By leaf, nodes that a filter lets a gang have and that victims leave, whose places are given back already; empty
  /// without a filter, where the profile says it all.
  func freed(by chosen: [Int32], _ filter: Int32, _ view: borrowing PlanningView) -> [Int32] {
    guard filter >= 0 else { return [] }
    let nodes = view.filters[Int(filter)]
    var freed = [Int32](repeating: 0, count: topology.leaves.count)
    var lanes: Set<Int> = []
    for number in chosen {
      for place in nodes.ofVictims[Int(number)] { freed[Int(place.leaf)] += place.nodes }
      for i in victims.candidates[Int(number)].entries {
        guard case .part(let node, _) = view.running[i].place, lanes.insert(Int(node)).inserted else { continue }
        // A node that nothing uses any more counts as a whole one.
        if nodes.shared[Int(node)], shared.isUnused(lane: Int(node), bucket: 0) {
          freed[Int(view.sharedNodes[Int(node)].leaf)] += 1
        }
      }
    }
    return freed
  }
}
