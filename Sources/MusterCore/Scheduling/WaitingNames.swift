/// Nodes that a cause speaks of, by name and number.
extension Controller {
  /// Which nodes of a type, such as the job may have, did not serve when the round was taken.
  func namesAway(_ type: Int32, _ count: Int32, _ plan: Plan, _ wishes: Wishes) -> String {
    let excluded = numbers(of: wishes.exclude)
    let names = plan.away.filter { i in
      let node = NodeID(i)
      return isNamed(plan.map.type(of: node), as: type, plan) && !excluded.contains(i)
        && matches(node, wishes.constraint)
        && Int(i) < cluster.nodes.count
    }.map { "\(cluster.nodeDetails[Int($0)].joined.name) \(cluster.nodes[Int($0)].state)" }
    guard !names.isEmpty else { return "" }
    // Of a rack with spares so many more may be away before anybody lacks one.
    let among = names.count > Int(count) ? "among " : ""
    return ": " + among + (names.count > 4 ? names.prefix(4).joined(separator: ", ") + ", ..." : Self.list(names))
  }

  /// Nodes with other numbers of the same devices count, too.
  private func isNamed(_ type: Int32, as other: Int32, _ plan: Plan) -> Bool {
    guard type >= 0, let types = plan.map.topology?.deviceTypes else { return false }
    return types[Int(type)].name == types[Int(other)].name
  }

  /// How many nodes of a type, such as the job may have, a window takes.
  func maintenanceTakes(_ type: Int32, _ from: Instant, _ plan: Plan, _ wishes: Wishes) -> String {
    guard let window = plan.map.windows.first(where: { $0.from == from }) else { return "" }
    let excluded = numbers(of: wishes.exclude)
    let taken = window.nodes.indices.count { i in
      window.nodes[i] && isNamed(plan.map.type(of: NodeID(Int32(i))), as: type, plan) && plan.map.isPart(i)
        && !excluded.contains(Int32(i)) && matches(NodeID(Int32(i)), wishes.constraint)
    }
    let topology = plan.map.topology
    let isOneOfSeveral = (topology?.deviceTypes.count ?? 0) > 1
    let of = isOneOfSeveral ? " with \(topology?.deviceTypes[Int(type)].shownName ?? "")" : ""
    return ": it takes \(counted(Int32(taken), "node"))\(of)"
  }
}
