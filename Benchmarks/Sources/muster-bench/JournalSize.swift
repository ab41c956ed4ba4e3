import Glibc

/// Row 9: what a thousand jobs cost on disk.
enum JournalSize {
  static func measure() throws -> [Row] {
    [
      try row("journal of 1,000 jobs, one a request", batch: 1),
      try row("journal of 1,000 jobs, 100 a request", batch: 100),
      try row("journal of 100,000 jobs, 100 a request, for 1,000", batch: 100, jobs: 100_000),
    ]
  }

  private static func row(_ what: String, batch: Int, jobs: Int = 1_000) throws -> Row {
    let fleet = try Fleet(nodes: 0)
    defer { fleet.end() }
    func size() -> Double {
      Double(fileSize(fleet.data + "/journal.sqlite") + fileSize(fleet.data + "/journal.sqlite-wal")) / 1e6
    }
    let before = size()
    let one = Submissions.job("train")
    let body = batch == 1 ? one : "[" + repeatElement(one, count: batch).joined(separator: ",") + "]"
    let request = LoadClient.post("/v1/jobs", token: fleet.token, body: Array(body.utf8))
    let load = LoadClient(port: fleet.port, connections: 1, request: { _ in request })
    let outcome = try load.run(seconds: 60, count: jobs / batch)
    guard outcome.acknowledged * batch == jobs else {
      throw Failure("only \(outcome.acknowledged * batch) jobs were taken")
    }
    let note =
      "before \(figure(before)) MB; database \(figure(Double(fileSize(fleet.data + "/journal.sqlite")) / 1e6)) MB, "
      + "write-ahead log \(figure(Double(fileSize(fleet.data + "/journal.sqlite-wal")) / 1e6)) MB; a job is \(one.utf8.count) bytes of JSON"
    return Row(what: what, unit: "MB", samples: [(size() - before) / Double(jobs) * 1_000], target: .none, note: note)
  }
}
