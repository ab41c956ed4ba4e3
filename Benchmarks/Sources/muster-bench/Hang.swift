import Glibc

/// Row 4: a rank that hangs, in a gang of 4 in lockstep with steps of 0.2 s, until the verdict is an event.
enum Hang {
  static func stopped() throws -> [Row] { [try row("rank stopped (SIGSTOP), until the verdict", .stopped)] }
  static func busy() throws -> [Row] { [try row("rank in a busy loop, until the verdict", .busy)] }
  static func read() throws -> [Row] { [try row("rank in a blocked read, until the verdict", .read)] }

  private enum Form: String {
    case stopped = "none"
    case busy
    case read
  }

  private static func row(_ what: String, _ form: Form) throws -> Row {
    let fleet = try Fleet(nodes: 4)
    defer { fleet.end() }
    var samples: [Double] = []
    var right = 0
    var unknown = 0
    for trial in 0..<5 {
      let culprit = (trial * 3 + 1) % 4
      let output = fleet.folder + "/output-\(trial)"
      let id = try submit(form, culprit: culprit, output: output, on: fleet)
      let (reader, writer) = try makePipe()
      let follower = try start(
        [try musterBinary(), "events", "\(id)", "-f", "--json", "--data", fleet.data], output: writer)
      close(writer)
      let stream = EventStream(pipe: reader)
      let begin = try hang(form, culprit: culprit, job: id, output: output, on: fleet)
      guard let event = try stream.next(within: 120, where: { $0.kind == "faultFound" }) else {
        throw Failure("no fault was found within 120 s")
      }
      samples.append(Double(event.at - begin) / 1e9)
      let named = event.json["fault"]["rank"].int
      if named == culprit {
        right += 1
      } else {
        unknown += named == nil ? 1 : 0
        say("  rank \(culprit) hangs; said: \(event.json["fault"]["evidence"].array.compactMap(\.string))")
      }
      kill(follower, SIGKILL)
      waitFor(follower)
      _ = try fleet.post("/v1/jobs/\(id)/cancel")
      try waitUntil("job \(id) has ended", seconds: 90) { try fleet.get("/v1/jobs/\(id)")["endedAt"].string != nil }
    }
    return Row(
      what: what, unit: "s", samples: samples, target: .atMost(5),
      note: "the right rank named \(right) of \(samples.count) times, none \(unknown), a wrong one "
        + "\(samples.count - right - unknown)")
  }

  private static func submit(_ form: Form, culprit: Int, output: String, on fleet: Fleet) throws -> Int {
    let binary = selfPath()
    // .../Benchmarks/.build/<triple>/release/muster-bench, or MUSTER_BENCH_EXAMPLES for a copy elsewhere.
    let examples = environment("MUSTER_BENCH_EXAMPLES") ?? binary.components(upTo: "/Benchmarks/") + "/examples"
    let script = examples + "/faults/hang.py"
    guard access(script, R_OK) == 0 else { throw Failure("no \(script): set MUSTER_BENCH_EXAMPLES") }
    let words =
      "exec /usr/bin/python3 \(script) --form \(form.rawValue) --hang-rank \(culprit) --hang-at-step 25 --steps 100000"
    return try fleet.submit(
      """
      name: hang-\(form.rawValue)
      gang: {nodes: 4, devicesPerNode: 1}
      command: [sh, -c, "\(words) --step-seconds 0.2 >> \(output)"]
      stop: {signal: KILL, grace: 1s}
      """)
  }

  /// Makes it hang, or waits until it does; the moment.
  private static func hang(_ form: Form, culprit: Int, job: Int, output: String, on fleet: Fleet) throws -> Int64 {
    if form == .stopped {
      try waitUntil("25 steps", seconds: 60) { try fleet.get("/v1/jobs/\(job)")["step"].int ?? 0 >= 25 }
      let ranks = try fleet.get("/v1/jobs/\(job)")["ranks"].array
      guard let process = ranks.first(where: { $0["rank"].int == culprit })?["pid"].int else {
        throw Failure("rank \(culprit) has no process")
      }
      let begin = bootNanoseconds()
      kill(pid_t(process), SIGSTOP)
      return begin
    }
    try waitUntil("the rank hangs", seconds: 60) { (readText(output) ?? "").contains("hangs at step") }
    return bootNanoseconds()
  }
}

extension String {
  /// What stands before the first occurrence.
  fileprivate func components(upTo part: String) -> String {
    let sought = Array(part.utf8)
    let all = Array(utf8)
    guard all.count >= sought.count else { return "." }
    for place in 0...(all.count - sought.count) where all[place..<(place + sought.count)].elementsEqual(sought) {
      return String(decoding: all[..<place], as: UTF8.self)
    }
    return "."
  }
}
