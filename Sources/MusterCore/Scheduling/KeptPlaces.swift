/// What the plan keeps idle for gangs that wait, and what of it has been told: a plan is no fact, and the accounts are made
/// from facts.
struct KeptPlaces: Sendable {
  /// As the last round has it.
  var now: [KeptDevices] = []
  /// Of this controller: its start told that nothing is kept.
  var told: [KeptDevices] = []
  var toldAt = Instant.zero
}

extension Controller {
  /// A round has come back.
  mutating func keep(_ round: borrowing PlanningRound, _ topology: Topology) {
    var sums: [String: Int32] = [:]
    for (type, devices) in zip(topology.deviceTypes, round.kept) where devices > 0 {
      // Nodes with another number of devices are another type for the planner alone.
      sums[type.name, default: 0] += devices
    }
    kept.now = sums.map { KeptDevices(deviceType: $0, devices: $1) }.sorted { $0.deviceType < $1.deviceType }
    tellKept()
  }

  /// When something new is to be told.
  var keptDue: Instant { kept.now == kept.told ? .never : kept.toldAt + limits.placesTold }

  mutating func tellKept() {
    guard now >= keptDue else { return }
    (kept.told, kept.toldAt) = (kept.now, now)
    note(.placesKept(kept.now))
  }
}
