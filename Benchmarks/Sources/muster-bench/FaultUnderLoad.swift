import Glibc

/// Row 6: from kill(2) of a rank to the fault on the event stream while 5,000 submissions a second arrive.
enum FaultUnderLoad {
  static func measure() throws -> [Row] {
    [try row(rate: 0, kills: 30), try row(rate: 5_000, kills: 100)]
  }

  private static func row(rate: Int, kills: Int) throws -> Row {
    let fleet = try Fleet(nodes: 4)
    defer { fleet.end() }
    let gang = try Gang(.idle, on: fleet)
    _ = try gang.waitUntilRunning()
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
    var note =
      "p50 \(figure(percentile(samples.sorted(), 0.5))), p99 \(figure(percentile(samples.sorted(), 0.99))) ms; \(figure(took)) s"
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
      what: rate > 0 ? "fault to facts under \(figure(Double(rate))) submissions/s" : "fault to facts, no submissions",
      unit: "ms", samples: samples, target: rate > 0 ? .atMost(20) : .none, isPercentile99: true, note: note)
  }

  private static func isReadable(_ descriptor: Int32) -> Bool {
    var readable = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&readable, 1, 0) > 0
  }
}
