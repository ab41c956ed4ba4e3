import Glibc

/// Row 7: what an agent and a shim cost while nothing happens.
enum Idle {
  static func measure() throws -> [Row] {
    let fleet = try Fleet(nodes: 2)
    defer { fleet.end() }
    let id = try fleet.submit("name: idle\ncommand: [sleep, \"100000\"]\n")
    var rank: pid_t = 0
    var node = ""
    try waitUntil("the rank runs", seconds: 30) {
      let ranks = try fleet.get("/v1/jobs/\(id)")["ranks"].array
      guard let first = ranks.first, first["state"].string == "running", let process = first["pid"].int else {
        return false
      }
      rank = pid_t(process)
      node = first["node"].string ?? ""
      return true
    }
    guard let shim = ProcessUse(rank)?.parent else { throw Failure("the rank has gone") }
    let other = node == "node-1" ? "node-2" : "node-1"
    guard let idle = try fleet.ask("node", other)["pid"].int, let working = try fleet.ask("node", node)["pid"].int
    else {
      throw Failure("a node without an agent")
    }
    sleepMilliseconds(2_000)
    let watched: [(what: String, process: pid_t, percent: Double?, megabytes: Double?)] = [
      ("idle agent", pid_t(idle), 0.5, 40), ("agent with one job", pid_t(working), 0.5, 40),
      ("idle shim", shim, 0.2, 16),
      ("controller with 2 local nodes", fleet.process, nil, nil),
    ]
    let seconds = 20
    let before = watched.map { processorNanoseconds($0.process) }
    let begin = bootNanoseconds()
    sleepMilliseconds(seconds * 1_000)
    let passed = Double(bootNanoseconds() - begin)
    var rows: [Row] = []
    for (i, one) in watched.enumerated() {
      let used = Double(processorNanoseconds(one.process) - before[i]) / passed * 100
      rows.append(
        Row(
          what: one.what + ", processor", unit: "% of a core", samples: [used],
          target: one.percent.map { .atMost($0) } ?? .none, note: "over \(seconds) s"))
      let anonymous = figure(statusMegabytes(one.process, "RssAnon"))
      rows.append(
        Row(
          what: one.what + ", memory", unit: "MB", samples: [statusMegabytes(one.process, "VmRSS")],
          target: one.megabytes.map { .atMost($0) } ?? .none,
          note: "resident; \(anonymous) MB of it its own, the rest pages of files that all share"))
    }
    return rows
  }
}
