import Glibc

/// Row 8: how long people wait for `muster up` and `muster version`.
enum Starting {
  static func measure() throws -> [Row] {
    var up: [Double] = []
    var ready: [Double] = []
    for _ in 0..<5 {
      let begin = bootNanoseconds()
      let fleet = try Fleet(nodes: 8)
      defer { fleet.end() }
      up.append(Double(fleet.startNanoseconds) / 1e9)
      try waitUntil("8 nodes are ready", seconds: 30) {
        try fleet.get("/v1/nodes")["nodes"].array.filter { $0["state"].string == "ready" }.count == 8
      }
      ready.append(Double(bootNanoseconds() - begin) / 1e9)
    }
    var version: [Double] = []
    for _ in 0..<20 {
      let begin = bootNanoseconds()
      guard try run([try musterBinary(), "version"]).code == 0 else { throw Failure("muster version failed") }
      version.append(milliseconds(bootNanoseconds() - begin))
    }
    return [
      Row(
        what: "muster up --nodes 8 until it says so", unit: "s", samples: up, target: .atMost(2),
        note: "all 8 nodes ready after \(figure(percentile(ready.sorted(), 0.5))) s"),
      Row(what: "muster version", unit: "ms", samples: version, target: .atMost(20)),
    ]
  }
}
