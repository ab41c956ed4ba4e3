import MusterCore

/// One reading of one policy file. Collects every problem instead of stopping at the first.
struct PolicyReader<Node: JobFileNode> {
  /// How single fields are read and problems noted is the job file's.
  var fields: JobFileReader<Node>
  private var part = PolicyPart()

  private static var kinds: [String] { ["topology", "projects", "priorities"] }

  init(problems: [JobFileProblem] = []) {
    fields = JobFileReader<Node>(context: .wire, problems: problems)
  }

  mutating func read(_ documents: [Node]) -> Result<PolicyPart, JobFileErrors> {
    var seen: [String: Int] = [:]
    for document in documents {
      let members = fields.members(of: document, path: "", field: "", example: "projects: [...]") ?? []
      for member in members {
        if let first = seen[member.name] {
          fields.problem(member.line, "", member.name, member.value.shown, .once(firstLine: first > 0 ? first : nil))
        }
        seen[member.name] = member.line ?? 0
        switch member.name {
        case "topology": part.topology = topology(member.value)
        case "projects": part.projects = projects(member.value)
        case "priorities": part.priorities = priorities(member.value)
        default: fields.unknown(member, path: "", known: Self.kinds)
        }
      }
    }
    if seen.isEmpty, fields.problems.isEmpty {
      fields.problem(nil, "", "", "(nothing)", .required("topology, projects or priorities, one of them at least"))
    }
    guard fields.problems.isEmpty else { return .failure(fields.errors) }
    return .success(part)
  }

  /// The elements of a list of mappings, each with its path.
  private mutating func entries(
    _ node: Node, _ path: String, limit: Int, example: String
  ) -> [(path: String, node: Node, members: [Node.Member])] {
    if node.isNull { return [] }
    guard let elements = node.elements else {
      fields.problem(node.line, "", path, node.shown, .required("a list, e.g. [\(example)]"))
      return []
    }
    if elements.count > limit {
      fields.problem(node.line, "", path, "\(elements.count) entries", .entries(limit: limit))
      return []
    }
    return elements.enumerated().map { index, element in
      let place = "\(path)[\(index)]"
      return (place, element, fields.members(of: element, path: "", field: place, example: example) ?? [])
    }
  }

  // MARK: Topology

  private mutating func topology(_ node: Node) -> TopologyPolicy {
    var topology = TopologyPolicy()
    guard let members = fields.members(of: node, path: "", field: "topology", example: "levels: [block, rack]") else {
      return topology
    }
    var places: Node?
    for member in members where !member.value.isNull {
      switch member.name {
      case "levels": topology.levels = levels(member.value)
      case "places": places = member.value
      default: fields.unknown(member, path: "topology", known: ["levels", "places"])
      }
    }
    if let places { topology.places = read(places, levels: topology.effectiveLevels) }
    return topology
  }

  private mutating func levels(_ node: Node) -> [String] {
    var levels: [String] = []
    for (text, part) in fields.texts(node, "topology.levels", separator: ",", example: "[block, rack]") ?? [] {
      if !JobFileText.isName(text) {
        fields.problem(part.line, "topology", "levels", part.shown, .levelName)
      } else if ["node", "device"].contains(text) || levels.contains(text) {
        fields.problem(
          part.line, "topology", "levels", part.shown,
          .required("each level once, outermost first, without node and device"))
      }
      levels.append(text)
    }
    if levels.count > PolicyPart.Limits.levels {
      fields.problem(
        node.line, "topology", "levels", "\(levels.count) levels", .entries(limit: PolicyPart.Limits.levels))
    }
    return levels
  }

  private mutating func read(_ node: Node, levels: [String]) -> [NodePlaces] {
    var places: [NodePlaces] = []
    var check = PlacesCheck(levels: levels)
    let example = #"{nodes: "rack1-[1-18]", domains: [rack1]}"#
    for entry in entries(node, "topology.places", limit: PolicyPart.Limits.places, example: example) {
      var place = NodePlaces(domains: [], nodes: "")
      var spares: Node.Member?
      for member in entry.members where !member.value.isNull {
        switch member.name {
        case "nodes": place.nodes = fields.word(member.value) ?? "["
        case "domains":
          let texts = fields.texts(member.value, "\(entry.path).domains", separator: ",", example: "[b1, rack1]") ?? []
          place.domains = texts.map(\.text)
        case "spares":
          spares = member
          if let number = fields.integer(member.value, entry.path, "spares", 0...Int64(PolicyPart.Limits.nodes)) {
            place.spares = Int32(number)
          }
        default: fields.unknown(member, path: entry.path, known: ["nodes", "domains", "spares"])
        }
      }
      for found in check.add(place) {
        let line = found.field == "spares" ? spares?.line : entry.members.first { $0.name == found.field }?.line
        fields.problem(line ?? entry.node.line, entry.path, found.field, found.value, found.rule)
      }
      places.append(place)
    }
    return places
  }

  // MARK: Priorities

