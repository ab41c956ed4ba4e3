import MusterProtocol

/// The fleet by its places, for people.
enum TopologyText {
  static let cells: Int64 = 40
  static let domainsShown = 40

  /// - Parameter level: the answer has its domains alone; nil is the tree of all.
  static func text(_ topology: JSON, level: String?, _ style: Style) -> String {
    let levels = topology.texts("levels")
    let domains = (topology["domains"]?.arrayValue ?? []).map { Domain($0, levels) }
    guard !levels.isEmpty, domains.contains(where: { $0.counts.nodes > 0 }) else { return "No nodes.\n" }
    var largest = levels.map { _ in cells }
    for domain in domains { largest[domain.level] = max(largest[domain.level], domain.counts.nodes) }
    let hasHeld = domains.contains { $0.counts.held > 0 }
    let hasMaintenance = domains.contains { $0.counts.maintenance > 0 }
    var table = Table(
      [.init(level?.uppercased() ?? "PLACE"), .init("NODES"), .init("FREE", .right), .init("BUSY", .right)]
        + (hasHeld ? [.init("HELD", .right)] : []) + (hasMaintenance ? [.init("MAINT", .right)] : [])
        + [.init("OUT", .right), .init("DEVICES", .right)])
    let rows = level == nil ? tree(domains, levels) : domains.map { Row(name: $0.path, level: $0.level, $0.counts) }
    for row in rows {
      table.rows.append(
        line(row, largest: largest[row.level], hasHeld: hasHeld, hasMaintenance: hasMaintenance))
    }
    var all = Counts()
    for domain in domains where level != nil || domain.level == 0 { all.add(domain.counts) }
    return table.text(style) + "\n" + style.paint(legend(all), .faint) + "\n\n" + places(topology, levels, style)
  }

  /// Beside `free` and `busy` only what there is.
  private static func legend(_ all: Counts) -> String {
    all.parts.filter { $0.nodes > 0 || $0.isAlwaysTold }.map { "\($0.sign) \($0.nodes) \($0.name)" }
      .joined(separator: "  ")
  }

  /// Nodes that are drawn with one sign.
  private struct Part {
    var sign: String
    var name: String
    var nodes: Int64
    var isAlwaysTold = false
  }

  private struct Counts {
    var nodes: Int64 = 0
    var free: Int64 = 0
    var busy: Int64 = 0
    var held: Int64 = 0
    var maintenance: Int64 = 0
    var spare: Int64 = 0
    /// Suspect and isolated ones, and those that are drained or away, busy or not.
    var out: Int64 = 0
    var suspect: Int64 = 0
    var isolated: Int64 = 0
    var devices: Int64 = 0
    var devicesInUse: Int64 = 0

    mutating func add(_ other: Counts) {
      nodes += other.nodes
      free += other.free
      busy += other.busy
      held += other.held
      maintenance += other.maintenance
      spare += other.spare
      out += other.out
      suspect += other.suspect
      isolated += other.isolated
      devices += other.devices
      devicesInUse += other.devicesInUse
    }

    /// Each node in one of them: one that is drained and still busy is drawn as busy.
    var parts: [Part] {
      let rest = nodes - free - busy - held - maintenance - spare - suspect - isolated
      return [
        Part(sign: "█", name: "busy", nodes: busy, isAlwaysTold: true),
        Part(sign: "▓", name: "held for a gang", nodes: held),
        Part(sign: "?", name: "suspect", nodes: suspect), Part(sign: "×", name: "isolated", nodes: isolated),
        Part(sign: "░", name: "in maintenance", nodes: maintenance),
        Part(sign: "·", name: "kept as spares", nodes: spare),
        Part(sign: "▒", name: "drained or away", nodes: max(0, rest)),
        Part(sign: "─", name: "free", nodes: free, isAlwaysTold: true),
      ]
    }
  }

  private struct Domain {
    var level: Int
    var name: String
    var path: String
    var counts: Counts

    init(_ json: JSON, _ levels: [String]) {
      func count(_ name: String) -> Int64 { json[name]?.intValue ?? 0 }
      level = levels.firstIndex(of: json.shown("level")) ?? 0
      name = json.shown("name")
      path = json.shown("path")
      counts = Counts(
        nodes: count("nodes"), free: count("free"), busy: count("busy"), held: count("held"),
        maintenance: count("maintenance"), spare: count("spare"), out: count("outOfService"), suspect: count("suspect"),
        isolated: count("isolated"), devices: count("devices"), devicesInUse: count("devicesInUse"))
    }
  }

  private struct Row {
    var name: String
    var level: Int
    var counts: Counts
    var isRest = false

