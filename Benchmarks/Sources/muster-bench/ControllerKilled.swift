import Glibc

/// Row 5: the controller killed 20 times under a loop of submissions.
enum ControllerKilled {
  static func measure() throws -> [Row] {
    let fleet = try Fleet(nodes: 0)
    defer { fleet.end() }
    var acknowledged: [Int: Int] = [:]  // The job's id and its serial number, which is in its name.
    var reused = 0
    var serial = 0
    var restarts: [Double] = []
    for round in 0..<20 {
      if round > 0 {
        try fleet.launch()
        restarts.append(milliseconds(fleet.startNanoseconds))
      }
      let first = serial
      var load = LoadClient(
        port: fleet.port, connections: 8,
        request: {
          LoadClient.post("/v1/jobs", token: fleet.token, body: Array(Submissions.job("kill-\(first + $0)").utf8))
        })
      load.onAcknowledged = { number, body in
        guard let id = (try? JSON.parse(body))?["id"].int else { return }
        if acknowledged.updateValue(first + number, forKey: id) != nil { reused += 1 }
      }
      // Killed from a process of its own, in the middle of the traffic: after 150 to 720 ms.
      let killer = try start(["sh", "-c", "sleep 0.\(150 + round * 30); kill -KILL \(fleet.process)"])
      _ = try load.run(seconds: 30)
      waitFor(killer)
      fleet.killController()
      serial += 10_000_000
    }
    try fleet.launch()
    restarts.append(milliseconds(fleet.startNanoseconds))
    var stored: [Int: String] = [:]
    var after = 0
    while true {
      let page = try fleet.get("/v1/jobs?after=\(after)&limit=500")
      for job in page["jobs"].array {
        if let id = job["id"].int, let name = job["name"].string {
          if stored.updateValue(name, forKey: id) != nil { reused += 1 }
        }
      }
      guard let next = page["next"].int else { break }
      after = next
    }
    let lost = acknowledged.filter { stored[$0.key] != "kill-\($0.value)" }.count
    let note = "\(figure(Double(acknowledged.count))) acknowledged, \(figure(Double(stored.count))) stored"
    return [
      Row(
        what: "20 kills of the controller: acknowledged jobs lost", unit: "jobs", samples: [Double(lost)],
        target: .atMost(0), note: note),
      Row(what: "20 kills of the controller: ids reused", unit: "ids", samples: [Double(reused)], target: .atMost(0)),
      Row(
        what: "restart after a kill until it answers", unit: "ms", samples: restarts, target: .none,
        note: "the last with \(figure(Double(stored.count))) waiting jobs"),
    ]
  }
}
