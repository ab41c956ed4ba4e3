import Glibc

/// Row 6: from kill(2) of a rank to the fault on the event stream while 5,000 submissions a second arrive, and while
/// the planner has 10,000 gangs to look at and there is always something new to plan.
enum FaultUnderLoad {
  static func measure() throws -> [Row] {
    [
      try row("fault to facts, no submissions", rate: 0, kills: 30),
      try row("fault to facts under 5,000 submissions/s", rate: 5_000, kills: 100),
      try row("fault to facts while rounds run without pause", rate: 500, kills: 100, pending: 10_000),
    ]
  }

  /// Gangs of many shapes that cannot start: the one that is measured has the whole fleet. Each submission is a reason
  /// for another round, and each takes longer than the next one is away.
  private static func fill(_ fleet: Fleet, _ count: Int) throws {
    let load = LoadClient(
      port: fleet.port, connections: 4,
      request: { i in
        let jobs = (0..<100).map { k in
          #"{"name":"waits","gang":{"nodes":\#(1 + k % 4),"devicesPerNode":\#(1 + (i + k) % 8)},"command":["true"],"#
            + #""workingDirectory":"/","walltime":"\#(10 + (i * 100 + k) % 5_000)m"}"#
        }
        return LoadClient.post(
          "/v1/jobs", token: fleet.token, body: Array("[\(jobs.joined(separator: ","))]".utf8))
      })
    let outcome = try load.run(seconds: 60, count: count / 100)
    guard outcome.acknowledged == count / 100 else { throw Failure("refused: \(outcome.refusal)") }
  }

  private static func row(_ what: String, rate: Int, kills: Int, pending: Int = 0) throws -> Row {
    let fleet = try Fleet(nodes: 4)
    defer { fleet.end() }
    let gang = try Gang(.idle, on: fleet)
    _ = try gang.waitUntilRunning()
    try fill(fleet, pending)
    let stream = try EventStream(fleet, job: gang.id)
    let (reader, writer) = try makePipe()
    defer { close(reader) }
    var pacer: pid_t = 0
    let seconds = kills * 3 / 10 + 5
    if rate > 0 {
      pacer = try start(
        [selfPath(), "pace", "\(fleet.port)", fleet.data + "/token", "\(rate)", "\(seconds)"], output: writer)
    }
    close(writer)
    sleepMilliseconds(1_000)
    var samples: [Double] = []
    var unloaded = 0
    let first = bootNanoseconds()
    let before = processorNanoseconds(fleet.process)
    for trial in 0..<kills {
      let ranks = try gang.waitUntilRunning()
      let due = first + Int64(trial) * 300_000_000 - bootNanoseconds()
      if due > 0 { sleepMilliseconds(Int(due / 1_000_000)) }
      let begin = bootNanoseconds()
      guard kill(ranks[trial * 3 % ranks.count].process, SIGKILL) == 0 else { throw Failure("cannot kill a rank") }
      guard
        let event = try stream.next(
          within: 20, where: { $0.kind == "faultFound" && $0.json["attempt"].int == gang.attempt })
      else { throw Failure("no fault within 20 s") }
      samples.append(milliseconds(event.at - begin))
      if pacer > 0 && isReadable(reader) { unloaded += 1 }  // The pacer has told its sum: it has ended.
      _ = try gang.waitForNextAttempt(since: begin)
    }
    let took = Double(bootNanoseconds() - first) / 1e9
    let busy = Double(processorNanoseconds(fleet.process) - before) / 1e7 / took
    var note =
      "p50 \(figure(percentile(samples.sorted(), 0.5))), p99 \(figure(percentile(samples.sorted(), 0.99))) ms; \(figure(took)) s;"
      + " the server used \(figure(busy)) % of a core"
    if pacer > 0 {
      waitFor(pacer)
      var bytes = [UInt8](repeating: 0, count: 100)
      let count = read(reader, &bytes, bytes.count)
      let words = String(decoding: bytes[..<max(0, count)], as: UTF8.self).split(whereSeparator: {
        $0 == " " || $0 == "\n"
      })
      note +=
        "; \(words.first.map(String.init) ?? "no") submissions/s arrived for \(seconds) s, \(words.dropFirst().first ?? "?") refused"
    }
    if unloaded > 0 { note += "; the last \(unloaded) kills came after its end" }
    return Row(
      what: what, unit: "ms", samples: samples, target: rate > 0 ? .atMost(20) : .none, isPercentile99: true, note: note
    )
  }

  private static func isReadable(_ descriptor: Int32) -> Bool {
    var readable = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&readable, 1, 0) > 0
  }
}
