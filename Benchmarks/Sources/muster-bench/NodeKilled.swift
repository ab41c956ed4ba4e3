import Glibc

/// Row 3: a whole node killed from outside (agent, shim, ranks) until every rank of the next attempt has been exec'ed.
enum NodeKilled {
  static func measure() throws -> [Row] {
    let fleet = try Fleet(nodes: 5)
    defer { fleet.end() }
    let gang = try Gang(.idle, on: fleet)
    var samples: [Double] = []
    for trial in 0..<10 {
      let ranks = try gang.waitUntilRunning()
      try waitUntil("all 5 nodes are ready", seconds: 60) {
        try fleet.get("/v1/nodes")["nodes"].array.filter { $0["state"].string == "ready" }.count == 5
      }
      sleepMilliseconds(1_000)
      let node = ranks[trial * 3 % ranks.count].node
      let there = ranks.filter { $0.node == node }.map(\.process)
      guard let agent = try fleet.ask("node", node)["pid"].int,
        let shim = there.first.flatMap({ ProcessUse($0)?.parent })
      else { throw Failure("no agent or no shim on \(node)") }
      let begin = bootNanoseconds()
      for process in [pid_t(agent), shim] + there { kill(process, SIGKILL) }
      samples.append(try gang.waitForNextAttempt(since: begin))
      _ = try gang.waitUntilRunning()
      let back = try run([try musterBinary(), "resume", node, "--data", fleet.data])
      guard back.code == 0 else { throw Failure("muster resume \(node): exit code \(back.code)") }
    }
    return [
      Row(
        what: "node killed (agent, shim, ranks), 8 idle ranks on 4 of 5 nodes", unit: "ms", samples: samples,
        target: .atMost(3_000))
    ]
  }
}
