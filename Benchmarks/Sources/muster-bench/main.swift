import Glibc

/// A part of the benchmark by its name on the command line.
struct Part {
  var name: String
  var what: String
  var measure: () throws -> [Row]
}

let parts = [
  Part(name: "submissions", what: "durable submissions a second", measure: Submissions.measure),
  Part(name: "rank-idle", what: "one of 8 idle ranks killed", measure: RankKilled.idle),
  Part(name: "rank-busy", what: "one of 8 busy ranks killed", measure: RankKilled.busy),
  Part(name: "rank-torch", what: "one of 8 torch ranks killed", measure: RankKilled.torch),
  Part(name: "idle", what: "an idle agent, an idle shim", measure: Idle.measure),
  Part(name: "node", what: "a whole node killed", measure: NodeKilled.measure),
  Part(name: "hang-stopped", what: "a rank stopped by a signal", measure: Hang.stopped),
  Part(name: "hang-busy", what: "a rank in a busy loop", measure: Hang.busy),
  Part(name: "hang-read", what: "a rank in a blocked read", measure: Hang.read),
  Part(name: "controller", what: "the controller killed under submissions", measure: ControllerKilled.measure),
  Part(name: "load", what: "faults while submissions arrive, while rounds run", measure: FaultUnderLoad.measure),
  Part(name: "start", what: "muster up, muster version", measure: Starting.measure),
  Part(name: "journal", what: "the journal's size", measure: JournalSize.measure),
]

func fail(_ text: String) -> Never {
  say("muster-bench: \(text)")
  exit(1)
}

do {
  let words = Array(CommandLine.arguments.dropFirst())
  if words.first == "pace" {
    try Pace.run(words)
    exit(0)
  }
  let wanted = words.isEmpty || words == ["all"] ? parts.map(\.name) : words
  guard wanted.allSatisfy({ name in parts.contains { $0.name == name } }) else {
    let list = parts.map { "  \($0.name): \($0.what)" }.joined(separator: "\n")
    fail("usage: muster-bench [all | PART...]; MUSTER_BIN names the binary.\n\(list)")
  }
  try Guardian.guardThisRun()
  print(try Machine.describe() + "\n")
  var rows: [Row] = []
  for part in parts where wanted.contains(part.name) {
    say("\(part.name): \(part.what) ...")
    do {
      let found = try part.measure()
      rows += found
      for row in found { say(row.line) }
    } catch {
      rows.append(Row(what: part.name, unit: "", samples: [], target: .none, note: "failed: \(error)"))
      say("\(part.name) failed: \(error)")
    }
    killDescendants()
  }
  print(Row.head)
  for row in rows { print(row.line) }
  exit(rows.contains { $0.samples.isEmpty } ? 1 : 0)
} catch {
  fail("\(error)")
}
