import Glibc

/// Row 2: from kill(2) of one of 8 ranks on 4 nodes until every rank of the next attempt has been exec'ed.
enum RankKilled {
  static func idle() throws -> [Row] {
    [try row("rank killed, 8 idle ranks", .idle, kills: 50, median: 40, worst: 150)]
  }
  static func busy() throws -> [Row] {
    [try row("rank killed, 8 busy loops", .busy, kills: 50, median: 120, worst: 400)]
  }
  static func torch() throws -> [Row] {
    guard try run(["/usr/bin/python3", "-c", "import torch"]).code == 0 else {
      throw Failure("no torch: apt install python3-torch")
    }
    let kills = environment("MUSTER_BENCH_TORCH_KILLS").flatMap { Int($0) } ?? 15
    return [try row("rank killed, 8 torch ranks", .torch, kills: kills, median: 350, worst: 1_000)]
  }

  private static func row(_ what: String, _ kind: Gang.Kind, kills: Int, median: Double, worst: Double) throws -> Row {
    let fleet = try Fleet(nodes: 4)
    defer { fleet.end() }
    let gang = try Gang(kind, on: fleet)
    var samples: [Double] = []
    var stopped: [Double] = []
    var note = ""
    for trial in 0..<kills {
      let ranks = try gang.waitUntilRunning()
      sleepMilliseconds(200)  // An attempt that has settled, not one that still starts.
      let victim = ranks[trial * 3 % ranks.count]
      if trial == 0 { note = "rank RSS \(figure(statusMegabytes(victim.process, "VmRSS"))) MB" }
      let begin = bootNanoseconds()
      guard kill(victim.process, SIGKILL) == 0 else { throw Failure("cannot kill rank \(victim.rank)") }
      samples.append(try gang.waitForNextAttempt(since: begin))
      let starts = gang.marks.starts(of: gang.attempt)
      stopped.append(milliseconds((starts.min() ?? begin) - begin))
    }
    stopped.sort()
    note += "; first rank of the next attempt after \(figure(percentile(stopped, 0.5))) ms"
    return Row(
      what: what, unit: "ms", samples: samples, target: .atMost(median), worstTarget: worst, note: note)
  }
}
