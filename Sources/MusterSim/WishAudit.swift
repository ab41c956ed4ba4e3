import MusterCore

/// Whether gangs get what their jobs asked for, judged from the facts alone and by rules written a second time.
struct WishAudit: Sendable {
  private var names: [String] = []
  private var types: [String] = []
  private var labels: [[Label]] = []
  private var held: Set<Int64> = []
  private var started: Set<Int64> = []
  private var ended: [Int64: JobState] = [:]
  /// Members on each node that have not stopped: of which attempts, and whether alone.
  private var onNode: [[AttemptID: Bool]] = []

  mutating func see(_ event: Fact.Event) {
    switch event {
    case .nodeJoined(let joined):
      names.append(joined.name)
      types.append(joined.deviceType)
      labels.append([])
      onNode.append([:])
    case .nodeReturned(let joined): types[Int(joined.node.index)] = joined.deviceType
    case .nodeLabelled(let node, let new): labels[Int(node.index)] = new
    case .jobSubmitted(let submitted): if submitted.spec.wishes.isHeld { held.insert(submitted.job.number) }
    case .jobHeld(let job): held.insert(job.number)
    case .jobReleased(let job): held.remove(job.number)
    case .jobEnded(let end): ended[end.job.number] = end.state
    default: break
    }
  }

  mutating func stopped(_ attempt: AttemptID, on node: NodeID) { onNode[Int(node.index)][attempt] = nil }

  private func value(_ node: NodeID, _ key: String) -> String? {
    labels[Int(node.index)].first { $0.key == key }?.value
  }

  /// - Returns: what a submission breaks.
  func submit(_ spec: JobSpec) -> String? {
    for dependency in spec.wishes.dependsOn {
      let state = ended[dependency.job.number]
      let isHopeless =
        switch dependency.kind {
        case .afterok: state.map { $0 != .completed } ?? false
        case .afternotok: state == .completed
        case .after, .afterany, .singleton: false
        }
      if isHopeless { return "is to wait for \(dependency.text), and that is over" }
    }
    return nil
  }

  /// - Returns: what a start breaks.
  mutating func start(_ start: AttemptStarted, _ spec: JobSpec, at: Instant) -> String? {
    defer { started.insert(start.attempt.job.number) }
    var first = 0
    for (role, wishes) in [(spec.role, spec.wishes)] + spec.further.map({ ($0.role, $0.wishes) }) {
      let nodes = start.places[first...].prefix(Int(role.nodes)).map(\.node)
      first += nodes.count
      if let why = place(of: nodes, wishes, start.attempt) { return "role \(role.name): \(why)" }
      let own = Set(nodes.map { types[Int($0.index)] })
      if role.devicesPerNode > 0, own.count > 1 { return "role \(role.name): has devices of \(own.sorted())" }
    }
    guard start.attempt.number == 1 else { return nil }
    let wishes = spec.wishes
    if held.contains(start.attempt.job.number) { return "is on hold" }
    if wishes.begin > at { return "starts before \(wishes.begin)" }
    for dependency in wishes.dependsOn where !isMet(dependency) { return "does not wait for \(dependency)" }
    return nil
  }

  private mutating func place(of nodes: [NodeID], _ wishes: Wishes, _ attempt: AttemptID) -> String? {
    for node in nodes {
      for (other, isAlone) in onNode[Int(node.index)] where isAlone || wishes.isExclusive {
        return "\(node) is \(other)'s, and one of the two asked to be alone"
      }
    }
    for node in nodes { onNode[Int(node.index)][attempt] = wishes.isExclusive }
    let racks = nodes.map { value($0, "rack") ?? "default" }
    for first in stride(from: 0, to: racks.count, by: Int(wishes.segment))
    where Set(racks[first..<first + Int(wishes.segment)]).count > 1 {
      return "the segment from rank \(first) on is split over \(racks)"
    }
    if wishes.within?.isRequired == true, Set(racks).count > 1 { return "lies in \(racks), not in one" }
    if let spread = wishes.spread, racks.contains(where: { rack in racks.count { $0 == rack } > Int(spread.atMost) }) {
      return "is not spread: \(racks)"
    }
    for node in nodes {
      if wishes.exclude.contains(names[Int(node.index)]) { return "has \(node), which it left out" }
      for rule in wishes.constraint where value(node, rule.key) != rule.value { return "\(node) has not \(rule)" }
    }
    return nil
  }

  private func isMet(_ dependency: Dependency) -> Bool {
    let state = ended[dependency.job.number]
    return switch dependency.kind {
    case .after: state != nil || started.contains(dependency.job.number)
    case .afterok: state == .completed
    case .afterany: state != nil
    case .afternotok: state != nil && state != .completed
    case .singleton: true
    }
  }
}
