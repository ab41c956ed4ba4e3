import MusterCore

/// People who make join tokens and put machines out, in one seed of eight (so that the other seeds stay what they were).
extension World {
  var hasAdmissions: Bool { seed % 8 == 7 }

  mutating func letInOrOut(_ i: Int, _ chance: inout Chance) {
    if chance.hits(500) {
      guard inject(.tokenCreated, "") else { return }
      order(.createToken(secretHash: "hash-\(seed)", lifetime: .seconds(1)))
    } else if inject(.revoked, nodes[i].name, node: i) {
      order(.revoke(node: nodes[i].name))
    }
  }

  /// After the facts of a revocation: nothing of that machine is heard any more.
  mutating func closeRevoked(_ name: String) {
    guard let node = controller.cluster.node(named: name) else { return }
    for slot in controller.cluster.memberSlots(onNode: node) {
      if let c = host.links[controller.cluster.memberID(slot)] { host.tellings.append(.refused(c, "revoked")) }
    }
    if let c = host.agents[node] { host.tellings.append(.refused(c, "revoked")) }
  }

  /// A revoked machine is looked at, set up anew, and comes back with another key.
  mutating func setUpRevoked() {
    for i in nodes.indices where nodes[i].isOn && !nodes[i].isLostForGood {
      guard controller.isRevoked(machine: nodes[i].machine) else { continue }
      powerOff(i)
      nodes[i].machine += "+"
      bootNode(i)
    }
  }
}