    init(name: String, level: Int, _ counts: Counts, isRest: Bool = false) {
      self.name = name
      self.level = level
      self.counts = counts
      self.isRest = isRest
    }
  }

  private static func line(_ row: Row, largest: Int64, hasHeld: Bool, hasMaintenance: Bool) -> [Table.Cell] {
    let counts = row.counts
    let tone: Style.Tone = counts.out > 0 ? .warning : counts.busy > 0 ? .busy : .good
    return [
      .init(row.name, row.isRest ? .faint : .strong), .init(bar(counts, largest: largest), tone),
      .init(String(counts.free)), .init(String(counts.busy)),
    ] + (hasHeld ? [.init(String(counts.held))] : []) + (hasMaintenance ? [.init(String(counts.maintenance))] : [])
      + [.init(String(counts.out), counts.out > 0 ? .warning : nil), .init("\(counts.devicesInUse)/\(counts.devices)")]
  }

  /// One below the other, each with what is drawn before its name. Of many within one domain the last ones are one row.
  private static func tree(_ domains: [Domain], _ levels: [String]) -> [Row] {
    // Each domain is followed by those within it: the last one of the level above is around it.
    var children = [[Int]](repeating: [], count: domains.count + 1)
    var last = levels.map { _ in domains.count }
    for (i, domain) in domains.enumerated() {
      children[domain.level == 0 ? domains.count : last[domain.level - 1]].append(i)
      last[domain.level] = i
    }
    var rows: [Row] = []
    func walk(_ parent: Int, _ before: String, isRoot: Bool) {
      let own = children[parent]
      // A row that says "1 more" would take as much room as that one does.
      let shown = own.count > domainsShown + 1 ? domainsShown : own.count
      for (index, i) in own.prefix(shown).enumerated() {
        let isLast = index == own.count - 1
        rows.append(
          Row(
            name: isRoot ? domains[i].name : before + (isLast ? "└─ " : "├─ ") + domains[i].name,
            level: domains[i].level, domains[i].counts))
        walk(i, isRoot ? "" : before + (isLast ? "   " : "│  "), isRoot: false)
      }
      guard shown < own.count else { return }
      let level = domains[own[shown]].level
      var rest = Counts()
      for i in own.dropFirst(shown) { rest.add(domains[i].counts) }
      let name = "\(own.count - shown) more: --level \(levels[level])"
      rows.append(Row(name: isRoot ? name : before + "└─ " + name, level: level, rest, isRest: true))
    }
    walk(domains.count, "", isRoot: true)
    return rows
  }

  /// A cell is a node, or if the largest domain of the level has more than 40, a part of them; what there is has a cell
  /// of its own where there is room.
  private static func bar(_ counts: Counts, largest: Int64) -> String {
    let nodes = counts.nodes
    guard nodes > 0 else { return "" }
    // The sum of many domains may be more than the largest one.
    let width = min(cells, max(1, (nodes * cells + largest - 1) / largest))
    let all = counts.parts
    let parts = all.map { max(0, $0.nodes) }
    var drawn = parts.map { $0 == 0 ? 0 : max(1, $0 * width / nodes) }
    /// How much too little of a part is drawn.
    func lack(_ part: Int) -> Int64 { parts[part] * width - drawn[part] * nodes }
    while drawn.reduce(0, +) != width {
      let isShort = drawn.reduce(0, +) < width
      let least: Int64 = isShort ? 0 : drawn.contains { $0 > 1 } ? 2 : 1
      let order = parts.indices.filter { drawn[$0] >= least }.sorted { lack($0) > lack($1) }
      guard let part = isShort ? order.first : order.last else { break }
      drawn[part] += isShort ? 1 : -1
    }
    return zip(all, drawn).map { String(repeating: $0.sign, count: Int($1)) }.joined()
  }

  private static func places(_ topology: JSON, _ levels: [String], _ style: Style) -> String {
    let places = topology["places"]?.arrayValue ?? []
    var sizes: [Int64] = []
    for size in places.compactMap({ $0["nodes"]?.intValue }) where !sizes.contains(size) { sizes.append(size) }
    var table = Table(
      [.init("WITHIN ONE")] + sizes.map { .init("\($0) \($0 == 1 ? "NODE" : "NODES")", .right) })
    for level in levels {
      table.rows.append(
        [.init(level, .strong)]
          + sizes.map { size in
            let place = places.first { $0["level"]?.stringValue == level && $0["nodes"]?.intValue == size }
            return .init(place?.shown("count") ?? "-", place?["count"] == 0 ? .warning : nil)
          })
    }
    return "Gangs of whole nodes for which there is room now:\n" + table.text(style)
  }
}
