import Glibc

/// Row 1: durable, acknowledged, fully validated submissions over HTTP keep-alive.
enum Submissions {
  /// About 350 bytes, as a user's job is.
  static func job(_ name: String) -> String {
    #"{"name":"\#(name)","user":"ada","project":"llm","gang":{"nodes":4,"devicesPerNode":8},"#
      + #""command":["python3","train.py","--epochs","3","--batch-size","32","--lr","3e-4"],"#
      + #""workingDirectory":"/data/projects/llm","environment":{"OMP_NUM_THREADS":"8","NCCL_DEBUG":"WARN","#
      + #""DATA":"/data/sets/web-2026","TOKENIZERS_PARALLELISM":"false","HF_HOME":"/data/hf"},"walltime":"24h"}"#
  }

  static func measure() throws -> [Row] {
    [
      try row("submissions, 1 client", clients: 1, batch: 1, target: 1_000),
      try row("submissions, 64 clients", clients: 64, batch: 1, target: 10_000),
      try row("submissions, 4 clients, 100 jobs a request", clients: 4, batch: 100, target: 40_000),
    ]
  }

  private static func row(_ what: String, clients: Int, batch: Int, target: Double) throws -> Row {
    var rates: [Double] = []
    var latencies: [Double] = []
    var user = 0.0
    var system = 0.0
    var client = 0.0
    var requests = 0
    for _ in 0..<3 {
      let fleet = try Fleet(nodes: 0)
      defer { fleet.end() }
      let one = job("train")
      let body = batch == 1 ? one : "[" + repeatElement(one, count: batch).joined(separator: ",") + "]"
      let request = LoadClient.post("/v1/jobs", token: fleet.token, body: Array(body.utf8))
      let load = LoadClient(port: fleet.port, connections: clients, request: { _ in request })
      _ = try load.run(seconds: 0.3)  // Warm: pages, connections, the journal's file.
      let before = ProcessUse(fleet.process)
      let outcome = try load.run(seconds: 3)
      guard let before, let after = ProcessUse(fleet.process) else { throw Failure("the server has gone") }
      guard outcome.refused == 0, !outcome.isCutOff else { throw Failure("refused: \(outcome.refusal)") }
      rates.append(Double(outcome.acknowledged * batch) / outcome.seconds)
      latencies += outcome.latencies.map(milliseconds)
      user += after.userSeconds - before.userSeconds
      system += after.systemSeconds - before.systemSeconds
      client += outcome.clientSeconds
      requests += outcome.acknowledged
    }
    latencies.sort()
    func each(_ seconds: Double) -> String { figure(seconds * 1e6 / Double(requests)) }
    let note =
      "a request: p50 \(figure(percentile(latencies, 0.5))) ms, p99 \(figure(percentile(latencies, 0.99))) ms; server"
      + " \(each(user)) µs user + \(each(system)) µs system, client \(each(client)) µs"
    return Row(what: what, unit: "jobs/s", samples: rates, target: .atLeast(target), note: note)
  }
}