  private mutating func priorities(_ node: Node) -> [PriorityClass] {
    var priorities: [PriorityClass] = []
    let example = "{name: urgent, value: 1000}"
    for entry in entries(node, "priorities", limit: PolicyPart.Limits.priorities, example: example) {
      var priority = PriorityClass(name: "", value: 0)
      var hasValue = false
      for member in entry.members where !member.value.isNull {
        switch member.name {
        case "name": priority.name = fields.plainText(member.value) ?? member.value.shown
        case "value":
          hasValue = true
          if let number = fields.integer(member.value, entry.path, "value", JobFile.Limits.priority) {
            priority.value = Int32(number)
          }
        case "preempts":
          if let flag = fields.bool(member.value, entry.path, "preempts") { priority.preempts = flag }
        default: fields.unknown(member, path: entry.path, known: ["name", "value", "preempts"])
        }
      }
      let line = entry.members.first { $0.name == "name" }?.line ?? entry.node.line
      if !JobFileText.isPriorityName(priority.name) {
        let shown = priority.name.isEmpty ? "(missing)" : priority.name
        fields.problem(line, entry.path, "name", shown, .required("a name: a letter, then letters, digits, . _ -"))
      } else if priorities.contains(where: { $0.name == priority.name }) {
        fields.problem(line, entry.path, "name", priority.name, .required("each name once"))
      }
      if !hasValue {
        fields.problem(
          entry.node.line, entry.path, "value", "(missing)", .required("the priority's number, higher first"))
      }
      priorities.append(priority)
    }
    return priorities
  }

  // MARK: Projects

  private mutating func projects(_ node: Node) -> [ProjectPolicy] {
    var projects: [ProjectPolicy] = []
    var lines: [Int?] = []
    let example = "{name: vision, quotas: {H100: 64}}"
    for entry in entries(node, "projects", limit: PolicyPart.Limits.projects, example: example) {
      projects.append(project(entry.members, entry.path))
      lines.append(entry.members.first { $0.name == "name" }?.line ?? entry.node.line)
    }
    var tree = ProjectTree(projects)
    for found in tree.check() {
      fields.problem(lines[found.index], "projects[\(found.index)]", found.field, found.value, found.rule)
    }
    return tree.parentsFirst
  }

  private mutating func project(_ members: [Node.Member], _ path: String) -> ProjectPolicy {
    var project = ProjectPolicy(name: "")
    for member in members where !member.value.isNull {
      let value = member.value
      switch member.name {
      case "name": project.name = fields.plainText(value) ?? value.shown
      case "parent": project.parent = fields.plainText(value) ?? value.shown
      case "weight":
        if let number = fields.integer(value, path, "weight", PolicyPart.Limits.weight) {
          project.weight = Int32(number)
        }
      case "quotas": project.quotas = quotas(value, "\(path).quotas")
      case "limits": project.limits = limits(value, "\(path).limits")
      case "userLimits": project.userLimits = limits(value, "\(path).userLimits")
      default:
        fields.unknown(member, path: path, known: ["name", "parent", "weight", "quotas", "limits", "userLimits"])
      }
    }
    return project
  }

  /// By device type: a number, or what is guaranteed with its limits. `any` is of all types together.
  private mutating func quotas(_ node: Node, _ path: String) -> [DeviceQuota] {
    guard let members = fields.members(of: node, path: "", field: path, example: "H100: 64") else { return [] }
    var quotas: [DeviceQuota] = []
    for member in members {
      if member.name != "any", !JobFileText.isDeviceType(member.name) {
        fields.problem(member.line, path, member.name, member.value.shown, .deviceType)
      }
      var quota = DeviceQuota(deviceType: member.name == "any" ? "" : member.name, guaranteed: 0)
      let place = "\(path).\(member.name)"
      guard let parts = member.value.members else {
        if let number = fields.integer(member.value, path, member.name, PolicyPart.Limits.devices) {
          quota.guaranteed = Int32(number)
        }
        quotas.append(quota)
        continue
      }
      for part in parts where !part.value.isNull {
        let known = ["guaranteed", "borrowLimit", "lendLimit"]
        guard known.contains(part.name) else {
          fields.unknown(part, path: place, known: known)
          continue
        }
        guard let number = fields.integer(part.value, place, part.name, PolicyPart.Limits.devices) else { continue }
        switch part.name {
        case "guaranteed": quota.guaranteed = Int32(number)
        case "borrowLimit": quota.borrowLimit = Int32(number)
        default: quota.lendLimit = Int32(number)
        }
      }
      if let lend = quota.lendLimit, lend > quota.guaranteed {
        fields.problem(
          member.line, place, "lendLimit", "\(lend)",
          .required("at most what is guaranteed, which is \(quota.guaranteed)"))
      }
      quotas.append(quota)
    }
    return quotas
  }

  private mutating func limits(_ node: Node, _ path: String) -> UseLimits {
    var limits = UseLimits()
    guard let members = fields.members(of: node, path: "", field: path, example: "devices: 64") else { return limits }
    for member in members where !member.value.isNull {
      let value = member.value
      switch member.name {
      case "runningJobs":
        limits.runningJobs = fields.integer(value, path, member.name, PolicyPart.Limits.runningJobs).map { Int32($0) }
      case "devices":
        limits.devices = fields.integer(value, path, member.name, PolicyPart.Limits.devices).map { Int32($0) }
      case "walltime":
        // Whole seconds: answers say it so.
        limits.walltime = fields.span(value, path, "walltime", zero: false).map {
          Span.seconds(($0.nanoseconds + 999_999_999) / 1_000_000_000)
        }
      // As answers say it, so that what was read may be sent back.
      case "walltimeSeconds":
        limits.walltime = fields.integer(value, path, member.name, 1...315_360_000).map { Span.seconds($0) }
      default: fields.unknown(member, path: path, known: ["runningJobs", "devices", "walltime"])
      }
    }
    return limits
  }
}
