import MusterCore

/// One thing wrong in an entry of a policy.
struct PolicyFinding {
  /// Of the entry in its list.
  var index: Int
  var field: String
  var value: String
  var rule: JobFileRule
}

/// What must hold between places: each node in one of them, a domain's name of one parent only.
struct PlacesCheck {
  let levels: [String]
  private var count = 0
  private var placeOfNode: [String: Int] = [:]
  /// What stands outside of a domain, by level and name.
  private var parents: [String: [String]] = [:]

  init(levels: [String]) { self.levels = levels }

  mutating func add(_ place: NodePlaces) -> [PolicyFinding] {
    defer { count += 1 }
    var found: [PolicyFinding] = []
    func find(_ field: String, _ value: String, _ rule: String) {
      found.append(PolicyFinding(index: count, field: field, value: value, rule: .required(rule)))
    }
    do throws(NodeNames.Problem) {
      let names = place.nodes.isEmpty ? [] : try NodeNames.expand(place.nodes, limit: PolicyPart.Limits.nodes)
      if names.isEmpty { find("nodes", "(missing)", #"names of nodes, e.g. "rack1-[1-18]""#) }
      for name in names {
        if let other = placeOfNode.updateValue(count, forKey: name) {
          find("nodes", name, "each node in one place; topology.places[\(other)] has it")
          break
        }
      }
      if place.spares > 0, Int(place.spares) >= names.count {
        find("spares", "\(place.spares)", "fewer than the place has nodes, which are \(names.count)")
      }
      if placeOfNode.count > PolicyPart.Limits.nodes {
        find("nodes", place.nodes, "at most \(PolicyPart.Limits.nodes) nodes in all places")
      }
    } catch {
      switch error {
      case .unreadable(let part):
        find("nodes", part == "[" ? "(unreadable)" : part, "names of nodes, e.g. rack1-[1-18]")
      case .tooMany(let limit): find("nodes", place.nodes, "at most \(limit) nodes")
      }
    }
    let domains = place.domains
    guard domains.count == levels.count else {
      let shown = domains.isEmpty ? "(missing)" : "[\(domains.joined(separator: ", "))]"
      find("domains", shown, "one name for each level, which are \(levels.joined(separator: ", "))")
      return found
    }
    for (level, domain) in domains.enumerated() {
      guard JobFileText.isName(domain) else {
        find("domains", domain, "names of 1 to 128 letters, digits, dots, underscores or hyphens")
        continue
      }
      let outer = Array(domains[..<level])
      let known = parents["\(level) \(domain)"] ?? outer
      parents["\(level) \(domain)"] = known
      if known != outer {
        find(
          "domains", domain, "another name: a \(levels[level]) of this name lies in \(known.joined(separator: ", "))")
      }
    }
    return found
  }
}

/// What must hold between projects: a tree, and no more guaranteed to the children than to their parent.
struct ProjectTree {
  private let projects: [ProjectPolicy]
  private var index: [String: Int] = [:]
  /// Depth-first as written, but parents before their children. All of them, where the tree is one.
  private(set) var parentsFirst: [ProjectPolicy] = []

  init(_ projects: [ProjectPolicy]) { self.projects = projects }

  mutating func check() -> [PolicyFinding] {
    var found: [PolicyFinding] = []
    for (i, project) in projects.enumerated() {
      guard JobFileText.isName(project.name) else {
        let shown = project.name.isEmpty ? "(missing)" : project.name
        found.append(PolicyFinding(index: i, field: "name", value: shown, rule: .name))
        continue
      }
      if let first = index[project.name] {
        found.append(
          PolicyFinding(
            index: i, field: "name", value: project.name, rule: .required("each project once; projects[\(first)] is it")
          ))
      } else {
        index[project.name] = i
      }
    }
    for (i, project) in projects.enumerated() where !project.parent.isEmpty && index[project.parent] == nil {
      found.append(
        PolicyFinding(
          index: i, field: "parent", value: project.parent, rule: .required("the name of a project in this list")))
    }
    order()
    if found.isEmpty { found = cycles() }
    return found + guarantees()
  }

  private mutating func order() {
    var children: [String: [Int]] = [:]
    for (i, project) in projects.enumerated() { children[project.parent, default: []].append(i) }
    var stack = Array((children[""] ?? []).reversed())
    while let i = stack.popLast() {
      parentsFirst.append(projects[i])
      stack += (children[projects[i].name] ?? []).reversed()
      // Doubled names would hand their children out twice, and are refused anyway.
      children[projects[i].name] = nil
    }
  }

  /// What no root leads to is in a circle, or below one.
  private func cycles() -> [PolicyFinding] {
    let reached = Set(parentsFirst.map(\.name))
    return projects.enumerated().filter { !reached.contains($0.element.name) }.map { i, project in
      PolicyFinding(
        index: i, field: "parent", value: project.parent,
        rule: .required("a tree: from \(project.name) upwards no project is its own parent's parent"))
    }
  }

  private func guarantees() -> [PolicyFinding] {
    var sums: [String: [String: Int64]] = [:]
    for project in projects where !project.parent.isEmpty {
      for quota in project.quotas {
        sums[project.parent, default: [:]][quota.deviceType, default: 0] += Int64(quota.guaranteed)
      }
    }
    var found: [PolicyFinding] = []
    for (i, project) in projects.enumerated() {
      for quota in project.quotas {
        guard let sum = sums[project.name]?[quota.deviceType], sum > Int64(quota.guaranteed) else { continue }
        let type = quota.deviceType.isEmpty ? "any" : quota.deviceType
        found.append(
          PolicyFinding(
            index: i, field: "quotas.\(type)", value: "\(quota.guaranteed)",
            rule: .required("at least what is guaranteed to its children together, which is \(sum)")))
      }
    }
    return found
  }
}
