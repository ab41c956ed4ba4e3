public import MusterCore

/// What an `apply` changes, entry by entry.
public struct PolicyChange: Hashable, Sendable {
  public enum Kind: String, Sendable {
    case added, removed, changed
  }
  public var kind: Kind
  /// `project`, `priority`, `place` or `topology`.
  public var what: String
  public var name: String
  /// What it says, or what of it differs: `H100: guaranteed 64 -> 32`.
  public var text: String

  public var json: JSON {
    ["change": .string(kind.rawValue), "what": .string(what), "name": .string(name), "text": .string(text)]
  }

  /// In the order of the policy that is to be; what is removed comes last of its kind.
  public static func between(_ old: Policy, _ new: Policy) -> [PolicyChange] {
    var changes: [PolicyChange] = []
    let (before, after) = (old.topology.effectiveLevels, new.topology.effectiveLevels)
    if before != after {
      changes.append(
        PolicyChange(
          kind: .changed, what: "topology", name: "levels",
          text: "\(before.joined(separator: ", ")) -> \(after.joined(separator: ", "))"))
    }
    changes += entries("place", old.topology.places.map(\.entry), new.topology.places.map(\.entry))
    changes += entries("project", old.projects.map(\.entry), new.projects.map(\.entry))
    changes += entries("priority", old.priorities.map(\.entry), new.priorities.map(\.entry))
    if changes.isEmpty, old != new {
      changes.append(
        PolicyChange(kind: .changed, what: "policy", name: "order", text: "the same entries in another order"))
    }
    return changes
  }

  private static func entries(_ what: String, _ old: [PolicyEntry], _ new: [PolicyEntry]) -> [PolicyChange] {
    var before: [String: PolicyEntry] = [:]
    for entry in old { before[entry.name] = entry }
    var changes: [PolicyChange] = []
    for entry in new {
      guard let was = before.removeValue(forKey: entry.name) else {
        changes.append(PolicyChange(kind: .added, what: what, name: entry.name, text: entry.text))
        continue
      }
      if was != entry {
        changes.append(PolicyChange(kind: .changed, what: what, name: entry.name, text: entry.differences(from: was)))
      }
    }
    for entry in old where before[entry.name] != nil {
      changes.append(PolicyChange(kind: .removed, what: what, name: entry.name, text: entry.text))
    }
    return changes
  }
}

/// An entry of a policy as names with values.
private struct PolicyEntry: Hashable {
  var name: String
  var values: [Value] = []

  struct Value: Hashable {
    var name: String
    var text: String
  }

  mutating func add(_ name: String, _ text: String?) {
    if let text { values.append(Value(name: name, text: text)) }
  }

  var text: String { values.map { "\($0.name) \($0.text)" }.joined(separator: ", ") }

  func differences(from old: PolicyEntry) -> String {
    var texts: [String] = []
    for value in values {
      let was = old.values.first { $0.name == value.name }?.text ?? "none"
      if was != value.text { texts.append("\(value.name) \(was) -> \(value.text)") }
    }
    for value in old.values where !values.contains(where: { $0.name == value.name }) {
      texts.append("\(value.name) \(value.text) -> none")
    }
    return texts.joined(separator: ", ")
  }
}

extension NodePlaces {
  fileprivate var entry: PolicyEntry {
    var entry = PolicyEntry(name: nodes)
    entry.add("in", domains.joined(separator: "/"))
    entry.add("spares", spares > 0 ? "\(spares)" : nil)
    return entry
  }
}

extension PriorityClass {
  fileprivate var entry: PolicyEntry {
    var entry = PolicyEntry(name: name)
    entry.add("value", "\(value)")
    entry.add("preempts", preempts ? "yes" : "no")
    return entry
  }
}

extension ProjectPolicy {
  fileprivate var entry: PolicyEntry {
    var entry = PolicyEntry(name: name)
    entry.add("parent", parent.isEmpty ? nil : parent)
    for quota in quotas {
      let type = quota.deviceType.isEmpty ? "any" : quota.deviceType
      entry.add("\(type) guaranteed", "\(quota.guaranteed)")
      entry.add("\(type) borrowLimit", quota.borrowLimit.map { "\($0)" })
      entry.add("\(type) lendLimit", quota.lendLimit.map { "\($0)" })
    }
    entry.add("weight", weight == 1 ? nil : "\(weight)")
    for (name, limits) in [("limits", limits), ("userLimits", userLimits)] {
      entry.add("\(name).runningJobs", limits.runningJobs.map { "\($0)" })
      entry.add("\(name).devices", limits.devices.map { "\($0)" })
      entry.add("\(name).walltime", limits.walltime.map(JobFileQuantities.text))
    }
    return entry
  }
}
