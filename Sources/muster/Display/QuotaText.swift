import MusterProtocol

/// The tree of projects with what they may use and do use, for people.
enum QuotaText {
  static func tree(_ quota: JSON, _ style: Style) -> String {
    let projects = quota["projects"]?.arrayValue ?? []
    guard !projects.isEmpty else {
      return "No project is declared, and no job holds devices. `muster apply` declares projects.\n"
    }
    var table = Table([
      .init("PROJECT"), .init("TYPE"), .init("GUARANTEED", .right), .init("USED", .right), .init("BORROWED", .right),
      .init("USE"), .init("BORROW", .right), .init("LEND", .right), .init("JOBS", .right), .init("LIMITS"),
    ])
    for (project, branch) in inOrder(projects) { add(project, branch: branch, to: &table) }
    return table.text(style) + "\n" + fleet(quota)
  }

  private static func add(_ project: JSON, branch: String, to table: inout Table) {
    let rows = project["devices"]?.arrayValue ?? []
    let isDeclared = project["declared"]?.boolValue ?? true
    let first: [Table.Cell] = [
      .init(branch + project.shown("name") + (isDeclared ? "" : " (not declared)"), isDeclared ? .strong : .warning)
    ]
    // Under a project's own name its other types follow; the branch goes on beside them.
    let blank = branch.replacing("├─ ", with: "│  ").replacing("└─ ", with: "   ")
    for (index, row) in (rows.isEmpty ? [JSON.null] : rows).enumerated() {
      let borrowed = row["borrowed"]?.intValue ?? 0
      let lead = index == 0 ? first : [.init(blank)]
      let last: [Table.Cell] =
        index == 0 ? [.init(project.shown("runningJobs")), .init(limits(project))] : [.init(""), .init("")]
      let isNone = rows.isEmpty
      table.rows.append(
        lead + [
          .init(isNone ? "-" : row["deviceType"] == .null ? "any" : row.shown("deviceType")),
          .init(row.shown("guaranteed")), .init(row.shown("used")),
          .init(row.shown("borrowed"), borrowed > 0 ? .warning : nil), .init(bar(row), borrowed > 0 ? .warning : .good),
          .init(isNone ? "-" : limit(row, "borrowLimit")), .init(isNone ? "-" : limit(row, "lendLimit")),
        ] + last)
    }
  }

  /// Ten places are the guarantee: `████──────`; what is borrowed stands behind it: `██████████▒▒`.
  private static func bar(_ row: JSON) -> String {
    guard let guaranteed = row["guaranteed"]?.intValue, guaranteed > 0, let used = row["used"]?.intValue else {
      return ""
    }
    let width: Int64 = 10
    func places(_ devices: Int64) -> Int { devices <= 0 ? 0 : Int(max(1, min(devices * width / guaranteed, width))) }
    let (own, borrowed) = (places(min(used, guaranteed)), places(used - guaranteed))
    return String(repeating: "█", count: own) + String(repeating: "─", count: Int(width) - own)
      + String(repeating: "▒", count: borrowed)
  }

  /// Without one, of a project's own quota: all that is idle may be borrowed, all of it lent.
  private static func limit(_ row: JSON, _ name: String) -> String {
    if row["guaranteed"] == .null { return "-" }
    return row[name] == .null ? "all" : row.shown(name)
  }

  private static func limits(_ project: JSON) -> String {
    var texts: [String] = []
    for (name, prefix) in [("limits", ""), ("userLimits", "a user ")] {
      guard let limits = project[name] else { continue }
      if let jobs = limits["runningJobs"]?.intValue { texts.append("\(prefix)\(jobs) jobs") }
      if let devices = limits["devices"]?.intValue { texts.append("\(prefix)\(devices) devices") }
      if let seconds = limits["walltimeSeconds"]?.doubleValue {
        texts.append("\(prefix)\(Timestamps.length(seconds: seconds))")
      }
    }
    return texts.isEmpty ? "-" : texts.joined(separator: ", ")
  }

  /// Children below their parent, each with what is drawn before its name.
  private static func inOrder(_ projects: [JSON]) -> [(JSON, String)] {
    let names = Set(projects.map { $0.shown("name") })
    var children: [String: [JSON]] = [:]
    for project in projects {
      let parent = project["parent"]?.stringValue ?? ""
      children[names.contains(parent) ? parent : "", default: []].append(project)
    }
    var out: [(JSON, String)] = []
    func walk(_ parent: String, _ before: String, isRoot: Bool) {
      // Taken out, so that a circle ends.
      let own = children.removeValue(forKey: parent) ?? []
      for (index, project) in own.enumerated() {
        let isLast = index == own.count - 1
        out.append((project, isRoot ? "" : before + (isLast ? "└─ " : "├─ ")))
        walk(project.shown("name"), isRoot ? "" : before + (isLast ? "   " : "│  "), isRoot: false)
      }
    }
    walk("", "", isRoot: true)
    return out
  }

  private static func fleet(_ quota: JSON) -> String {
    let types = (quota["deviceTypes"]?.arrayValue ?? []).map { type in
      "\(type.shown("devices")) \(type.shown("deviceType") == "-" ? "devices of no known type" : type.shown("deviceType"))"
    }
    return "The fleet has \(types.isEmpty ? "no devices" : types.joined(separator: ", ")).\n"
  }
}
